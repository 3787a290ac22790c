//! Files that are either there and whole, or not there: written beside their place, synced, then renamed into it.
//!
//! **Invariant**: a reader of `path` never sees a half-written file, even when the machine loses power. What a killed process leaves
//! behind is a hidden file ending in `.partial`, which [`clear_partials`] removes: called for the folder of a run or a training when it is opened
//! again, under the run's lock. In a folder that nobody locks, such as that of an export, it stays and harms nothing but the disk's room.
//!
//! The permissions are those of any new file.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::error::{Error, Result};

const SUFFIX: &str = ".partial";

/// Writes `bytes` to `path`, replacing what is there in one step.
///
/// # Errors
/// [`Error::Io`] when the folder does not exist or cannot be written; `path` is then as it was before.
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<()> {
    let path = path.as_ref();
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes.as_ref()).map_err(Error::io("cannot write", path))?;
    file.commit()
}

/// A file being written under a temporary name; it appears in its place at [`commit`](Self::commit), and never if dropped before.
#[derive(Debug)]
pub struct AtomicFile {
    target: PathBuf,
    partial: PathBuf,
    // None once committed, so that dropping removes nothing.
    writer: Option<BufWriter<File>>,
}

impl AtomicFile {
    /// Opens a temporary file in the folder of `target`, so that an unwritable folder fails before any work is done.
    ///
    /// # Errors
    /// [`Error::Io`] when `target` names no file, or its folder does not exist or cannot be written.
    pub fn create(target: impl AsRef<Path>) -> Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let target = target.as_ref().to_path_buf();
        let Some(name) = target.file_name() else {
            return Err(Error::io("cannot write", &target)(io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file")));
        };
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{}{SUFFIX}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
        let partial = target.with_file_name(hidden);
        let file = File::create(&partial).map_err(Error::io("cannot write", &target))?;
        Ok(Self { target, partial, writer: Some(BufWriter::new(file)) })
    }

    /// Puts the file in its place: everything written is on the disk under its name when this returns.
    ///
    /// # Errors
    /// [`Error::Io`] when the disk is full or the name is taken by a folder; the target is then as it was before.
    pub fn commit(mut self) -> Result<()> {
        let writer = self.writer.take().expect("only commit takes the writer, and it consumes the file");
        let placed =
            writer.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&self.partial, &self.target));
        if placed.is_err() {
            // The first failure is the one to report; a leftover is harmless.
            let _ = fs::remove_file(&self.partial);
        }
        placed.and_then(|()| sync_folder(&folder_of(&self.target))).map_err(Error::io("cannot write", &self.target))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.as_mut().expect("the writer is there until commit").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().expect("the writer is there until commit").flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            let _ = fs::remove_file(&self.partial);
        }
    }
}

/// Removes what killed processes left in `folder`, and returns how many files that were. Call it only where no other process writes.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be read or a leftover cannot be removed.
pub fn clear_partials(folder: impl AsRef<Path>) -> Result<usize> {
    let folder = folder.as_ref();
    let mut removed = 0;
    for entry in fs::read_dir(folder).map_err(Error::io("cannot read", folder))? {
        let path = entry.map_err(Error::io("cannot read", folder))?.path();
        let is_partial = path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with('.') && name.ends_with(SUFFIX));
        if is_partial && path.is_file() {
            fs::remove_file(&path).map_err(Error::io("cannot remove", &path))?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Makes a rename durable; only Unix lets a folder be opened and synced.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_write_replaces_the_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        write(&path, "old").unwrap();
        write(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(names(folder.path()), ["report.json"]);
    }

    #[test]
    fn a_dropped_file_never_appears_and_keeps_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, "old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[test]
    fn leftovers_of_a_killed_process_are_cleared_and_other_hidden_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        std::mem::forget(AtomicFile::create(folder.path().join("a")).unwrap());
        fs::write(folder.path().join(".gitignore"), "*").unwrap();
        assert_eq!(clear_partials(folder.path()).unwrap(), 1);
        assert_eq!(names(folder.path()), [".gitignore"]);
    }

    #[test]
    fn bad_places_are_errors_that_name_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing").join("a");
        assert!(write(&missing, "").unwrap_err().to_string().contains("missing"));
        assert_eq!(write("/", "").unwrap_err().exit_code(), 3);
        fs::create_dir(folder.path().join("taken")).unwrap();
        assert_eq!(write(folder.path().join("taken"), "x").unwrap_err().exit_code(), 3);
        assert_eq!(names(folder.path()), ["taken"]);
    }
}
