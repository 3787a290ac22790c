//! Corpus generation on all cores: record `i` depends on the seed and `i` alone, so the bytes are the same at any thread count and however
//! the run is sharded.

mod maker;

use std::{collections::BTreeMap, thread};

use crossbeam::channel::bounded;
use metacot_envs::{
    Difficulty, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use serde::{Deserialize, Serialize};

pub use maker::{Desk, Maker, plan_texts};

use crate::{
    Budget,
    corpus::{CorpusError, Layout, Manifest, RecordRef, Split, SplitShares, Writer, WriterSpec},
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
    /// Worker threads, at least 1; no effect on the bytes. One thread does everything; several make records while the caller's hashes and
    /// writes them.
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
        let run = Run { count: spec.count, split: spec.split, out, layout, threads, shard, force };
        let maker = Maker::<E>::new(&spec)?;
        run.write(maker, serde_json::to_value(&spec).expect("a spec is plain data"), self.progress)
    }
}

/// What makes records: record `id` is the same whoever makes it and whatever was made before.
pub trait Producer: Send + Sync {
    /// What a worker needs beside the producer, reused from record to record.
    type Desk<'a>
    where
        Self: 'a;

    /// An empty desk.
    fn desk(&self) -> Self::Desk<'_>;

    /// Makes record `id` and hands it to `take`; `None` where there is nothing to show.
    ///
    /// # Errors
    /// As [`Maker::make`].
    fn make<R>(&self, id: u64, desk: &mut Self::Desk<'_>, take: impl FnOnce(RecordRef<'_>) -> R) -> Result<Option<R>, CorpusError>;
}

/// A corpus to write, whatever makes its records: the fields of [`Job`] and [`Spec`] that the records do not need.
#[derive(Clone, Debug)]
pub struct Run {
    /// See [`Spec::count`].
    pub count: u64,
    /// See [`Spec::split`].
    pub split: Split,
    /// See [`Job::out`].
    pub out: std::path::PathBuf,
    /// See [`Job::layout`].
    pub layout: Layout,
    /// See [`Job::threads`].
    pub threads: usize,
    /// See [`Job::shard`].
    pub shard: Shard,
    /// See [`Job::force`].
    pub force: bool,
}

impl Run {
    /// Writes the records of a producer; `config` goes into the manifest, `progress` is told how many are done.
    ///
    /// # Errors
    /// As [`generate`].
    pub fn write<P: Producer>(self, producer: P, config: serde_json::Value, progress: &mut dyn FnMut(u64)) -> Result<Manifest, CorpusError> {
        let Self { count, split, out, layout, threads, shard, force } = self;
        if shard.count == 0 || shard.index >= shard.count {
            return Err(CorpusError::Usage(format!("shard {}/{} is not allowed; expected i/n with i below n", shard.index, shard.count)));
        }
        let num_files = count.div_ceil(RECORDS_PER_FILE).max(1);
        let files = num_files * shard.index / shard.count..num_files * (shard.index + 1) / shard.count;
        let prefix = split.name().to_string();
        let mut writer = Writer::create(WriterSpec { folder: out, layout, prefix, files: files.clone(), num_files, config, force })?;
        let ids = files.start * RECORDS_PER_FILE..count.min(files.end * RECORDS_PER_FILE);
        let mut taken = 0;
        in_order(&producer, layout, ids.clone(), threads.max(1), &mut |chunk: &Chunk| {
            writer.append(&chunk.bytes, chunk.records)?;
            for (name, count) in &chunk.counts {
                writer.count(name, *count);
            }
            taken += chunk.ids;
            let next = ids.start + taken;
            if next == ids.end || next.is_multiple_of(RECORDS_PER_FILE) {
                writer.end_file()?;
            }
            progress(taken);
            Ok(())
        })?;
        writer.finish()
    }
}

/// The encoded records of some consecutive ids.
#[derive(Default)]
struct Chunk {
    number: u64,
    ids: u64,
    records: u64,
    bytes: Vec<u8>,
    counts: BTreeMap<&'static str, u64>,
}

/// Makes the records of `ids` on `threads` workers and hands the chunks to `take` in order.
fn in_order<P: Producer>(
    producer: &P,
    layout: Layout,
    ids: std::ops::Range<u64>,
    threads: usize,
    take: &mut dyn FnMut(&Chunk) -> Result<(), CorpusError>,
) -> Result<(), CorpusError> {
    let num_chunks = (ids.end - ids.start).div_ceil(CHUNK);
    let ids_of = |number| ids.start + number * CHUNK..ids.end.min(ids.start + (number + 1) * CHUNK);
    if threads == 1 {
        let (mut desk, mut chunk) = (producer.desk(), Chunk::default());
        for number in 0..num_chunks {
            fill(&mut chunk, producer, layout, number, ids_of(number), &mut desk)?;
            take(&chunk)?;
        }
        return Ok(());
    }
    let window = 2 * threads;
    let (numbers_in, numbers) = bounded::<u64>(window);
    let (chunks_in, chunks) = bounded::<Result<Chunk, CorpusError>>(window);
    // Written chunks go back to the workers, so that no more memory is asked for than the window holds.
    let (spare_in, spare) = bounded::<Chunk>(window);
    thread::scope(|scope| {
        // Owned here, so that an early return closes the channels and the workers end.
        let (numbers_in, chunks) = (numbers_in, chunks);
        for _ in 0..threads {
            let (numbers, chunks_in, spare) = (numbers.clone(), chunks_in.clone(), spare.clone());
            scope.spawn(move || {
                let mut desk = producer.desk();
                for number in numbers {
                    let mut chunk = spare.try_recv().unwrap_or_default();
                    let made = fill(&mut chunk, producer, layout, number, ids_of(number), &mut desk).map(|()| chunk);
                    if chunks_in.send(made).is_err() {
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
            while sent < num_chunks && sent < next + window as u64 {
                numbers_in.send(sent).expect("the workers live until this sender is dropped");
                sent += 1;
            }
            let chunk: Chunk = chunks.recv().expect("a worker answers every number")?;
            waiting.insert(chunk.number, chunk);
            while let Some(chunk) = waiting.remove(&next) {
                take(&chunk)?;
                next += 1;
                let _ = spare_in.try_send(chunk);
            }
        }
        drop(numbers_in);
        Ok(())
    })
}

/// Makes the records of some consecutive ids anew in a chunk.
fn fill<P: Producer>(
    chunk: &mut Chunk,
    producer: &P,
    layout: Layout,
    number: u64,
    ids: std::ops::Range<u64>,
    desk: &mut P::Desk<'_>,
) -> Result<(), CorpusError> {
    (chunk.number, chunk.ids, chunk.records) = (number, ids.end - ids.start, 0);
    chunk.bytes.clear();
    chunk.counts.clear();
    for id in ids {
        let bytes = &mut chunk.bytes;
        let counts = producer.make(id, desk, |record| {
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
    Ok(())
}
