//! The checkpoints of a folder, one file a step: `step-00000012.safetensors`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Archive, Header};
use crate::error::{Error, Result};

/// Checkpoints that are kept: the newest, and one before it in case the newest cannot be read.
const KEPT: usize = 2;

/// The file of a step.
pub(crate) fn path(folder: &Path, step: usize) -> PathBuf {
    folder.join(format!("step-{step:08}.safetensors"))
}

/// Writes the checkpoint of a step and removes those that are older than the one before.
pub(crate) fn write<H: Header>(folder: &Path, step: usize, archive: &Archive<H>) -> Result<()> {
    archive.write(&path(folder, step))?;
    for old in newest_first(folder)?.into_iter().skip(KEPT) {
        fs::remove_file(&old).map_err(Error::io("cannot remove", &old))?;
    }
    Ok(())
}

/// The newest whole checkpoint of a folder; a file that is cut short or altered is passed over: the one before it stands.
pub(crate) fn newest<H: Header>(folder: &Path) -> Result<Option<(PathBuf, Archive<H>)>> {
    for path in newest_first(folder)? {
        match Archive::read(&path) {
            Ok(archive) => return Ok(Some((path, archive))),
            Err(Error::Data { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn newest_first(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::io("cannot read", folder))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io("cannot read", folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("step-") && name.ends_with(".safetensors") {
            paths.push(path);
        }
    }
    paths.sort_unstable_by(|a, b| b.cmp(a));
    Ok(paths)
}
