//! A laid-out folder as the sink of a run of generation.

use metacot_traces::corpus::{CorpusError, Files, Layout, Sink};

use crate::{
    folder::{Folder, FolderSpec},
    manifest::Manifest,
};

/// Takes the records of a run, encoded as JSON lines, and lays them out.
pub struct FolderSink {
    spec: Option<FolderSpec>,
    folder: Option<Folder>,
}

impl FolderSink {
    /// How the run has to encode its records.
    pub const ENCODING: Layout = Layout::Jsonl;

    /// A folder that is made once the run begins.
    pub fn new(spec: FolderSpec) -> Self {
        Self { spec: Some(spec), folder: None }
    }

    /// Publishes the folder.
    ///
    /// # Errors
    /// What the system refused, or that the run never began.
    pub fn finish(self) -> Result<Manifest, CorpusError> {
        self.folder.ok_or_else(|| CorpusError::Usage("nothing was generated".into()))?.finish()
    }
}

impl Sink for FolderSink {
    fn begin(&mut self, files: Files) -> Result<(), CorpusError> {
        if let Some(mut spec) = self.spec.take() {
            (spec.shard, spec.numbering) = (files.shard.if_part(), Some((files.numbers.start, files.num_files)));
            self.folder = Some(Folder::create(spec)?);
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8], _: u64) -> Result<(), CorpusError> {
        let Some(folder) = &mut self.folder else { return Ok(()) };
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            folder.push(serde_json::from_slice(line).expect("a run hands on the records that it encoded"))?;
        }
        Ok(())
    }

    fn count(&mut self, name: &str, count: u64) {
        // The folder counts these itself.
        if !["records", "solved", "text_bytes"].contains(&name)
            && let Some(folder) = &mut self.folder
        {
            folder.count(name, count);
        }
    }

    fn end_file(&mut self) -> Result<(), CorpusError> {
        self.folder.as_mut().map_or(Ok(()), Folder::end_files)
    }
}
