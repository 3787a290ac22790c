//! Containers: how rows become the bytes of a file. One file and one line each.

mod jsonl;
mod parquet;
mod shard;
mod tokens;

use std::path::Path;

use metacot_traces::corpus::{CorpusError, Record};

pub use tokens::{Bytes, Encoder, INDEX_EXTENSION};

use crate::{
    cell::{Cell, Field},
    draft::Finished,
};

/// A file format of rows.
pub trait Container: Send + Sync {
    /// Begins a file of rows with these fields; `stem` is its path without the extension.
    ///
    /// # Errors
    /// The system refused, or the format cannot hold such rows.
    fn start(&self, stem: &Path, fields: &[Field]) -> Result<Box<dyn FileWriter>, CorpusError>;

    /// The extension of the files.
    fn extension(&self) -> &'static str;

    /// The extensions of all files that [`start`](Self::start) begins.
    fn extensions(&self) -> Vec<&'static str> {
        vec![self.extension()]
    }

    /// Whether Hugging Face `datasets` reads the files.
    fn is_data_set(&self) -> bool {
        true
    }
}

/// A file that takes rows.
pub trait FileWriter {
    /// Appends the row of a record.
    ///
    /// # Errors
    /// The system refused, or the row does not fit.
    fn push(&mut self, record: &Record, row: &[Cell<'_>]) -> Result<(), CorpusError>;

    /// Ends the file; a format may have written a second one beside it.
    ///
    /// # Errors
    /// What the system refused.
    fn finish(self: Box<Self>) -> Result<Vec<Finished>, CorpusError>;
}

macro_rules! containers {
    ($($name:literal => $build:expr),* $(,)?) => {
        /// The registered names, in order of registration.
        pub const NAMES: &[&str] = &[$($name),*];

        /// The container called `name`; `encoder` turns text into tokens where that is asked.
        pub fn find(name: &str, encoder: &std::sync::Arc<dyn Encoder>) -> Option<Box<dyn Container>> {
            match name {
                $($name => Some(boxed($build, encoder)),)*
                _ => None,
            }
        }
    };
}

fn boxed<C: Container + 'static>(build: impl FnOnce(&std::sync::Arc<dyn Encoder>) -> C, encoder: &std::sync::Arc<dyn Encoder>) -> Box<dyn Container> {
    Box::new(build(encoder))
}

containers! {
    "jsonl" => |_| jsonl::Jsonl::Plain,
    "jsonl.zst" => |_| jsonl::Jsonl::Zstd,
    "jsonl.gz" => |_| jsonl::Jsonl::Gzip,
    "parquet" => |_| parquet::Parquet,
    "shard" => |_| shard::Shard,
    "bin" => tokens::Tokens::new,
}
