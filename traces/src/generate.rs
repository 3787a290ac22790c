//! Corpus generation on all cores: record `i` depends on the seed and `i` alone, so the bytes are the same at any thread count and however
//! the run is sharded.

mod distinct;
mod held_out;
mod maker;

use std::{collections::BTreeMap, sync::Arc, thread};

use crossbeam::channel::{Receiver, Sender, bounded};
use metacot_envs::{
    Difficulty, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use serde::{Deserialize, Serialize};

pub use held_out::HeldOut;
pub use maker::{Desk, Maker, plan_texts};

use crate::{
    Budget,
    corpus::{CorpusError, Layout, Manifest, Split, SplitShares, Writer, WriterSpec},
    transform::loss::LossMask,
};

/// Records in one data file; a shard of a run is a range of files.
const RECORDS_PER_FILE: u64 = 50_000;
/// Records that a worker makes at a time; divides [`RECORDS_PER_FILE`].
const CHUNK: u64 = 40;

/// Everything that decides the records of a corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Registered name of the environment.
    pub env: String,
    /// Its difficulty.
    #[serde(default)]
    pub difficulty: Difficulty,
    /// Registered name of the search.
    pub search: String,
    /// Its settings.
    #[serde(default)]
    pub search_settings: Settings,
    /// Registered name of the format.
    pub format: String,
    /// Its settings.
    #[serde(default)]
    pub format_settings: Settings,
    /// Registered name of the transform; `none` for plain texts.
    #[serde(default = "no_transform")]
    pub transform: String,
    /// Its settings.
    #[serde(default)]
    pub transform_settings: Settings,
    /// What of a text is learned.
    #[serde(default)]
    pub loss: LossMask,
    /// What each search may spend.
    #[serde(default)]
    pub budget: Budget,
    /// Which part of the problem space to draw from.
    pub split: Split,
    /// How large the parts are.
    #[serde(default)]
    pub shares: SplitShares,
    /// What only the out-of-distribution splits have: `targets`, `sizes` and `sets` as in [`HeldOut`].
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub hold_out: Settings,
    /// Whether a problem that an earlier id has, up to symmetry, is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distinct: bool,
    /// Number of problems.
    pub count: u64,
    /// Root seed.
    pub seed: u64,
}

impl Spec {
    /// A spec with default settings: no transform, loss on the response, the training split, no problems, seed 1.
    pub fn new(env: &str, search: &str, format: &str) -> Self {
        Self {
            env: env.into(),
            difficulty: Difficulty::default(),
            search: search.into(),
            search_settings: Settings::default(),
            format: format.into(),
            format_settings: Settings::default(),
            transform: no_transform(),
            transform_settings: Settings::default(),
            loss: LossMask::default(),
            budget: Budget::default(),
            split: Split::Train,
            shares: SplitShares::default(),
            hold_out: Settings::default(),
            distinct: false,
            count: 0,
            seed: 1,
        }
    }
}

fn no_transform() -> String {
    NO_TRANSFORM.into()
}

/// The name under which texts stay as they are.
pub const NO_TRANSFORM: &str = "none";

/// A shard of a run: number `index` of `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u64,
    /// At least 1.
    pub count: u64,
}

/// A corpus to write.
#[derive(Clone, Debug)]
pub struct Job {
    /// What the records are.
    pub spec: Spec,
    /// Where they go.
    pub out: std::path::PathBuf,
    /// In which file format.
    pub layout: Layout,
    /// Worker threads, at least 1; no effect on the bytes.
    pub threads: usize,
    /// Which part of the run this is.
    pub shard: Shard,
    /// Whether a finished corpus in `out` may be replaced.
    pub force: bool,
}

