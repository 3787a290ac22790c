//! The folder of a run: the name of every file in it, and who may write there.

use std::{
    fs::{self, File, OpenOptions},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, atomic,
    metrics::{EVENTS_FILE, METRICS_FILE},
    recipe::Recipe,
};

/// Attempts to take the lock of a folder, and the pause between two: five seconds in all.
const LOCK_ATTEMPTS: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// The folders of a run.
const FOLDERS: [&str; 4] = ["corpus", "checkpoints", "rollouts", "eval"];

/// A run folder that this process holds alone until it is dropped.
#[derive(Debug)]
pub struct RunDir {
    root: PathBuf,
    _lock: File,
}

/// What is in the folder when a run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Nothing of this run.
    New,
    /// Some of it; the run goes on.
    Begun,
    /// All of it.
    Finished,
}

/// The last file that a run writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunManifest {
    /// Version of the tool.
    pub tool_version: String,
    /// BLAKE3 digest of the resolved recipe.
    pub recipe_digest: String,
    /// BLAKE3 digest of `report.json`.
    pub report_digest: String,
    /// Digest of the training corpus.
    pub corpus_digest: String,
    /// BLAKE3 digests of the weights that the run ended with.
    pub weights_digest: String,
}

impl RunDir {
    /// Opens `root` for a recipe, makes it where it is missing, and keeps other processes out.
    ///
    /// # Errors
    /// The folder cannot be written; it holds something else, or a run of another recipe (unless `force`, which removes that run);
    /// another process is at work in it.
    pub fn open(root: &Path, recipe: &Recipe, force: bool) -> Result<(Self, RunState)> {
        let wanted = recipe.to_toml();
        let path = root.join("recipe.resolved.toml");
        let is_occupied = fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some());
        let found = if path.exists() { Some(fs::read_to_string(&path).map_err(Error::io("cannot read", &path))?) } else { None };
        if is_occupied && found.is_none() && !force && !only_lock(root) {
            return Err(Error::Exists { path: root.to_path_buf() });
        }
        fs::create_dir_all(root).map_err(Error::io("cannot create", root))?;
        let lock = lock(root)?;
        for name in FOLDERS {
            let path = root.join(name);
            fs::create_dir_all(&path).map_err(Error::io("cannot create", &path))?;
            clear_all_partials(&path)?;
        }
        let run = Self { root: root.to_path_buf(), _lock: lock };
        match found {
            Some(found) if found == wanted => {
                let state = if run.manifest().exists() { RunState::Finished } else { RunState::Begun };
                if state == RunState::Finished && force {
                    run.clear()?;
                    atomic::write(&path, &wanted)?;
                    return Ok((run, RunState::New));
                }
                Ok((run, state))
            }
            Some(found) if !force => Err(Error::data(
                root,
                format!("holds a run of another recipe ({}); give another --out, or --force to replace it", first_difference(&found, &wanted)),
            )),
            _ => {
                run.clear()?;
                atomic::write(&path, &wanted)?;
                Ok((run, RunState::New))
            }
        }
    }

    /// Removes what a run leaves, and nothing else.
    fn clear(&self) -> Result<()> {
        for name in ["manifest.json", "recipe.resolved.toml", "tokenizer.json", "report.json", "report.md", "report.html", "log.txt", METRICS_FILE, EVENTS_FILE]
        {
            let path = self.root.join(name);
            if path.exists() {
                fs::remove_file(&path).map_err(Error::io("cannot remove", &path))?;
            }
        }
        for name in FOLDERS {
            let path = self.root.join(name);
            fs::remove_dir_all(&path).map_err(Error::io("cannot remove", &path))?;
            fs::create_dir_all(&path).map_err(Error::io("cannot create", &path))?;
        }
        Ok(())
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The last file of a run; its presence says that the run is finished.
    pub fn manifest(&self) -> PathBuf {
        self.root.join("manifest.json")
    }

    /// A corpus folder, such as `train`.
    pub fn corpus(&self, name: &str) -> PathBuf {
        self.root.join("corpus").join(name)
    }

    /// The vocabulary.
    pub fn tokenizer(&self) -> PathBuf {
        self.root.join("tokenizer.json")
    }

    /// The folder of a training, such as `supervised` or `round-1`.
    pub fn checkpoint(&self, name: &str) -> PathBuf {
        self.root.join("checkpoints").join(name)
    }

    /// The samples of a round.
    pub fn rollouts(&self, name: &str) -> PathBuf {
        self.root.join("rollouts").join(format!("{name}.jsonl"))
    }

    /// An evaluation, such as `supervised-unseen`.
    pub fn eval(&self, name: &str) -> PathBuf {
        self.root.join("eval").join(format!("{name}.json"))
    }

    /// A rendering of the report.
    pub fn report(&self, extension: &str) -> PathBuf {
        self.root.join(format!("report.{extension}"))
    }

    /// Notes for people, with times; nothing reads it.
    pub fn log(&self) -> PathBuf {
        self.root.join("log.txt")
    }
}

