//! Files of other tools as located rows: JSON lines, a JSON array, plain or compressed, or Parquet; told apart by their first bytes.
//!
//! **Invariant**: whatever the bytes, reading ends, in memory that does not grow with the file and time that does not grow faster than it.

mod elements;
mod footer;
mod guard;
mod inflate;
mod lines;
mod pages;
mod parquet;
mod thrift;
mod tree;

use std::{
    fmt,
    fs::File,
    io::{BufRead as _, Read as _},
    path::Path,
};

use metacot_traces::corpus::CorpusError;
use serde_json::{Map, Value};

/// The longest row in bytes of JSON.
pub const MOST_ROW_BYTES: usize = 16 << 20;
/// What any file may expand to, and how many times its size on top of that.
const FREE_BYTES: u64 = 256 << 20;
const MOST_EXPANSION: u64 = 1024;

/// Where in a file a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// What is counted: `line` or `row`.
    pub unit: &'static str,
    /// From 1.
    pub number: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.unit, self.number)
    }
}

/// A row, or why what stands in its place is none.
pub type RowResult = Result<Map<String, Value>, String>;

/// Takes the rows of a file in order.
pub type Take<'a> = dyn FnMut(Place, RowResult) -> Result<(), CorpusError> + 'a;

/// Reads a file and hands every row to `take`.
///
/// # Errors
/// The system refused, or the file is damaged beyond the next row, or expands to far more than its size; or what `take` returns.
pub fn rows(path: &Path, take: &mut Take<'_>) -> Result<(), CorpusError> {
    let mut file = File::open(path).map_err(CorpusError::io("cannot read", path))?;
    let length = file.metadata().map_err(CorpusError::io("cannot read", path))?.len();
    let mut start = Vec::new();
    file.by_ref().take(4).read_to_end(&mut start).map_err(CorpusError::io("cannot read", path))?;
    if start == parquet::MAGIC {
        return parquet::rows(path, file, Allowance::of(length), take);
    }
    let mut reader = inflate::open(file, &start, Allowance::of(length)).map_err(CorpusError::io("cannot read", path))?;
    let first = loop {
        let bytes = reader.fill_buf().map_err(|error| damaged(path, &error))?;
        match bytes.iter().position(|byte| !byte.is_ascii_whitespace()) {
            _ if bytes.is_empty() => return Ok(()),
            // Blank lines in front are counted by whoever reads on.
            Some(at) => break bytes[at],
            None if bytes.contains(&b'\n') => break b'\n',
            None => {
                let length = bytes.len();
                reader.consume(length);
            }
        }
    };
    if first == b'[' { elements::rows(path, reader.as_mut(), take) } else { lines::rows(path, reader.as_mut(), take) }
}

/// How many bytes a file may still expand to.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: u64,
    whole: u64,
}

impl Allowance {
    fn of(length: u64) -> Self {
        let whole = FREE_BYTES.saturating_add(length.saturating_mul(MOST_EXPANSION));
        Self { left: whole, whole }
    }

    /// Spends some of it.
    ///
    /// # Errors
    /// It is spent.
    fn spend(&mut self, bytes: u64) -> Result<(), String> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| format!("expands to more than {} bytes, which no honest file does", self.whole))?;
        Ok(())
    }
}

fn damaged(path: &Path, error: &std::io::Error) -> CorpusError {
    CorpusError::data(path, format!("damaged: {error}"))
}

/// Reads one row of JSON.
fn parse(bytes: &[u8]) -> RowResult {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        // The line of the message is that within the row, and says nothing.
        _ if error.line() <= 1 => format!("not a JSON object: {}", error.to_string().split(" at line ").next().unwrap_or_default()),
        _ => format!("not a JSON object: {error}"),
    })
}
