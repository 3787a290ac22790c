//! A run over the ids of a shard: chunks of records made on all workers and written in the order of their ids.

use std::{collections::BTreeMap, ops::Range, path::PathBuf, thread};

use crossbeam::channel::bounded;

use crate::{
    corpus::{CorpusError, CorpusSink, Layout, Manifest, RECORDS_PER_FILE, RecordRef, Shard, Sink, Split, WriterSpec},
    transform::Skip,
};

/// Records that a worker makes at a time; divides [`RECORDS_PER_FILE`].
const CHUNK: u64 = 40;
/// Chunks for each thread that may be made and not yet written.
const WINDOW: usize = 4;

/// What makes records: record `id` is the same whoever makes it and whatever was made before.
pub trait Producer: Send + Sync {
    /// What a worker needs beside the producer, reused from record to record.
    type Desk<'a>
    where
        Self: 'a;

    /// An empty desk.
    fn desk(&self) -> Self::Desk<'_>;

    /// Whether `id` is left out, as its problem stands in a record before.
    fn is_left_out(&self, _id: u64) -> bool {
        false
    }

    /// Makes record `id` and hands it to `take`, or says why there is none.
    ///
    /// # Errors
    /// As [`Maker::make`](super::Maker::make).
    fn make<R>(&self, id: u64, desk: &mut Self::Desk<'_>, take: impl FnOnce(RecordRef<'_>) -> R) -> Result<Result<R, Skip>, CorpusError>;
}

/// A corpus to write, whatever makes its records: the fields of [`Job`](super::Job) and [`Spec`](super::Spec) that the records do not need.
#[derive(Clone, Debug)]
pub struct Run {
    /// See [`Spec::count`](super::Spec::count).
    pub count: u64,
    /// See [`Spec::split`](super::Spec::split).
    pub split: Split,
    /// See [`Job::out`](super::Job::out).
    pub out: PathBuf,
    /// See [`Job::layout`](super::Job::layout).
    pub layout: Layout,
    /// See [`Job::threads`](super::Job::threads).
    pub threads: usize,
    /// See [`Job::shard`](super::Job::shard).
    pub shard: Shard,
    /// See [`Job::force`](super::Job::force).
    pub force: bool,
}

impl Run {
    /// Records of the shard, by id.
    ///
    /// # Errors
    /// There is no such shard.
    pub fn ids(&self) -> Result<Range<u64>, CorpusError> {
        self.shard.ids(self.count)
    }

    /// The corpus that [`write`](Self::write) writes, but for the numbers of its files.
    pub(super) fn spec(&self, config: serde_json::Value) -> WriterSpec {
        let Self { split, out, layout, force, .. } = self;
        WriterSpec { folder: out.clone(), layout: *layout, prefix: split.name().into(), files: 0..0, num_files: 0, shard: Shard::WHOLE, config, force: *force }
    }

    /// Writes the records of a producer; `config` goes into the manifest, `progress` is told how many are done.
    ///
    /// # Errors
    /// As [`generate`](super::generate).
    pub fn write<P: Producer>(self, producer: P, config: serde_json::Value, progress: &mut dyn FnMut(u64)) -> Result<Manifest, CorpusError> {
        let mut sink = CorpusSink::new(self.spec(config));
        self.write_into(&producer, &mut sink, progress)?;
        sink.finish()
    }