/// Whether the folder holds nothing but a lock file, as after a run that was killed at its very start.
pub(crate) fn only_lock(root: &Path) -> bool {
    fs::read_dir(root).is_ok_and(|entries| entries.flatten().all(|entry| entry.file_name().to_string_lossy().starts_with('.')))
}

/// Removes what killed processes left in a folder and in those below it.
fn clear_all_partials(folder: &Path) -> Result<()> {
    atomic::clear_partials(folder)?;
    for entry in fs::read_dir(folder).map_err(Error::io("cannot read", folder))? {
        let entry = entry.map_err(Error::io("cannot read", folder))?;
        // A link is no folder here, so that this ends and stays below the run.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            clear_all_partials(&entry.path())?;
        }
    }
    Ok(())
}

/// Takes the folder for this process and removes what killed processes left in it. A process that was just killed holds its lock until the system has
/// taken it down, so this waits a moment.
pub(crate) fn lock(root: &Path) -> Result<File> {
    let path = root.join(".lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(Error::io("cannot write", &path))?;
    for _ in 0..LOCK_ATTEMPTS {
        match file.try_lock() {
            Ok(()) => return atomic::clear_partials(root).map(|_| file),
            Err(fs::TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(fs::TryLockError::Error(source)) => return Err(Error::io("cannot lock", &path)(source)),
        }
    }
    Err(Error::data(root, "another process is at work in this folder; wait for it, or give another --out"))
}

/// The first key at which two resolved recipes differ.
fn first_difference(found: &str, wanted: &str) -> String {
    let mut section = "";
    for (old, new) in found.lines().zip(wanted.lines()) {
        if old != new {
            let section = if section.is_empty() { String::new() } else { format!("{section} ") };
            return format!("{section}`{}` there, `{}` here", old.trim(), new.trim());
        }
        if new.starts_with('[') {
            section = new;
        }
    }
    "one has more keys than the other".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_a_run_removes_what_killed_writes_left_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let recipe = Recipe::load("quickstart", &[]).unwrap();
        let open = || RunDir::open(folder.path(), &recipe, false).unwrap();
        let checkpoint = open().0.checkpoint("round-1");
        fs::create_dir(&checkpoint).unwrap();
        let places = [folder.path().join("report.json"), folder.path().join("corpus/a"), checkpoint.join("weights.safetensors")];
        for place in &places {
            std::mem::forget(atomic::AtomicFile::create(place).unwrap());
        }
        fs::write(checkpoint.join("metrics.jsonl"), "").unwrap();
        let count = |path: &Path| fs::read_dir(path).unwrap().count();
        assert_eq!([count(folder.path()), count(&folder.path().join("corpus")), count(&checkpoint)], [7, 1, 2]);
        assert_eq!(open().1, RunState::Begun);
        assert_eq!([count(folder.path()), count(&folder.path().join("corpus")), count(&checkpoint)], [6, 0, 1]);
    }
}
