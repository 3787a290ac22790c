//! Where rows come from: a finished corpus, or JSON lines from elsewhere.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    thread,
};

use serde_json::Value;

use super::{Row, Worlds};
use crate::corpus::{CorpusError, Layout, MANIFEST, Manifest, Record, read};

/// The value of `rows` in the configuration of a corpus whose rows are no records.
pub(super) const PLAIN: &str = "plain";

/// Rows that are looked at before the next are read.
const BATCH: usize = 4096;

/// A place that rows are read from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder with a manifest.
    Corpus {
        /// The folder.
        folder: PathBuf,
        /// Its manifest.
        manifest: Box<Manifest>,
    },
    /// Files of JSON lines; `-` is standard input.
    Lines {
        /// The files, in order.
        files: Vec<PathBuf>,
        /// Rows in them, where that is known.
        rows: Option<u64>,
    },
}

/// One row of a source.
#[derive(Clone, Debug)]
pub enum Item {
    /// A record of a corpus.
    Record(Box<Record>),
    /// A JSON object with the line that it stands in.
    Line {
        /// The line without its end.
        line: Vec<u8>,
        /// What it says.
        value: Value,
    },
}

impl Item {
    /// The row as rules see it.
    ///
    /// # Errors
    /// See [`Row::of_record`] and [`Row::of_json`].
    pub fn row<'a>(&'a self, env: Option<&str>, worlds: &'a Worlds) -> Result<Row<'a>, String> {
        match self {
            Self::Record(record) => Row::of_record(record, worlds),
            Self::Line { value, .. } => Row::of_json(value, env, worlds),
        }
    }
}

impl Source {
    /// Opens a folder with a manifest, a file of JSON lines, or standard input (`-`).
    ///
    /// # Errors
    /// There is nothing, or a folder without a manifest.
    pub fn open(path: &Path) -> Result<Self, CorpusError> {
        if path == Path::new("-") {
            return Ok(Self::Lines { files: vec![path.into()], rows: None });
        }
        if path.is_dir() || path.join(MANIFEST).exists() {
            let manifest = Manifest::load(path)?;
            if manifest.config.get("rows").and_then(Value::as_str) == Some(PLAIN) {
                let rows = Some(manifest.files.iter().map(|file| file.records).sum());
                return Ok(Self::Lines { files: manifest.files.iter().map(|file| path.join(&file.name)).collect(), rows });
            }
            return Ok(Self::Corpus { folder: path.into(), manifest: Box::new(manifest) });
        }
        File::open(path).map_err(CorpusError::io("cannot read", path))?;
        Ok(Self::Lines { files: vec![path.into()], rows: None })
    }

    /// The number of rows, where it is known before they are read.
    pub fn rows(&self) -> Option<u64> {
        match self {
            Self::Corpus { manifest, .. } => Some(manifest.files.iter().map(|file| file.records).sum()),
            Self::Lines { rows, .. } => *rows,
        }
    }

    /// The digest of the corpus; none for lines.
    pub fn digest(&self) -> Option<&str> {
        match self {
            Self::Corpus { manifest, .. } => Some(&manifest.digest),
            Self::Lines { .. } => None,
        }
    }

    /// The layout of the corpus; lines are JSON lines.
    pub fn layout(&self) -> Layout {
        match self {
            Self::Corpus { manifest, .. } => manifest.layout,
            Self::Lines { .. } => Layout::Jsonl,
        }
    }

    /// Hands every row to `take`, in order. Of a corpus one file is in memory at a time, of lines one line.
    ///
    /// # Errors
    /// A file that cannot be read or is damaged, a line that is no JSON, or what `take` refuses, with the place of the row.
    pub fn read(&self, take: &mut dyn FnMut(Item) -> Result<(), CorpusError>) -> Result<(), CorpusError> {
        match self {
            Self::Corpus { folder, .. } => {
                let mut outcome = Ok(());
                read(folder, |record| {
                    if outcome.is_ok() {
                        outcome = take(Item::Record(Box::new(record)));
                    }
                })?;
                outcome
            }
            Self::Lines { files, .. } => files.iter().try_for_each(|path| read_lines(path, take)),
        }
    }

    /// Looks at rows on `threads` threads and hands each with what was seen to `take`, in order.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn map<R: Send>(
        &self,
        threads: usize,
        look: &(dyn Fn(&Item) -> R + Sync),
        take: &mut dyn FnMut(Item, R) -> Result<(), CorpusError>,
    ) -> Result<(), CorpusError> {
        let mut batch = Vec::with_capacity(BATCH);
        self.read(&mut |item| {
            batch.push(item);
            if batch.len() == BATCH { map_batch(&mut batch, threads, look, take) } else { Ok(()) }
        })?;
        map_batch(&mut batch, threads, look, take)
    }
}

fn map_batch<R: Send>(
    batch: &mut Vec<Item>,
    threads: usize,
    look: &(dyn Fn(&Item) -> R + Sync),
    take: &mut dyn FnMut(Item, R) -> Result<(), CorpusError>,
) -> Result<(), CorpusError> {
    let share = batch.len().div_ceil(threads.max(1)).max(1);
    let seen: Vec<R> = thread::scope(|scope| {
        let workers: Vec<_> = batch.chunks(share).map(|items| scope.spawn(move || items.iter().map(look).collect::<Vec<R>>())).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a look does not panic")).collect()
    });
    batch.drain(..).zip(seen).try_for_each(|(item, seen)| take(item, seen))
}

fn read_lines(path: &Path, take: &mut dyn FnMut(Item) -> Result<(), CorpusError>) -> Result<(), CorpusError> {
    let reader: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(BufReader::new(io::stdin()))
    } else {
        Box::new(BufReader::with_capacity(1 << 20, File::open(path).map_err(CorpusError::io("cannot read", path))?))
    };
    for (index, line) in reader.split(b'\n').enumerate() {
        let mut line = line.map_err(CorpusError::io("cannot read", path))?;
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let value = serde_json::from_slice(&line).map_err(|error| CorpusError::data(path, format!("line {}: not JSON: {error}", index + 1)))?;
        take(Item::Line { line, value })?;
    }
    Ok(())
}
