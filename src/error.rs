//! Expected failures: what a user, a file or the machine can cause. Each has one exit code; everything else is our bug and panics.

use std::path::{Path, PathBuf};

/// The result of everything that a user can make fail.
pub type Result<T> = std::result::Result<T, Error>;

/// An expected failure. Messages are lower-case fragments that name the offending value and what was allowed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A flag, setting or recipe key that is unknown or out of range.
    #[error("{0}")]
    Usage(String),
    /// A file or folder that cannot be read or written.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was attempted, such as `cannot write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is there and is not what it should be: truncated, of another version, of another configuration.
    #[error("{path}: {reason}")]
    Data {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, and what was expected.
        reason: String,
    },
    /// Something exists that would have been overwritten.
    #[error("{path} exists already; give --force to replace it, or another --out")]
    Exists {
        /// The file or folder.
        path: PathBuf,
    },
    /// A device that this build or this machine does not have.
    #[error("{0}")]
    Device(String),
    /// A run that stopped itself, such as on a loss that is not a number.
    #[error("{0}")]
    Stopped(String),
}

impl Error {
    /// The process exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Io { .. } => 3,
            Self::Data { .. } => 4,
            Self::Exists { .. } => 5,
            Self::Device(_) => 6,
            Self::Stopped(_) => 7,
        }
    }

    /// A failure to `action` (such as `cannot read`) `path`.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// A file that is not what it should be.
    pub fn data(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Data { path: path.as_ref().to_path_buf(), reason: reason.into() }
    }
}

impl From<serde_json::Error> for Error {
    /// Plain data of ours always has a JSON form, so this is a pipe or a number that JSON does not have.
    fn from(error: serde_json::Error) -> Self {
        Self::Io { action: "cannot write", path: "JSON".into(), source: error.into() }
    }
}

impl From<metacot_traces::corpus::CorpusError> for Error {
    fn from(error: metacot_traces::corpus::CorpusError) -> Self {
        use metacot_traces::corpus::CorpusError;
        match error {
            CorpusError::Io { action, path, source } => Self::Io { action, path, source },
            CorpusError::Data { path, reason } => Self::Data { path, reason },
            CorpusError::Exists { path } => Self::Exists { path },
            CorpusError::Usage(message) => Self::Usage(message),
            audit @ CorpusError::Audit { .. } => Self::Stopped(audit.to_string()),
        }
    }
}
