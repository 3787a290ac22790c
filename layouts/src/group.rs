//! The files of one configuration and split of a folder: opened, filled and ended one after the other.

use std::{fs, path::PathBuf};

use metacot_traces::corpus::{Claim, CorpusError, RECORDS_PER_FILE, Record};

use crate::{
    cell::{Cell, Field},
    container::FileWriter,
    draft::{Finished, TEMPORARY},
    folder::FolderSpec,
    shape::{TruthStyle, ground_truth},
    spill::Spill,
    truth::{Truth, widen},
};

/// Records, and bytes of their texts, that are looked at before the type of a ground truth is settled.
const SAMPLE_RECORDS: usize = 512;
const SAMPLE_BYTES: usize = 16 << 20;

/// The files of one configuration and split.
#[derive(Default)]
pub(crate) struct Group {
    /// Where its records wait if too many others are being written.
    pub spill: Option<Spill>,
    /// Records that wait until the type of their ground truth is known.
    waiting: Vec<Record>,
    waiting_bytes: usize,
    truth: Option<Truth>,
    pub fields: Vec<Field>,
    file: Option<Box<dyn FileWriter>>,
    records_in_file: u64,
    pub finished: Vec<Vec<Finished>>,
    pub records: u64,
    pub bytes: u64,
}

impl Group {
    /// An empty one; `spill` is where its records wait if too many others are being written.
    pub fn new(spill: Option<Spill>) -> Self {
        Self { spill, ..Self::default() }
    }

    /// Ends the file that is being written.
    ///
    /// # Errors
    /// What the system refused.
    pub fn end_file(&mut self) -> Result<(), CorpusError> {
        if let Some(file) = self.file.take() {
            self.finished.push(file.finish()?);
        }
        self.records_in_file = 0;
        Ok(())
    }
}

/// Where the records of one configuration and split go.
pub(crate) struct Place<'a> {
    pub spec: &'a FolderSpec,
    pub claim: &'a Claim,
    pub config: &'a str,
    pub split: &'static str,
}

impl Place<'_> {
    /// The folder of its files within the corpus, ending in `/` where there is one.
    pub fn inside(&self) -> String {
        if self.spec.layout.is_hub { format!("{}/", self.config) } else { String::new() }
    }

    /// Notes a file of this name and extension, and gives its path without the extension.
    fn begin(&self, name: &str, extensions: &[&str]) -> Result<PathBuf, CorpusError> {
        let inside = self.inside();
        extensions.iter().try_for_each(|extension| self.claim.note(&format!("{inside}{name}.{extension}")))?;
        let folder = self.spec.folder.join(inside);
        fs::create_dir_all(&folder).map_err(CorpusError::io("cannot create", &folder))?;
        Ok(folder.join(name))
    }

    /// An empty queue on disk for its records.
    ///
    /// # Errors
    /// What the system refused.
    pub fn spill(&self) -> Result<Spill, CorpusError> {
        let stem = self.begin(self.split, &["waiting"])?;
        Ok(Spill::new(stem.with_extension(format!("waiting{TEMPORARY}"))))
    }

    /// Writes a record, or keeps it until the type of the ground truth is known.
    ///
    /// # Errors
    /// The system refused, or the record does not fit the layout.
    pub fn push(&self, group: &mut Group, record: Record) -> Result<(), CorpusError> {
        if group.truth.is_some() {
            return self.write(group, &record);
        }
        group.waiting_bytes += record.text.len();
        group.waiting.push(record);
        let is_json = self.spec.layout.truth == TruthStyle::Json;
        if is_json || group.waiting.len() >= SAMPLE_RECORDS || group.waiting_bytes >= SAMPLE_BYTES { self.settle(group) } else { Ok(()) }
    }

    /// Settles the type of the ground truth and writes the records that waited for it.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn settle(&self, group: &mut Group) -> Result<(), CorpusError> {
        let layout = &self.spec.layout;
        if group.truth.is_none() {
            let mut kind = None;
            if layout.truth == TruthStyle::Struct {
                for record in &group.waiting {
                    kind = widen(kind, ground_truth(record)).map_err(|reason| unfit(record.id, &format!("ground_truth: {reason}")))?;
                }
            }
            let truth = kind.map_or(Truth::Json, Truth::Struct);
            group.fields = layout.shape.fields(&truth);
            group.truth = Some(truth);
        }
        for record in std::mem::take(&mut group.waiting) {
            self.write(group, &record)?;
        }
        Ok(())
    }

    fn write(&self, group: &mut Group, record: &Record) -> Result<(), CorpusError> {
        let layout = &self.spec.layout;
        let truth = group.truth.as_ref().unwrap_or(&Truth::Json);
        let row = layout.shape.row(record, truth).map_err(|reason| unfit(record.id, &reason))?;
        let file = match &mut group.file {
            Some(file) => file,
            None => {
                let stem = self.begin(&format!("{}-{:05}", self.split, group.finished.len()), &layout.container.extensions())?;
                group.file.insert(layout.container.start(&stem, &group.fields)?)
            }
        };
        file.push(record, &row)?;
        group.records += 1;
        group.records_in_file += 1;
        group.bytes += row.iter().map(size).sum::<u64>();
        if group.records_in_file == RECORDS_PER_FILE { group.end_file() } else { Ok(()) }
    }
}

fn unfit(id: u64, reason: &str) -> CorpusError {
    let way_out = if reason.starts_with("ground_truth") { "; a ground truth as json goes with any problem" } else { "" };
    CorpusError::Usage(format!("record {id}: {reason}{way_out}"))
}

/// Bytes of a value in memory, as `datasets` counts them, roughly.
fn size(cell: &Cell<'_>) -> u64 {
    match cell {
        Cell::Null | Cell::Bool(_) => 1,
        Cell::Int(_) => 8,
        Cell::Text(text) => text.len() as u64 + 4,
        Cell::List(cells) => 4 + cells.iter().map(size).sum::<u64>(),
        Cell::Struct(cells) => cells.iter().map(size).sum(),
    }
}
