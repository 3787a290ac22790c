//! A file under a temporary name, its digests taken on the way.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read as _, Seek as _, Write},
    path::{Path, PathBuf},
};

use metacot_traces::corpus::{CorpusError, FileEntry};
use sha2::{Digest as _, Sha256};

/// A file that is being written; [`finish`](Self::finish) makes it one that only has to get its name.
pub struct Draft {
    path: PathBuf,
    file: BufWriter<File>,
    blake3: blake3::Hasher,
    sha256: Sha256,
    bytes: u64,
}

/// A finished file without its name.
pub struct Finished {
    temporary: PathBuf,
    extension: &'static str,
    entry: FileEntry,
}

/// Ending of names of files that are not finished.
pub(crate) const TEMPORARY: &str = ".tmp";

impl Draft {
    /// Begins a file called `stem.extension.tmp`.
    ///
    /// # Errors
    /// What the system refused.
    pub fn create(stem: &Path, extension: &str) -> Result<Self, CorpusError> {
        let mut name = stem.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{extension}{TEMPORARY}"));
        let path = stem.with_file_name(name);
        let file = File::create(&path).map_err(CorpusError::io("cannot write", &path))?;
        Ok(Self { path, file: BufWriter::with_capacity(1 << 18, file), blake3: blake3::Hasher::new(), sha256: Sha256::new(), bytes: 0 })
    }

    /// The temporary path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What the system refused.
    pub fn finish(self, extension: &'static str, records: u64) -> Result<Finished, CorpusError> {
        let Self { path, file, blake3, sha256, bytes } = self;
        let file = file.into_inner().map_err(|error| CorpusError::io("cannot write", &path)(error.into_error()))?;
        file.sync_all().map_err(CorpusError::io("cannot sync", &path))?;
        let entry = FileEntry { name: String::new(), bytes, records, blake3: blake3.finalize().to_hex().to_string(), sha256: hex(&sha256.finalize()) };
        Ok(Finished { temporary: path, extension, entry })
    }

    /// Ends a file whose first bytes are known only now, and takes its digests in a second reading.
    ///
    /// # Errors
    /// What the system refused.
    pub fn finish_with_start(self, start: &[u8], extension: &'static str, records: u64) -> Result<Finished, CorpusError> {
        let Self { path, file, bytes, .. } = self;
        let mut file = file.into_inner().map_err(|error| CorpusError::io("cannot write", &path)(error.into_error()))?;
        file.rewind().and_then(|()| file.write_all(start)).and_then(|()| file.sync_all()).map_err(CorpusError::io("cannot write", &path))?;
        drop(file);
        let (mut blake3, mut sha256) = (blake3::Hasher::new(), Sha256::new());
        let mut file = File::open(&path).map_err(CorpusError::io("cannot read", &path))?;
        let mut buffer = vec![0; 1 << 18];
        loop {
            let length = file.read(&mut buffer).map_err(CorpusError::io("cannot read", &path))?;
            if length == 0 {
                break;
            }
            blake3.update(&buffer[..length]);
            sha256.update(&buffer[..length]);
        }
        let entry = FileEntry { name: String::new(), bytes, records, blake3: blake3.finalize().to_hex().to_string(), sha256: hex(&sha256.finalize()) };
        Ok(Finished { temporary: path, extension, entry })
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.blake3.update(bytes);
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Finished {
    /// The digest that names the file.
    pub fn blake3(&self) -> &str {
        &self.entry.blake3
    }

    /// The extension of its name.
    pub fn extension(&self) -> &'static str {
        self.extension
    }

    /// Gives the file its name `stem.extension` in `folder` and returns its entry, the name being `inside/stem.extension`.
    ///
    /// # Errors
    /// What the system refused.
    pub fn publish(self, stem: &str, folder: &Path, inside: &str) -> Result<FileEntry, CorpusError> {
        let Self { temporary, extension, entry } = self;
        let name = format!("{inside}{stem}.{extension}");
        let path = folder.join(&name);
        fs::rename(&temporary, &path).map_err(CorpusError::io("cannot rename", &temporary))?;
        Ok(FileEntry { name, ..entry })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
