//! The corpus that is being replaced: kept in a folder within its own until the new one is complete.
//!
//! Its manifest goes there first and leaves last, so whatever stops a run in between, the manifest there says what else is, and a manifest in
//! the folder itself is that of a complete corpus. Only files of that corpus are moved or removed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{CARD, CorpusError, FUNNEL, MANIFEST, is_inside, prune};

/// Where the files of the old corpus wait, under the names that they had.
const REPLACED: &str = ".replaced";

/// Whether there is a corpus that was being replaced.
pub(super) fn is_there(folder: &Path) -> bool {
    folder.join(REPLACED).join(MANIFEST).exists()
}

/// Moves the finished corpus of a folder out of the way.
///
/// # Errors
/// What the system refused, or a file of somebody else stands where one is to go.
pub(super) fn set_aside(folder: &Path) -> Result<(), CorpusError> {
    let aside = folder.join(REPLACED);
    let names = names(folder)?;
    relocate(folder, &aside, MANIFEST)?;
    names.iter().try_for_each(|name| relocate(folder, &aside, name))
}

/// Moves the corpus that was set aside back; with `force`, over files that somebody has since put under its names.
///
/// # Errors
/// What the system refused, or such a file and no `force`.
pub(super) fn put_back(folder: &Path, force: bool) -> Result<(), CorpusError> {
    let aside = folder.join(REPLACED);
    if is_there(folder) {
        let mut names = names(&aside)?;
        names.push(MANIFEST.into());
        for path in names.iter().filter(|name| is_file(&aside.join(name))).map(|name| folder.join(name)).filter(|path| is_file(path)) {
            if !force {
                return Err(CorpusError::Exists { path });
            }
            fs::remove_file(&path).map_err(CorpusError::io("cannot remove", &path))?;
        }
        names.iter().try_for_each(|name| relocate(&aside, folder, name))?;
    }
    // Only an empty folder can be removed so.
    let _ = fs::remove_dir(aside);
    Ok(())
}

/// Removes the corpus that was set aside.
///
/// # Errors
/// What the system refused.
pub(super) fn remove(folder: &Path) -> Result<(), CorpusError> {
    let aside = folder.join(REPLACED);
    if is_there(folder) {
        let mut names = names(&aside)?;
        names.push(MANIFEST.into());
        for path in names.iter().map(|name| aside.join(name)) {
            if is_file(&path) {
                fs::remove_file(&path).map_err(CorpusError::io("cannot remove", &path))?;
            }
            prune(&aside, &path);
        }
    }
    // Only an empty folder can be removed so.
    let _ = fs::remove_dir(aside);
    Ok(())
}

/// The files of a finished corpus of any layout beside its manifest, whether they are there or not.
fn names(folder: &Path) -> Result<Vec<String>, CorpusError> {
    let path = folder.join(MANIFEST);
    let text = fs::read(&path).map_err(CorpusError::io("cannot read", &path))?;
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let files = value.get("files").and_then(serde_json::Value::as_array);
    let mut names: Vec<String> = files.into_iter().flatten().filter_map(|file| Some(file.get("name")?.as_str()?.into())).collect();
    names.retain(|name| is_inside(name) && name != MANIFEST);
    names.push(CARD.into());
    if value.get("config").is_some_and(|config| config.get("filter").is_some()) {
        names.push(FUNNEL.into());
    }
    Ok(names)
}

/// Moves a file, if it is there, between two folders that hold it under one name, and removes the folders within the first that are then empty.
fn relocate(from: &Path, to: &Path, name: &str) -> Result<(), CorpusError> {
    let (old, new): (PathBuf, PathBuf) = (from.join(name), to.join(name));
    if is_file(&old) {
        if is_file(&new) {
            return Err(CorpusError::Exists { path: new });
        }
        let parent = new.parent().unwrap_or(to);
        fs::create_dir_all(parent).map_err(CorpusError::io("cannot create", parent))?;
        fs::rename(&old, &new).map_err(CorpusError::io("cannot move", &old))?;
    }
    prune(from, &old);
    Ok(())
}

/// Whether there is a file or a link of this name; a link need not lead anywhere from here.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|data| !data.is_dir())
}
