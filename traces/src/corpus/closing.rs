//! Finished files on their way to the disk: synced and named beside the making of what comes next.

use std::{
    fs::File,
    path::PathBuf,
    thread::{self, JoinHandle},
};

use super::{CorpusError, file::rename_synced};

/// The one file that is being synced; the next one waits for it, so that no more than two are under temporary names.
#[derive(Default)]
pub(super) struct Closing {
    thread: Option<JoinHandle<Result<(), CorpusError>>>,
}

impl Closing {
    /// Begins to sync a finished temporary file and to give it its name.
    ///
    /// # Errors
    /// What the system refused of the file before.
    pub fn begin(&mut self, file: File, temporary: PathBuf, path: PathBuf) -> Result<(), CorpusError> {
        self.end()?;
        self.thread = Some(thread::spawn(move || rename_synced(&file, &temporary, &path)));
        Ok(())
    }

    /// Waits until the last file stands under its name.
    ///
    /// # Errors
    /// What the system refused.
    pub fn end(&mut self) -> Result<(), CorpusError> {
        self.thread.take().map_or(Ok(()), |thread| thread.join().expect("syncing does not panic"))
    }
}

impl Drop for Closing {
    /// A run that failed for another reason leaves no thread behind that still names files.
    fn drop(&mut self) {
        let _ = self.end();
    }
}
