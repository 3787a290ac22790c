//! Writes records into a folder: files per configuration and split, named by what is in them, a card that `datasets` reads, and the manifest.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use metacot_traces::corpus::{CARD, Claim, CorpusError, FileEntry, MANIFEST, Manifest as CorpusManifest, Record, SCHEMA_VERSION, Shard, publish};

use crate::{
    card::{self, Part},
    group::{Group, Place},
    layout::Layout,
    manifest::Manifest,
};

/// Configurations and splits that are written at the same time, which bounds memory; the records of further ones wait on disk until the others
/// are done.
const MOST_OPEN: usize = 16;

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
    /// Which part of a run this is, where it is not all of it.
    pub shard: Option<Shard>,
}

/// Takes records in order and leaves a finished folder. Dropped unfinished, it takes away what it wrote.
pub struct Folder {
    spec: FolderSpec,
    claim: Claim,
    groups: BTreeMap<(String, &'static str), Group>,
    counts: BTreeMap<String, u64>,
}

impl Folder {
    /// Prepares the folder, before any work is done.
    ///
    /// # Errors
    /// The folder cannot be written, or holds a corpus and `force` is off.
    pub fn create(spec: FolderSpec) -> Result<Self, CorpusError> {
        let claim = Claim::take(&spec.folder, "train", spec.force)?;
        Ok(Self { spec, claim, groups: BTreeMap::new(), counts: BTreeMap::new() })
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
        let config = if self.spec.layout.is_hub { format!("{}-{}", record.env, record.format.replace([' ', '='], "-")) } else { card::DEFAULT_CONFIG.into() };
        let key = (config, record.split.name());
        let place = Place { spec: &self.spec, claim: &self.claim, config: &key.0, split: key.1 };
        if !self.groups.contains_key(&key) {
            let spill = if self.groups.len() < MOST_OPEN { None } else { Some(place.spill()?) };
            self.groups.insert(key.clone(), Group::new(spill));
        }
        let group = self.groups.entry(key.clone()).or_default();
        match &mut group.spill {
            Some(spill) => spill.push(&record),
            None => place.push(group, record),
        }
    }

    /// Ends the file that is being written in every part, so that the next record begins another.
    ///
    /// # Errors
    /// What the system refused, or a record that waited and does not fit the layout.
    pub fn end_files(&mut self) -> Result<(), CorpusError> {
        let Self { spec, claim, groups, .. } = self;
        // Those that are open first, since each holds memory.
        for is_spilled in [false, true] {
            for ((config, split), group) in groups.iter_mut().filter(|(_, group)| group.spill.is_some() == is_spilled) {
                let place = Place { spec, claim, config, split };
                if let Some(mut spill) = group.spill.take() {
                    spill.drain(|record| place.push(group, record))?;
                    group.spill = Some(spill);
                }
                place.settle(group)?;
                group.end_file()?;
            }
        }
        Ok(())
    }

    /// Gives every file its name and publishes card and manifest.
    ///
    /// # Errors
    /// What the system refused.
    pub fn finish(mut self) -> Result<Manifest, CorpusError> {
        self.end_files()?;
        let Self { spec, claim, groups, counts } = self;
        let (mut files, mut parts) = (Vec::new(), Vec::new());
        for ((config, split), group) in groups {
            let inside = Place { spec: &spec, claim: &claim, config: &config, split }.inside();
            let (first, num_files) = spec.numbering.unwrap_or((0, group.finished.len() as u64));
            let begin = files.len();
            for (number, finished) in (first..).zip(group.finished) {
                // What is in a file names it, so a reader's cache never takes one for another.
                let digest = finished.first().map_or("", |file| &file.blake3()[..8]);
                let stem = format!("{split}-{number:05}-of-{num_files:05}-{digest}");
                for file in finished {
                    claim.note(&format!("{inside}{stem}.{}", file.extension()))?;
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
            shard: spec.shard,
            layout: spec.layout.name,
            digest: CorpusManifest::digest_of(&files),
            files,
            counts,
        };
        let parts = if spec.layout.container.is_data_set() { parts.as_slice() } else { &[] };
        [CARD, MANIFEST].into_iter().try_for_each(|name| claim.note(name))?;
        publish(&spec.folder.join(CARD), card::card(&manifest, parts).as_bytes())?;
        manifest.save(&spec.folder)?;
        claim.release()?;
        Ok(manifest)
    }
}

fn sync(folder: &Path) -> Result<(), CorpusError> {
    let file = File::open(folder).map_err(CorpusError::io("cannot open", folder))?;
    file.sync_all().map_err(CorpusError::io("cannot sync", folder))
}
