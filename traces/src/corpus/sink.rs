//! Where the records of a run go, in order and already encoded.

use super::{CorpusError, Manifest, Writer, WriterSpec, cut::Files};

/// Takes the records of a run in order.
pub trait Sink {
    /// Called once, after all settings were checked and before any work is done, with the files of this run among those of all
    /// its shards.
    ///
    /// # Errors
    /// The place cannot be written.
    fn begin(&mut self, files: Files) -> Result<(), CorpusError>;

    /// Takes `records` records in the encoding that the run was asked for.
    ///
    /// # Errors
    /// What the system refused.
    fn append(&mut self, bytes: &[u8], records: u64) -> Result<(), CorpusError>;

    /// Adds `count` to the total called `name`.
    fn count(&mut self, name: &str, count: u64);

    /// Ends the current file, be it empty.
    ///
    /// # Errors
    /// What the system refused.
    fn end_file(&mut self) -> Result<(), CorpusError>;
}

/// A corpus of our own as a sink.
pub struct CorpusSink {
    spec: WriterSpec,
    writer: Option<Writer>,
}

impl CorpusSink {
    /// A corpus to be written as `spec` says, but for the numbers of its files, which the run knows.
    pub fn new(spec: WriterSpec) -> Self {
        Self { spec, writer: None }
    }

    /// Publishes the manifest.
    ///
    /// # Errors
    /// What the system refused.
    pub fn finish(self) -> Result<Manifest, CorpusError> {
        self.writer.map_or_else(|| Writer::create(self.spec), Ok)?.finish()
    }
}

impl Sink for CorpusSink {
    fn begin(&mut self, files: Files) -> Result<(), CorpusError> {
        (self.spec.files, self.spec.num_files, self.spec.shard) = (files.numbers, files.num_files, files.shard);
        self.writer = Some(Writer::create(self.spec.clone())?);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8], records: u64) -> Result<(), CorpusError> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.append(bytes, records))
    }

    fn count(&mut self, name: &str, count: u64) {
        if let Some(writer) = &mut self.writer {
            writer.count(name, count);
        }
    }

    fn end_file(&mut self) -> Result<(), CorpusError> {
        self.writer.as_mut().map_or(Ok(()), Writer::end_file)
    }
}
