//! Corpora on disk: records, shard files, and the manifest without which a folder is unfinished.

mod file;
mod jsonl;
mod layout;
mod manifest;
mod reader;
mod record;
mod shard;
mod writer;

pub use file::{CorpusError, publish};
pub use layout::Layout;
pub use manifest::{FileEntry, MANIFEST, Manifest, SCHEMA_VERSION};
pub use reader::read;
pub use record::{Record, RecordRef, Split, SplitShares};
pub use writer::{Writer, WriterSpec};
