//! How records become bytes: one line per layout.

use std::path::Path;

use super::{CorpusError, Record, RecordRef, jsonl, shard};

/// A file format of a corpus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// One JSON object a line.
    Jsonl,
    /// Binary shards for our own trainer: small, quick, checked.
    Shard,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Self; 2] = [Self::Jsonl, Self::Shard];

    /// The name on the command line and the file extension.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Shard => "shard",
        }
    }

    /// Bytes at the start of every file.
    pub fn header(self) -> Vec<u8> {
        match self {
            Self::Jsonl => Vec::new(),
            Self::Shard => shard::header(),
        }
    }

    /// Appends one record.
    pub fn encode(self, record: &RecordRef<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Jsonl => jsonl::encode(record, out),
            Self::Shard => shard::encode(record, out),
        }
    }

    /// Bytes at the end of every file.
    pub fn footer(self, num_records: u64) -> Vec<u8> {
        match self {
            Self::Jsonl => Vec::new(),
            Self::Shard => shard::footer(num_records),
        }
    }

    /// Reads a whole file.
    pub(super) fn decode(self, path: &Path, bytes: &[u8]) -> Result<Vec<Record>, CorpusError> {
        match self {
            Self::Jsonl => jsonl::decode(path, bytes),
            Self::Shard => shard::decode(path, bytes),
        }
    }
}

impl std::str::FromStr for Layout {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|layout| layout.name() == text).ok_or_else(|| format!("unknown layout `{text}`; allowed: jsonl, shard"))
    }
}