    /// Hands the records of a producer to a sink, in order and encoded in the layout of the run.
    ///
    /// # Errors
    /// As [`generate`](super::generate), or what the sink returns.
    pub fn write_into<P: Producer>(&self, producer: &P, sink: &mut dyn Sink, progress: &mut dyn FnMut(u64)) -> Result<(), CorpusError> {
        let ids = self.ids()?;
        sink.begin(self.shard.files(self.count)?)?;
        let mut taken = 0;
        in_order(producer, self.layout, ids.clone(), self.threads.max(1), &mut |chunk: &Chunk| {
            sink.append(&chunk.bytes, chunk.records)?;
            for (name, count) in &chunk.counts {
                sink.count(name, *count);
            }
            taken += chunk.ids;
            let next = ids.start + taken;
            if next == ids.end || next.is_multiple_of(RECORDS_PER_FILE) {
                sink.end_file()?;
            }
            progress(taken);
            Ok(())
        })
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

/// Makes the records of `ids` on `threads` threads, this one among them, and hands the chunks to `take` in order.
fn in_order<P: Producer>(
    producer: &P,
    layout: Layout,
    ids: Range<u64>,
    threads: usize,
    take: &mut dyn FnMut(&Chunk) -> Result<(), CorpusError>,
) -> Result<(), CorpusError> {
    // Chunks begin at multiples of their length, so that none lies in two files, wherever the shard begins.
    let first = ids.start / CHUNK;
    let num_chunks = if ids.is_empty() { 0 } else { ids.end.div_ceil(CHUNK) - first };
    let ids_of = |number| ids.start.max((first + number) * CHUNK)..ids.end.min((first + number + 1) * CHUNK);
    if threads == 1 {
        let (mut desk, mut chunk) = (producer.desk(), Chunk::default());
        for number in 0..num_chunks {
            fill(&mut chunk, producer, layout, number, ids_of(number), &mut desk)?;
            take(&chunk)?;
        }
        return Ok(());
    }
    let window = WINDOW * threads;
    let (numbers_in, numbers) = bounded::<u64>(window);
    let (chunks_in, chunks) = bounded::<Result<Chunk, CorpusError>>(window);
    // Written chunks go back to the workers, so that no more memory is asked for than the window holds.
    let (spare_in, spare) = bounded::<Chunk>(window);
    let make = |number, desk: &mut P::Desk<'_>| {
        let mut chunk = spare.try_recv().unwrap_or_default();
        fill(&mut chunk, producer, layout, number, ids_of(number), desk).map(|()| chunk)
    };
    thread::scope(|scope| {
        // Owned here, so that an early return closes the channels and the workers end.
        let (numbers_in, chunks) = (numbers_in, chunks);
        for _ in 1..threads {
            let (numbers, chunks_in, make) = (numbers.clone(), chunks_in.clone(), &make);
            scope.spawn(move || {
                let mut desk = producer.desk();
                for number in numbers {
                    if chunks_in.send(make(number, &mut desk)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(chunks_in);
        // This thread writes, and makes chunks while there is nothing to write: a thread that only wrote would take a core from the workers.
        let mut desk = producer.desk();
        let mut waiting = BTreeMap::new();
        let (mut sent, mut next) = (0, 0);
        while next < num_chunks {
            // No more is handed out than the window holds, so a slow chunk bounds memory.
            while sent < num_chunks && sent < next + window as u64 {
                numbers_in.send(sent).expect("this thread holds a receiver");
                sent += 1;
            }
            let made = match chunks.try_recv() {
                Ok(made) => made?,
                Err(_) => match numbers.try_recv() {
                    Ok(number) => make(number, &mut desk)?,
                    Err(_) => chunks.recv().expect("a worker answers every number")?,
                },
            };
            waiting.insert(made.number, made);
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
fn fill<P: Producer>(chunk: &mut Chunk, producer: &P, layout: Layout, number: u64, ids: Range<u64>, desk: &mut P::Desk<'_>) -> Result<(), CorpusError> {
    (chunk.number, chunk.ids, chunk.records) = (number, ids.end - ids.start, 0);
    chunk.bytes.clear();
    chunk.counts.clear();
    for id in ids {
        if producer.is_left_out(id) {
            *chunk.counts.entry("skipped_repeated").or_default() += 1;
            continue;
        }
        let bytes = &mut chunk.bytes;
        let counts = producer.make(id, desk, |record| {
            layout.encode(&record, bytes);
            [("records", 1), ("solved", u64::from(record.plan.is_some())), ("text_bytes", record.text.len() as u64), ("expanded", record.expanded)]
        })?;
        let counts = match counts {
            Ok(counts) => counts,
            Err(skip) => {
                *chunk.counts.entry(skip.count_name()).or_default() += 1;
                continue;
            }
        };
        chunk.records += 1;
        for (name, count) in counts {
            *chunk.counts.entry(name).or_default() += count;
        }
    }
    Ok(())
}
