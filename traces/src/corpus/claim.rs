//! A folder is claimed before a corpus is written into it, so that nobody's files are replaced: a mark stands there until the manifest does.
//!
//! The mark lists every file of the corpus in the making before the file is begun. A run that fails takes them away, and after one that was
//! killed the next run into the folder does; files that are not listed are never touched. A corpus that is to be replaced is set aside within
//! the folder until the new one is complete: a run that fails puts it back, and so does the run after one that was killed.

mod replaced;

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write as _,
    path::{Component, Path, PathBuf},
    sync::Mutex,
};

use super::{CARD, CorpusError, FUNNEL, MANIFEST, file};

/// The mark of a corpus in the making: names of files within the folder, one a line.
const MARK: &str = ".unfinished";

/// A folder that nobody else writes a corpus into. Dropped without [`release`](Self::release), it takes away what was noted and puts back what
/// was to be replaced.
#[derive(Debug)]
pub struct Claim {
    folder: PathBuf,
    /// The mark, locked as long as this lives.
    mark: Mutex<File>,
    /// Folders that were made for it, the outermost first.
    made: Vec<PathBuf>,
    is_released: bool,
}

impl Claim {
    /// Makes the folder ready for a corpus whose data files begin with `prefix`: removes what an unfinished run of ours left, and sets the corpus
    /// that is there aside where `force` says so; tries whether the folder can be written to.
    ///
    /// # Errors
    /// There is a corpus and no `force`, or a file of a name that would be written and no mark of ours; another run is writing there; or what
    /// the system refused.
    pub fn take(folder: &Path, prefix: &str, force: bool) -> Result<Self, CorpusError> {
        let mut made: Vec<PathBuf> = folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).map(PathBuf::from).collect();
        made.reverse();
        fs::create_dir_all(folder).map_err(CorpusError::io("cannot create", folder))?;
        let (manifest, path) = (folder.join(MANIFEST), folder.join(MARK));
        if !force && !path.exists() && !replaced::is_there(folder) {
            if manifest.exists() {
                return Err(CorpusError::Exists { path: folder.to_path_buf() });
            }
            refuse_foreign(folder, prefix)?;
        }
        let mark = OpenOptions::new().create(true).append(true).open(&path).map_err(CorpusError::io("cannot write into", folder))?;
        match mark.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(CorpusError::Usage(format!("{}: another run is writing into this folder", folder.display()))),
            // A file system without locks is no reason to refuse.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        if manifest.exists() {
            // A run that was killed after its manifest: what the mark lists is a complete corpus.
            replaced::remove(folder)?;
        } else {
            clean(folder);
        }
        // Before the old corpus is back, since its files may have names that are listed.
        mark.set_len(0).map_err(CorpusError::io("cannot write into", folder))?;
        replaced::put_back(folder, force)?;
        let claim = Self { folder: folder.to_path_buf(), mark: Mutex::new(mark), made, is_released: false };
        if manifest.exists() {
            if !force {
                return Err(CorpusError::Exists { path: folder.to_path_buf() });
            }
            replaced::set_aside(folder)?;
            // Written by a filter beside its corpus, perhaps where the old one was.
            claim.note(FUNNEL)?;
        }
        Ok(claim)
    }

    /// Notes a file of the corpus, by its name within the folder, before it is begun under that name or that of its draft.
    ///
    /// # Errors
    /// What the system refused.
    pub fn note(&self, name: &str) -> Result<(), CorpusError> {
        // A file that stands there now is not ours: only its draft is.
        let draft = if self.folder.join(name).exists() { ".tmp" } else { "" };
        let mut mark = self.mark.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        mark.write_all(format!("{name}{draft}\n").as_bytes()).map_err(CorpusError::io("cannot write into", &self.folder))
    }

    /// Takes the replaced corpus and the mark away, once the manifest is there.
    ///
    /// # Errors
    /// What the system refused.
    pub fn release(mut self) -> Result<(), CorpusError> {
        self.is_released = true;
        replaced::remove(&self.folder)?;
        let path = self.folder.join(MARK);
        fs::remove_file(&path).map_err(CorpusError::io("cannot remove", &path))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_released {
            clean(&self.folder);
            let mark = self.mark.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
            // As in `take`; where this fails, the next run does it.
            if mark.set_len(0).is_ok() {
                let _ = replaced::put_back(&self.folder, false);
            }
            let _ = fs::remove_file(self.folder.join(MARK));
            // Only empty folders can be removed so.
            self.made.iter().rev().for_each(|folder| drop(fs::remove_dir(folder)));
        }
    }
}

/// Refuses a folder in which a file of somebody else has a name that would be written.
fn refuse_foreign(folder: &Path, prefix: &str) -> Result<(), CorpusError> {
    for entry in fs::read_dir(folder).map_err(CorpusError::io("cannot read", folder))? {
        let entry = entry.map_err(CorpusError::io("cannot read", folder))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name == CARD || (name.starts_with(prefix) && name[prefix.len()..].starts_with('-')) {
            return Err(CorpusError::Exists { path: entry.path() });
        }
    }
    Ok(())
}

/// Removes the files that the mark of a folder lists, drafts as well, and the folders within that are then empty. The last one first: without
/// its manifest, a corpus that is half removed is not taken for a complete one.
fn clean(folder: &Path) {
    let names = fs::read_to_string(folder.join(MARK)).unwrap_or_default();
    for name in names.lines().rev().filter(|name| is_inside(name)) {
        let path = folder.join(name);
        let _ = fs::remove_file(file::temporary(&path));
        let _ = fs::remove_file(&path);
        prune(folder, &path);
    }
}

/// Removes the folders between a folder and a file that was in it, as far as they are empty.
fn prune(folder: &Path, path: &Path) {
    path.ancestors().skip(1).take_while(|parent| *parent != folder).for_each(|parent| drop(fs::remove_dir(parent)));
}

/// Whether a name stays within the folder.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}
