//! Corpora on disk: records, shard files, and the manifest without which a folder is unfinished.

mod card;
mod claim;
mod closing;
mod contamination;
mod cut;
mod file;
pub mod filter;
mod jsonl;
mod layout;
mod manifest;
mod merge;
mod reader;
mod record;
mod shard;
mod sink;
mod writer;

pub use card::CARD;
pub use claim::Claim;
pub use contamination::{CONTAMINATION, Contamination, Overlap, contamination};
pub use cut::{Files, RECORDS_PER_FILE, Shard};
pub use file::{CorpusError, publish};
pub use filter::{FUNNEL, FilterJob, Funnel, Leaks, RULES, Rates, Row, RuleCount, Source, Worlds, filter};
pub use layout::Layout;
pub use manifest::{FileEntry, MANIFEST, Manifest, SCHEMA_VERSION};
pub use merge::{check_shards, merge};
pub use reader::{read, read_file};
pub use record::{Record, RecordRef, Split, SplitBy, SplitShares};
pub use sink::{CorpusSink, Sink};
pub use writer::{Writer, WriterSpec};
