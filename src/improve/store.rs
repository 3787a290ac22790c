//! What rounds gather, on disk: one record a line, published whole.

use std::{fs, io::Write as _, path::Path};

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result, atomic::AtomicFile};

/// Publishes the records of a round.
///
/// # Errors
/// What the system refused.
pub fn save_records<T: Serialize>(path: &Path, records: &[T]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    for record in records {
        let mut line = serde_json::to_vec(record).expect("a record is plain data");
        line.push(b'\n');
        file.write_all(&line).map_err(Error::io("cannot write", path))?;
    }
    file.commit()
}

/// Reads the records of a round.
///
/// # Errors
/// The file cannot be read, or a line is damaged.
pub fn load_records<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    let text = fs::read_to_string(path).map_err(Error::io("cannot read", path))?;
    text.lines()
        .enumerate()
        .map(|(index, line)| serde_json::from_str(line).map_err(|error| Error::data(path, format!("line {}: {error}", index + 1))))
        .collect()
}