/// Generates a corpus; `progress` is told how many records are done.
///
/// # Errors
/// A setting that is not allowed, a folder that cannot be written, or a record that fails its audit.
pub fn generate(job: &Job, progress: &mut dyn FnMut(u64)) -> Result<Manifest, CorpusError> {
    registry::visit(&job.spec.env, Generate { job, progress }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

struct Generate<'a> {
    job: &'a Job,
    progress: &'a mut dyn FnMut(u64),
}

impl EnvironmentVisitor for Generate<'_> {
    type Output = Result<Manifest, CorpusError>;

    fn visit<E: World>(self) -> Self::Output {
        let Job { spec, out, layout, threads, shard, force } = self.job.clone();
        if shard.count == 0 || shard.index >= shard.count {
            return Err(CorpusError::Usage(format!("shard {}/{} is not allowed; expected i/n with i below n", shard.index, shard.count)));
        }
        let mut maker = Maker::<E>::new(&spec)?;
        let num_files = spec.count.div_ceil(RECORDS_PER_FILE).max(1);
        let files = num_files * shard.index / shard.count..num_files * (shard.index + 1) / shard.count;
        let config = serde_json::to_value(&spec).expect("a spec is plain data");
        let prefix = spec.split.name().to_string();
        let mut writer = Writer::create(WriterSpec { folder: out, layout, prefix, files: files.clone(), num_files, config, force })?;
        let ids = files.start * RECORDS_PER_FILE..spec.count.min(files.end * RECORDS_PER_FILE);
        if spec.distinct {
            maker.leave_out(distinct::repeats(&maker, ids.clone(), threads)?);
        }
        let maker = Arc::new(maker);
        let mut taken = 0;
        in_order(&maker, layout, ids.clone(), threads.max(1), &mut |chunk: Chunk| {
            writer.append(&chunk.bytes, chunk.records)?;
            for (name, count) in chunk.counts {
                writer.count(name, count);
            }
            taken += chunk.ids;
            let next = ids.start + taken;
            if next == ids.end || next.is_multiple_of(RECORDS_PER_FILE) {
                writer.end_file()?;
            }
            (self.progress)(taken);
            Ok(())
        })?;
        writer.finish()
    }
}

/// The encoded records of some consecutive ids.
struct Chunk {
    number: u64,
    ids: u64,
    records: u64,
    bytes: Vec<u8>,
    counts: BTreeMap<&'static str, u64>,
}

/// Makes the records of `ids` on `threads` workers and hands the chunks to `take` in order.
fn in_order<E: World>(
    maker: &Arc<Maker<E>>,
    layout: Layout,
    ids: std::ops::Range<u64>,
    threads: usize,
    take: &mut dyn FnMut(Chunk) -> Result<(), CorpusError>,
) -> Result<(), CorpusError> {
    let num_chunks = (ids.end - ids.start).div_ceil(CHUNK);
    let (numbers_in, numbers): (Sender<u64>, Receiver<u64>) = bounded(2 * threads);
    let (chunks_in, chunks) = bounded(2 * threads);
    thread::scope(|scope| {
        // Owned here, so that an early return closes the channels and the workers end.
        let (numbers_in, chunks) = (numbers_in, chunks);
        for _ in 0..threads {
            let (numbers, chunks_in, ids, maker) = (numbers.clone(), chunks_in.clone(), ids.clone(), maker.clone());
            scope.spawn(move || {
                let mut desk = Desk::default();
                for number in numbers {
                    let start = ids.start + number * CHUNK;
                    let chunk = make_chunk(&maker, layout, number, start..ids.end.min(start + CHUNK), &mut desk);
                    if chunks_in.send(chunk).is_err() {
                        return;
                    }
                }
            });
        }
        drop((numbers, chunks_in));
        let mut waiting = BTreeMap::new();
        let (mut sent, mut next) = (0, 0);
        while next < num_chunks {
            // No more is handed out than the window holds, so a slow chunk bounds memory.
            while sent < num_chunks && sent < next + 2 * threads as u64 {
                numbers_in.send(sent).expect("the workers live until this sender is dropped");
                sent += 1;
            }
            let chunk: Chunk = chunks.recv().expect("a worker answers every number")?;
            waiting.insert(chunk.number, chunk);
            while let Some(chunk) = waiting.remove(&next) {
                take(chunk)?;
                next += 1;
            }
        }
        drop(numbers_in);
        Ok(())
    })
}

fn make_chunk<E: World>(maker: &Maker<E>, layout: Layout, number: u64, ids: std::ops::Range<u64>, desk: &mut Desk<E>) -> Result<Chunk, CorpusError> {
    let mut chunk = Chunk { number, ids: ids.end - ids.start, records: 0, bytes: Vec::new(), counts: BTreeMap::new() };
    for id in ids {
        if maker.is_left_out(id) {
            *chunk.counts.entry("skipped_repeated").or_default() += 1;
            continue;
        }
        let bytes = &mut chunk.bytes;
        let counts = maker.make(id, desk, |record| {
            layout.encode(&record, bytes);
            [("records", 1), ("solved", u64::from(record.plan.is_some())), ("text_bytes", record.text.len() as u64), ("expanded", record.expanded)]
        })?;
        let Some(counts) = counts else {
            *chunk.counts.entry("skipped_unsolved").or_default() += 1;
            continue;
        };
        chunk.records += 1;
        for (name, count) in counts {
            *chunk.counts.entry(name).or_default() += count;
        }
    }
    Ok(chunk)
}
