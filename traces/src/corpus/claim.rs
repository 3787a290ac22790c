//! A folder is claimed before a corpus is written into it, so that nobody's files are replaced: a mark stands there until the manifest does.
//!
//! The mark lists every file of the corpus in the making before the file is begun. A run that fails takes them away, and after one that was
//! killed the next run into the folder does; files that are not listed are never touched.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write as _,
    path::{Component, Path, PathBuf},
    sync::Mutex,
};

use super::{CARD, CorpusError, MANIFEST, file};

/// The mark of a corpus in the making: names of files within the folder, one a line.
const MARK: &str = ".unfinished";

/// A folder that nobody else writes a corpus into. Dropped without [`release`](Self::release), it takes away what was noted.
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
    /// Makes the folder ready for a corpus whose data files begin with `prefix`: removes the corpus that is there where `force` says so, and
    /// what an unfinished run of ours left; tries whether the folder can be written to.
    ///
    /// # Errors
    /// There is a corpus and no `force`, or a file of a name that would be written and no mark of ours; another run is writing there; or what
    /// the system refused.
    pub fn take(folder: &Path, prefix: &str, force: bool) -> Result<Self, CorpusError> {
        let mut made: Vec<PathBuf> = folder.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).map(PathBuf::from).collect();
        made.reverse();
        fs::create_dir_all(folder).map_err(CorpusError::io("cannot create", folder))?;
        let (manifest, path) = (folder.join(MANIFEST), folder.join(MARK));
        if manifest.exists() && !force {
            return Err(CorpusError::Exists { path: folder.to_path_buf() });
        }
        if !manifest.exists() && !path.exists() && !force {
            refuse_foreign(folder, prefix)?;
        }
        let mark = OpenOptions::new().create(true).append(true).open(&path).map_err(CorpusError::io("cannot write into", folder))?;
        match mark.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(CorpusError::Usage(format!("{}: another run is writing into this folder", folder.display()))),
            // A file system without locks is no reason to refuse.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        clean(folder);
        mark.set_len(0).map_err(CorpusError::io("cannot write into", folder))?;
        let claim = Self { folder: folder.to_path_buf(), mark: Mutex::new(mark), made, is_released: false };
        if manifest.exists() {
            remove_corpus(folder, &manifest)?;
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

    /// Takes the mark away, once the manifest is there.
    ///
    /// # Errors
    /// What the system refused.
    pub fn release(mut self) -> Result<(), CorpusError> {
        self.is_released = true;
        let path = self.folder.join(MARK);
        fs::remove_file(&path).map_err(CorpusError::io("cannot remove", &path))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.is_released {
            clean(&self.folder);
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

/// Removes a finished corpus, of any layout, with the folders within that are then empty.
fn remove_corpus(folder: &Path, manifest: &Path) -> Result<(), CorpusError> {
    let text = fs::read(manifest).map_err(CorpusError::io("cannot read", manifest))?;
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let files = value.get("files").and_then(serde_json::Value::as_array);
    for name in files.into_iter().flatten().filter_map(|file| file.get("name")?.as_str()) {
        let path = folder.join(name);
        if is_inside(name) && path.is_file() {
            fs::remove_file(&path).map_err(CorpusError::io("cannot remove", &path))?;
            if let Some(parent) = path.parent().filter(|parent| *parent != folder) {
                let _ = fs::remove_dir(parent);
            }
        }
    }
    fs::remove_file(manifest).map_err(CorpusError::io("cannot remove", manifest))
}

/// Removes the files that the mark of a folder lists, drafts as well, and the folders within that are then empty.
fn clean(folder: &Path) {
    let names = fs::read_to_string(folder.join(MARK)).unwrap_or_default();
    for name in names.lines().filter(|name| is_inside(name)) {
        let path = folder.join(name);
        let _ = fs::remove_file(file::temporary(&path));
        let _ = fs::remove_file(&path);
        if let Some(parent) = path.parent().filter(|parent| *parent != folder) {
            let _ = fs::remove_dir(parent);
        }
    }
}

/// Whether a name stays within the folder.
fn is_inside(name: &str) -> bool {
    !name.is_empty() && Path::new(name).components().all(|part| matches!(part, Component::Normal(_)))
}
