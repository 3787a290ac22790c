//! Reads a laid-out corpus back into records, file by file, each checked against its digest.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use metacot_traces::corpus::{self, CorpusError, FileEntry, Record};
use serde_json::Value;

use crate::{
    layout::Layout,
    manifest::Manifest,
    source::{self, RowResult},
};

/// Takes records in order.
pub type TakeRecord<'a> = dyn FnMut(Record) -> Result<(), CorpusError> + 'a;

/// Reads a corpus of any layout that holds whole records, and hands every record to `take`, in order.
///
/// # Errors
/// No manifest, a file that is missing, damaged or truncated, a layout that leaves parts of a record out; or what `take` returns.
pub fn read(folder: &Path, take: &mut TakeRecord<'_>) -> Result<Manifest, CorpusError> {
    let manifest = Manifest::load(folder)?;
    if manifest.layout == "shard" {
        let mut failure = Ok(());
        corpus::read(folder, |record| {
            if failure.is_ok() {
                failure = take(record);
            }
        })?;
        return failure.map(|()| manifest);
    }
    if !Layout::is_whole(&manifest.layout) {
        let reason = format!("layout `{}` does not hold whole records; convert the corpus that it was made from", manifest.layout);
        return Err(CorpusError::Usage(format!("{}: {reason}", folder.display())));
    }
    for entry in &manifest.files {
        let path = folder.join(&entry.name);
        check(&path, entry)?;
        let mut records = 0;
        source::rows(&path, &mut |place, row| {
            let record = record(row).map_err(|reason| CorpusError::data(&path, format!("{place}: {reason}")))?;
            records += 1;
            take(record)
        })?;
        if records != entry.records {
            return Err(CorpusError::data(&path, format!("{records} records, where the manifest says {}", entry.records)));
        }
    }
    Ok(manifest)
}

/// Reads records from a file of its own, without a manifest: JSON lines or Parquet of whole records.
///
/// # Errors
/// As [`read`].
pub fn read_file(path: &Path, take: &mut TakeRecord<'_>) -> Result<(), CorpusError> {
    source::rows(path, &mut |place, row| take(record(row).map_err(|reason| CorpusError::data(path, format!("{place}: {reason}")))?))
}

fn record(row: RowResult) -> Result<Record, String> {
    let mut row = row?;
    // Parquet has the problem as its JSON text.
    if let Some(problem) = row.get_mut("problem")
        && let Value::String(text) = problem
    {
        *problem = serde_json::from_str(text).map_err(|error| format!("problem: {error}"))?;
    }
    serde_json::from_value(Value::Object(row)).map_err(|error| format!("not a record: {error}"))
}

fn check(path: &PathBuf, entry: &FileEntry) -> Result<(), CorpusError> {
    let mut file = File::open(path).map_err(CorpusError::io("cannot read", path))?;
    let (mut hasher, mut length, mut buffer) = (blake3::Hasher::new(), 0_u64, vec![0; 1 << 18]);
    loop {
        let read = file.read(&mut buffer).map_err(CorpusError::io("cannot read", path))?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        length += read as u64;
    }
    if length != entry.bytes {
        return Err(CorpusError::data(path, format!("truncated or changed: {length} bytes, where the manifest says {}", entry.bytes)));
    }
    if hasher.finalize().to_hex().as_str() != entry.blake3 {
        return Err(CorpusError::data(path, "changed: its BLAKE3 digest is not the manifest's"));
    }
    Ok(())
}
