//! Expected failures as the exceptions that Python has for them.

use metacot_traces::corpus::CorpusError;
use pyo3::{
    PyErr,
    exceptions::{PyFileExistsError, PyOSError, PyRuntimeError, PyValueError},
};

/// The exception of a failure: `OSError` where the system refused, `FileExistsError`, `RuntimeError` for a bug of ours, else `ValueError`.
pub(crate) fn raise(error: CorpusError) -> PyErr {
    match error {
        CorpusError::Io { action, path, source } => {
            let message = format!("{action} {}: {source}", path.display());
            source.raw_os_error().map_or_else(|| PyOSError::new_err(message.clone()), |number| PyOSError::new_err((number, message.clone())))
        }
        CorpusError::Exists { path } => {
            PyFileExistsError::new_err(format!("{} exists already; give force=True to replace it, or another folder", path.display()))
        }
        CorpusError::Audit { .. } => PyRuntimeError::new_err(error.to_string()),
        CorpusError::Data { .. } | CorpusError::Usage(_) => PyValueError::new_err(error.to_string()),
    }
}

/// A value that is not allowed.
pub(crate) fn refuse(reason: impl ToString) -> PyErr {
    PyValueError::new_err(reason.to_string())
}
