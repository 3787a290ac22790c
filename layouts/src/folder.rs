//! Writes records into a folder: files per configuration and split, named by what is in them, a card that `datasets` reads, and the manifest.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use metacot_traces::corpus::{CARD, CorpusError, FileEntry, Manifest as CorpusManifest, Record, SCHEMA_VERSION, claim, publish, release};

use crate::{
    card::{self, Part},
    cell::{Cell, Field},
    container::FileWriter,
    draft::Finished,
    layout::Layout,
    manifest::Manifest,
    shape::{TruthStyle, ground_truth},
    truth::{Truth, widen},
};

/// Records after which a file ends.
const RECORDS_PER_FILE: u64 = 50_000;
/// Records, and bytes of their texts, that are looked at before the type of a ground truth is settled.
const SAMPLE_RECORDS: usize = 512;
const SAMPLE_BYTES: usize = 16 << 20;
/// Configurations and splits that are written at the same time; bounds memory.
const MOST_PARTS: usize = 32;

/// What to write where.
pub struct FolderSpec {
    /// The folder; made if absent.
    pub folder: PathBuf,
    /// How records are laid out.
    pub layout: Layout,
    /// Goes into the manifest and the card.
    pub config: serde_json::Value,
    /// Whether a finished corpus in the folder may be replaced.
    pub force: bool,
    /// Number of the first file, and of all files where others write the rest; the shards of a run number theirs through.
    pub numbering: Option<(u64, u64)>,
}

/// Takes records in order and leaves a finished folder.
pub struct Folder {
    spec: FolderSpec,
    groups: BTreeMap<(String, &'static str), Group>,
    counts: BTreeMap<String, u64>,
}

/// The files of one configuration and split.
#[derive(Default)]
struct Group {
    /// Records that wait until the type of their ground truth is known.
    waiting: Vec<Record>,
    waiting_bytes: usize,
    truth: Option<Truth>,
    fields: Vec<Field>,
    file: Option<Box<dyn FileWriter>>,
    records_in_file: u64,
    finished: Vec<Vec<Finished>>,
    records: u64,
    bytes: u64,
}

impl Folder {
    /// Prepares the folder, before any work is done.
    ///
    /// # Errors
    /// The folder cannot be written, or holds a corpus and `force` is off.
    pub fn create(spec: FolderSpec) -> Result<Self, CorpusError> {
        claim(&spec.folder, "train", spec.force)?;
        Ok(Self { spec, groups: BTreeMap::new(), counts: BTreeMap::new() })
    }

    /// Adds `count` to the total called `name`.
    pub fn count(&mut self, name: &str, count: u64) {
        *self.counts.entry(name.into()).or_default() += count;
    }

    /// Appends a record.
    ///
    /// # Errors
    /// The system refused, or the record does not fit the layout.
    pub fn push(&mut self, record: Record) -> Result<(), CorpusError> {
        self.count("records", 1);
        self.count("solved", record.plan.is_some().into());
        self.count("text_bytes", record.text.len() as u64);
        let config = if self.spec.layout.is_hub { format!("{}-{}", record.env, record.format) } else { card::DEFAULT_CONFIG.into() };
        let key = (config, record.split.name());
        if !self.groups.contains_key(&key) && self.groups.len() == MOST_PARTS {
            let reason = format!("more than {MOST_PARTS} configurations and splits; convert parts of the corpora into folders of their own");
            return Err(CorpusError::Usage(reason));
        }
        let group = self.groups.entry(key.clone()).or_default();
        if group.truth.is_some() {
            return write(&self.spec, &key, group, &record);
        }
        group.waiting_bytes += record.text.len();
        group.waiting.push(record);
        let is_settled = self.spec.layout.truth == TruthStyle::Json || group.waiting.len() >= SAMPLE_RECORDS || group.waiting_bytes >= SAMPLE_BYTES;
        if is_settled { settle(&self.spec, &key, group) } else { Ok(()) }
    }

    /// Ends the file that is being written in every part, so that the next record begins another.
    ///
    /// # Errors
    /// What the system refused.
    pub fn end_files(&mut self) -> Result<(), CorpusError> {
        for (key, group) in &mut self.groups {
            settle(&self.spec, key, group)?;
            end_file(group)?;
        }
        Ok(())
    }

