//! A folder is claimed before a corpus is written into it, so that nobody's files are replaced: a mark stands there until the manifest does.

use std::{fs, path::Path};

use super::{CARD, CorpusError, MANIFEST, Manifest};

/// The mark of a corpus in the making.
const MARK: &str = ".unfinished";

/// Makes the folder ready for a corpus whose data files begin with `prefix`: removes the corpus that is there where `force` says so, and
/// tries whether it can be written to. What an unfinished run of ours left is replaced.
///
/// # Errors
/// There is a corpus and no `force`, or a file of a name that would be written and no mark of ours; or what the system refused.
pub fn claim(folder: &Path, prefix: &str, force: bool) -> Result<(), CorpusError> {
    fs::create_dir_all(folder).map_err(CorpusError::io("cannot create", folder))?;
    let (manifest, mark) = (folder.join(MANIFEST), folder.join(MARK));
    if manifest.exists() {
        if !force {
            return Err(CorpusError::Exists { path: folder.to_path_buf() });
        }
        for entry in Manifest::load(folder).map(|manifest| manifest.files).unwrap_or_default() {
            let path = folder.join(&entry.name);
            if !entry.name.split(['/', '\\']).any(|part| part == "..") && path.is_file() {
                fs::remove_file(&path).map_err(CorpusError::io("cannot remove", &path))?;
            }
        }
        fs::remove_file(&manifest).map_err(CorpusError::io("cannot remove", &manifest))?;
    } else if !mark.exists() && !force {
        for entry in fs::read_dir(folder).map_err(CorpusError::io("cannot read", folder))? {
            let entry = entry.map_err(CorpusError::io("cannot read", folder))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name == CARD || (name.starts_with(prefix) && name[prefix.len()..].starts_with('-')) {
                return Err(CorpusError::Exists { path: entry.path() });
            }
        }
    }
    fs::write(&mark, b"").map_err(CorpusError::io("cannot write into", folder))
}

/// Takes the mark away, once the manifest is there.
///
/// # Errors
/// What the system refused.
pub fn release(folder: &Path) -> Result<(), CorpusError> {
    let mark = folder.join(MARK);
    fs::remove_file(&mark).map_err(CorpusError::io("cannot remove", &mark))
}
