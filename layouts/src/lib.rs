//! Corpora in the shapes that other tools read, and other tools' corpora as records. No machine learning.
//!
//! Out: a [`Layout`] is a row [`shape`] in a [`container`]; a [`Folder`] takes records in order and leaves files, a dataset card and a
//! manifest. In: a [`source`] turns any file into located rows, an [`importer`] a row into what it says, and [`import`] that into records
//! that are as true as our own, or counts why not.
//!
//! Memory does not grow with the corpus in either direction.

pub mod container;
pub mod import;
pub mod importer;
pub mod layout;
pub mod shape;
pub mod source;

mod card;
mod cell;
mod draft;
mod folder;
mod group;
mod manifest;
mod read;
mod sink;
mod spill;
mod truth;

pub use cell::{Cell, Field, Kind};
pub use container::{Bytes, Encoder};
pub use folder::{Folder, FolderSpec};
pub use import::{Import, ImportReport, ImportSpec, Refused};
pub use layout::Layout;
pub use manifest::Manifest;
pub use read::{TakeRecord, read, read_file};
pub use sink::FolderSink;
pub use truth::Truth;

/// The environment name of records that are questions in words, which no environment of ours can replay.
pub const QUESTION: &str = "question";
