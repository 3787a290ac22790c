//! The checkpoints of a folder, one file a step: `step-00000012.safetensors`.
//!
//! **Invariant**: the checkpoint just written stands, and beside it the newest before it that is known to be whole, because it was read or
//! written here. A damaged file counts for nothing, whatever its number: it is passed over and removed with the next write. One of another format or
//! version is an error instead, as a training must not begin again because its checkpoint is from another version of this program.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{Archive, Header};
use crate::{
    atomic::clear_partials,
    error::{Error, Result},
};

/// Checkpoints that are kept: the newest, and one before it in case the newest cannot be read.
const KEPT: usize = 2;

/// The checkpoints of a folder.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    folder: PathBuf,
    /// Files that are known to be whole, oldest first; at most [`KEPT`].
    whole: Vec<PathBuf>,
}

/// An archive and the file that it was read from.
pub(crate) type Found<H> = (PathBuf, Archive<H>);

impl Series {
    /// Opens the series of a folder that no other process writes in: removes what killed writes left there and reads the newest whole checkpoint,
    /// where there is one. Files that are cut short or altered are passed over.
    ///
    /// # Errors
    /// The folder cannot be read, or a file in it is of another format or version.
    pub fn open<H: Header>(folder: &Path) -> Result<(Self, Option<Found<H>>)> {
        clear_partials(folder)?;
        for path in newest_first(folder)? {
            if let Some(archive) = Archive::read_whole(&path)? {
                return Ok((Self { folder: folder.to_path_buf(), whole: vec![path.clone()] }, Some((path, archive))));
            }
        }
        Ok((Self { folder: folder.to_path_buf(), whole: Vec::new() }, None))
    }

    /// Writes the checkpoint of a step and removes all but it and the whole one before.
    ///
    /// # Errors
    /// The file cannot be written, or an old one cannot be removed.
    pub fn write<H: Header>(&mut self, step: usize, archive: &Archive<H>) -> Result<()> {
        let path = path(&self.folder, step);
        archive.write(&path)?;
        self.whole.retain(|other| *other != path);
        self.whole.push(path);
        let surplus = self.whole.len().saturating_sub(KEPT);
        self.whole.drain(..surplus);
        for old in newest_first(&self.folder)?.iter().filter(|old| !self.whole.contains(old)) {
            fs::remove_file(old).map_err(Error::io("cannot remove", old))?;
        }
        Ok(())
    }
}

/// The file of a step.
fn path(folder: &Path, step: usize) -> PathBuf {
    folder.join(format!("step-{step:08}.safetensors"))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Step {
        step: usize,
    }

    impl Header for Step {
        const FORMAT: &'static str = "metacot-test";
        const VERSION: u32 = 2;
    }

    /// As [`Step`], before its version was raised.
    #[derive(Serialize, Deserialize)]
    struct Old {
        step: usize,
    }

    impl Header for Old {
        const FORMAT: &'static str = "metacot-test";
        const VERSION: u32 = 1;
    }

    /// As [`Step`], with a field more and the same version.
    #[derive(Debug, Serialize, Deserialize)]
    struct Wider {
        step: usize,
        epoch: usize,
    }

    impl Header for Wider {
        const FORMAT: &'static str = "metacot-test";
        const VERSION: u32 = 2;
    }

    fn archive<H>(header: H) -> Archive<H> {
        Archive { header, tensors: BTreeMap::from([("a".to_owned(), (vec![3], vec![1.0, 2.0, 3.0]))]) }
    }

    fn steps(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.iter().map(|name| name.trim_start_matches("step-0000000").trim_end_matches(".safetensors").to_owned()).collect()
    }

    fn open(folder: &Path) -> (Series, Option<usize>) {
        let (series, found) = Series::open::<Step>(folder).unwrap();
        (series, found.map(|(_, archive)| archive.header.step))
    }

    #[test]
    fn the_newest_and_the_one_before_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (mut series, found) = open(folder.path());
        assert_eq!(found, None);
        for step in [1, 2, 4, 4] {
            series.write(step, &archive(Step { step })).unwrap();
        }
        assert_eq!(steps(folder.path()), ["2", "4"]);
        assert_eq!(open(folder.path()).1, Some(4));
    }

    #[test]
    fn damaged_files_never_push_out_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let (mut series, _) = open(folder.path());
        for step in [1, 2, 3] {
            series.write(step, &archive(Step { step })).unwrap();
        }
        let whole = fs::read(path(folder.path(), 3)).unwrap();
        let altered = [&whole[..whole.len() - 1], &[!whole[whole.len() - 1]]].concat();
        // Older and newer than the step that is written next: one cut short, one altered, one empty.
        for (step, bytes) in [(4, &whole[..whole.len() / 2]), (7, &altered[..]), (8, &whole[..0])] {
            fs::write(path(folder.path(), step), bytes).unwrap();
        }
        let (mut series, found) = open(folder.path());
        assert_eq!((found, steps(folder.path()).len()), (Some(3), 5));
        series.write(5, &archive(Step { step: 5 })).unwrap();
        assert_eq!(steps(folder.path()), ["3", "5"]);
        series.write(6, &archive(Step { step: 6 })).unwrap();
        assert_eq!(steps(folder.path()), ["5", "6"]);
        assert_eq!(open(folder.path()).1, Some(6));
    }

    #[test]
    fn another_version_or_header_is_an_error_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (mut series, _) = open(folder.path());
        series.write(1, &archive(Step { step: 1 })).unwrap();
        let reason = || Series::open::<Step>(folder.path()).unwrap_err().to_string();
        series.write(2, &archive(Old { step: 2 })).unwrap();
        assert!(reason().ends_with("step-00000002.safetensors: is metacot-test version 1; expected metacot-test version 2"), "{}", reason());
        series.write(2, &archive(Step { step: 2 })).unwrap();
        let error = Series::open::<Wider>(folder.path()).unwrap_err().to_string();
        assert!(error.contains("its header cannot be read: missing field `epoch`"), "{error}");
        assert_eq!(steps(folder.path()), ["1", "2"]);
    }

    #[test]
    fn opening_removes_what_a_killed_write_left() {
        let folder = tempfile::tempdir().unwrap();
        let (mut series, _) = open(folder.path());
        series.write(1, &archive(Step { step: 1 })).unwrap();
        std::mem::forget(crate::atomic::AtomicFile::create(path(folder.path(), 2)).unwrap());
        assert_eq!(steps(folder.path()).len(), 2);
        assert_eq!(open(folder.path()).1, Some(1));
        assert_eq!(steps(folder.path()), ["1"]);
    }
}
