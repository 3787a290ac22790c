//! Files that appear whole or not at all: written under a temporary name, synced, renamed.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A corpus that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The system refused.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path}: {reason}")]
    Data {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// The folder holds a corpus already.
    #[error("{path} exists already; give --force to replace it, or another --out")]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A generated record is not true: a bug of this tool.
    #[error("internal: problem {id} of {env} with {search} and {format} fails its own audit: {reason}")]
    Audit {
        /// Index of the problem.
        id: u64,
        /// The environment.
        env: String,
        /// The search.
        search: String,
        /// The format.
        format: String,
        /// The defect.
        reason: String,
    },
    /// A setting or a combination that cannot work.
    #[error("{0}")]
    Usage(String),
}

impl CorpusError {
    /// A failure to `action` (such as `cannot read`) `path`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// A file that is not what it should be.
    pub fn data(path: &Path, reason: impl Into<String>) -> Self {
        Self::Data { path: path.to_path_buf(), reason: reason.into() }
    }
}

/// The name under which `path` is written until it is complete.
pub(super) fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    path.with_file_name(name)
}

/// Writes a whole file at once: temporary name, sync, rename, sync of the folder.
///
/// # Errors
/// What the system refused.
pub fn publish(path: &Path, bytes: &[u8]) -> Result<(), CorpusError> {
    let temporary = temporary(path);
    fs::write(&temporary, bytes).map_err(CorpusError::io("cannot write", &temporary))?;
    let file = File::open(&temporary).map_err(CorpusError::io("cannot read", &temporary))?;
    rename_synced(&file, &temporary, path)
}

/// Syncs a finished temporary file and gives it its name.
pub(super) fn rename_synced(file: &File, temporary: &Path, path: &Path) -> Result<(), CorpusError> {
    file.sync_all().map_err(CorpusError::io("cannot sync", temporary))?;
    fs::rename(temporary, path).map_err(CorpusError::io("cannot rename", temporary))?;
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder_file = File::open(folder).map_err(CorpusError::io("cannot open", folder))?;
    folder_file.sync_all().map_err(CorpusError::io("cannot sync", folder))
}
