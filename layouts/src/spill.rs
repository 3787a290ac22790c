//! Records that wait on disk for their turn to be laid out: JSON lines in zstd, appended piece by piece, the file open only meanwhile.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
};

use metacot_traces::corpus::{CorpusError, Record};

const ZSTD_LEVEL: i32 = 1;
/// Bytes of lines that wait in memory.
const PIECE: usize = 1 << 16;

/// A queue of records on disk.
pub(crate) struct Spill {
    path: PathBuf,
    waiting: Vec<u8>,
    records: u64,
}

impl Spill {
    /// An empty queue at `path`, which must lie in a folder that exists.
    pub fn new(path: PathBuf) -> Self {
        Self { path, waiting: Vec::new(), records: 0 }
    }

    /// Appends a record.
    ///
    /// # Errors
    /// What the system refused.
    pub fn push(&mut self, record: &Record) -> Result<(), CorpusError> {
        serde_json::to_writer(&mut self.waiting, record).expect("records are plain data and a Vec takes every byte");
        self.waiting.push(b'\n');
        self.records += 1;
        if self.waiting.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    /// Hands every record to `take`, in order, and leaves the queue empty.
    ///
    /// # Errors
    /// What the system refused, or what `take` returns.
    pub fn drain(&mut self, mut take: impl FnMut(Record) -> Result<(), CorpusError>) -> Result<(), CorpusError> {
        if std::mem::take(&mut self.records) == 0 {
            return Ok(());
        }
        self.flush()?;
        let file = File::open(&self.path).map_err(CorpusError::io("cannot read", &self.path))?;
        let lines = zstd::Decoder::new(file).map_err(CorpusError::io("cannot read", &self.path))?;
        for line in BufReader::new(lines).split(b'\n') {
            let line = line.map_err(CorpusError::io("cannot read", &self.path))?;
            take(serde_json::from_slice(&line).map_err(|error| CorpusError::data(&self.path, format!("changed while it was in use: {error}")))?)?;
        }
        fs::remove_file(&self.path).map_err(CorpusError::io("cannot remove", &self.path))
    }

    fn flush(&mut self) -> Result<(), CorpusError> {
        let write = || {
            let piece = zstd::encode_all(self.waiting.as_slice(), ZSTD_LEVEL)?;
            OpenOptions::new().create(true).append(true).open(&self.path)?.write_all(&piece)
        };
        write().map_err(CorpusError::io("cannot write", &self.path))?;
        self.waiting.clear();
        Ok(())
    }
}
