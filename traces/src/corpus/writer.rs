//! Writes records into numbered files of a fixed number of records each, so that the bytes do not depend on who produced them when.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Write as _},
    ops::Range,
    path::PathBuf,
};

use sha2::{Digest as _, Sha256};

use super::{
    CARD, Claim, CorpusError, FileEntry, Layout, MANIFEST, Manifest, SCHEMA_VERSION, Shard,
    card::card,
    closing::Closing,
    file::{self, publish},
};

/// What to write where.
#[derive(Clone, Debug)]
pub struct WriterSpec {
    /// The folder of the corpus; made if absent.
    pub folder: PathBuf,
    /// File format.
    pub layout: Layout,
    /// Prefix of file names, such as `train`.
    pub prefix: String,
    /// Numbers of the files to write; a shard of a larger run has a part of them.
    pub files: Range<u64>,
    /// Number of files of the whole run.
    pub num_files: u64,
    /// Which part of the run this is.
    pub shard: Shard,
    /// Goes into the manifest.
    pub config: serde_json::Value,
    /// Whether a finished corpus in the folder may be replaced.
    pub force: bool,
}

/// The file that is being written.
struct Current {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    blake3: blake3::Hasher,
    sha256: Sha256,
    bytes: u64,
    records: u64,
}

/// Takes encoded records in order and leaves a finished corpus.
///
/// Dropped unfinished, it takes away what it wrote.
pub struct Writer {
    spec: WriterSpec,
    current: Option<Current>,
    /// Before the claim, which takes away what it has named.
    closing: Closing,
    claim: Claim,
    entries: Vec<FileEntry>,
    counts: BTreeMap<String, u64>,
}

impl Writer {
    /// Prepares the folder, before any work is done.
    ///
    /// # Errors
    /// The folder cannot be written, or holds a corpus and `force` is off.
    pub fn create(spec: WriterSpec) -> Result<Self, CorpusError> {
        let claim = Claim::take(&spec.folder, &spec.prefix, spec.force)?;
        Ok(Self { spec, current: None, closing: Closing::default(), claim, entries: Vec::new(), counts: BTreeMap::new() })
    }

    /// Adds `count` to the total called `name`.
    pub fn count(&mut self, name: &str, count: u64) {
        *self.counts.entry(name.to_string()).or_default() += count;
    }

    /// Appends `records` encoded records to the current file.
    ///
    /// # Errors
    /// What the system refused.
    pub fn append(&mut self, bytes: &[u8], records: u64) -> Result<(), CorpusError> {
        if self.current.is_none() {
            self.open()?;
        }
        self.write(bytes)?;
        if let Some(current) = &mut self.current {
            current.records += records;
        }
        Ok(())
    }

    /// Ends the current file (an empty one where nothing was appended).
    ///
    /// # Errors
    /// What the system refused.
    pub fn end_file(&mut self) -> Result<(), CorpusError> {
        if self.current.is_none() {
            self.open()?;
        }
        let records = self.current.as_ref().map_or(0, |current| current.records);
        self.write(&self.spec.layout.footer(records))?;
        let Some(current) = self.current.take() else { return Ok(()) };
        let file = current.file.into_inner().map_err(|error| CorpusError::io("cannot write", &current.temporary)(error.into_error()))?;
        self.closing.begin(file, current.temporary, current.path.clone())?;
        self.entries.push(FileEntry {
            name: current.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            bytes: current.bytes,
            records: current.records,
            blake3: current.blake3.finalize().to_hex().to_string(),
            sha256: hex(&current.sha256.finalize()),
        });
        Ok(())
    }

    /// Publishes the manifest.
    ///
    /// # Errors
    /// What the system refused.
    pub fn finish(mut self) -> Result<Manifest, CorpusError> {
        if self.current.is_some() {
            self.end_file()?;
        }
        self.closing.end()?;
        let manifest = Manifest {
            schema_version: SCHEMA_VERSION,
            tool_version: env!("CARGO_PKG_VERSION").into(),
            config: self.spec.config,
            shard: self.spec.shard.if_part(),
            layout: self.spec.layout,
            digest: Manifest::digest_of(&self.entries),
            files: self.entries,
            counts: self.counts,
        };
        [CARD, MANIFEST].into_iter().try_for_each(|name| self.claim.note(name))?;
        publish(&self.spec.folder.join(CARD), card(&manifest, &self.spec.prefix).as_bytes())?;
        manifest.save(&self.spec.folder)?;
        self.claim.release()?;
        Ok(manifest)
    }

    fn open(&mut self) -> Result<(), CorpusError> {
        let number = self.spec.files.start + self.entries.len() as u64;
        let name = format!("{}-{number:05}-of-{:05}.{}", self.spec.prefix, self.spec.num_files, self.spec.layout.name());
        self.claim.note(&name)?;
        let path = self.spec.folder.join(name);
        let temporary = file::temporary(&path);
        let file = File::create(&temporary).map_err(CorpusError::io("cannot write", &temporary))?;
        // Whole chunks of records are larger than this and go to the system without being copied here.
        let file = BufWriter::with_capacity(1 << 16, file);
        self.current = Some(Current { path, temporary, file, blake3: blake3::Hasher::new(), sha256: Sha256::new(), bytes: 0, records: 0 });
        self.write(&self.spec.layout.header())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), CorpusError> {
        let Some(current) = &mut self.current else { return Ok(()) };
        current.file.write_all(bytes).map_err(CorpusError::io("cannot write", &current.temporary))?;
        current.blake3.update(bytes);
        current.sha256.update(bytes);
        current.bytes += bytes.len() as u64;
        Ok(())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