    /// Gives every file its name and publishes card and manifest.
    ///
    /// # Errors
    /// What the system refused.
    pub fn finish(mut self) -> Result<Manifest, CorpusError> {
        self.end_files()?;
        let Self { spec, groups, counts } = self;
        let (mut files, mut parts) = (Vec::new(), Vec::new());
        for ((config, split), group) in groups {
            let inside = inside(&spec, &config);
            let (first, num_files) = spec.numbering.unwrap_or((0, group.finished.len() as u64));
            let begin = files.len();
            for (number, finished) in (first..).zip(group.finished) {
                // What is in a file names it, so a reader's cache never takes one for another.
                let digest = finished.first().map_or("", |file| &file.blake3()[..8]);
                let stem = format!("{split}-{number:05}-of-{num_files:05}-{digest}");
                for file in finished {
                    files.push(file.publish(&stem, &spec.folder, &inside)?);
                }
            }
            sync(&spec.folder.join(&inside))?;
            let names = files[begin..].iter().map(|file: &FileEntry| file.name.clone()).collect();
            parts.push(Part { config, split, fields: group.fields, files: names, records: group.records, bytes: group.bytes });
        }
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").into(),
            config: spec.config,
            layout: spec.layout.name,
            digest: CorpusManifest::digest_of(&files),
            files,
            counts,
        };
        let parts = if spec.layout.container.is_data_set() { parts.as_slice() } else { &[] };
        publish(&spec.folder.join(CARD), card::card(&manifest, parts).as_bytes())?;
        manifest.save(&spec.folder)?;
        release(&spec.folder)?;
        Ok(manifest)
    }
}

/// The folder of a configuration's files within the corpus, ending in `/` where there is one.
fn inside(spec: &FolderSpec, config: &str) -> String {
    if spec.layout.is_hub { format!("{config}/") } else { String::new() }
}

fn sync(folder: &Path) -> Result<(), CorpusError> {
    let file = File::open(folder).map_err(CorpusError::io("cannot open", folder))?;
    file.sync_all().map_err(CorpusError::io("cannot sync", folder))
}

/// Settles the type of the ground truth and writes the records that waited for it.
fn settle(spec: &FolderSpec, key: &(String, &'static str), group: &mut Group) -> Result<(), CorpusError> {
    if group.truth.is_none() {
        let mut kind = None;
        if spec.layout.truth == TruthStyle::Struct {
            for record in &group.waiting {
                kind = widen(kind, ground_truth(record)).map_err(|reason| unfit(record.id, &format!("ground_truth: {reason}")))?;
            }
        }
        let truth = kind.map_or(Truth::Json, Truth::Struct);
        group.fields = spec.layout.shape.fields(&truth);
        group.truth = Some(truth);
    }
    for record in std::mem::take(&mut group.waiting) {
        write(spec, key, group, &record)?;
    }
    Ok(())
}

fn write(spec: &FolderSpec, (config, split): &(String, &'static str), group: &mut Group, record: &Record) -> Result<(), CorpusError> {
    let truth = group.truth.as_ref().unwrap_or(&Truth::Json);
    let row = spec.layout.shape.row(record, truth).map_err(|reason| unfit(record.id, &reason))?;
    let file = match &mut group.file {
        Some(file) => file,
        None => {
            let folder = spec.folder.join(inside(spec, config));
            fs::create_dir_all(&folder).map_err(CorpusError::io("cannot create", &folder))?;
            let stem = folder.join(format!("{split}-{:05}", group.finished.len()));
            group.file.insert(spec.layout.container.start(&stem, &group.fields)?)
        }
    };
    file.push(record, &row)?;
    group.records += 1;
    group.records_in_file += 1;
    group.bytes += row.iter().map(size).sum::<u64>();
    if group.records_in_file == RECORDS_PER_FILE { end_file(group) } else { Ok(()) }
}

fn unfit(id: u64, reason: &str) -> CorpusError {
    let way_out = if reason.starts_with("ground_truth") { "; a ground truth as json goes with any problem" } else { "" };
    CorpusError::Usage(format!("record {id}: {reason}{way_out}"))
}

fn end_file(group: &mut Group) -> Result<(), CorpusError> {
    if let Some(file) = group.file.take() {
        group.finished.push(file.finish()?);
    }
    group.records_in_file = 0;
    Ok(())
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
