//! Rollouts on disk: one group a line, published whole.

use std::{fs, io::Write as _, path::Path};

use crate::{Error, Result, atomic::AtomicFile, grade::RolloutGroup};

/// Publishes the groups of a round.
///
/// # Errors
/// What the system refused.
pub fn save_groups(path: &Path, groups: &[RolloutGroup]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    for group in groups {
        let mut line = serde_json::to_vec(group).expect("a group is plain data");
        line.push(b'\n');
        file.write_all(&line).map_err(Error::io("cannot write", path))?;
    }
    file.commit()
}

/// Reads the groups of a round.
///
/// # Errors
/// The file cannot be read, or a line is damaged.
pub fn load_groups(path: &Path) -> Result<Vec<RolloutGroup>> {
    let text = fs::read_to_string(path).map_err(Error::io("cannot read", path))?;
    text.lines()
        .enumerate()
        .map(|(index, line)| serde_json::from_str(line).map_err(|error| Error::data(path, format!("line {}: {error}", index + 1))))
        .collect()
}
