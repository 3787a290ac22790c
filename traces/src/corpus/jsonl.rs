//! Records as JSON lines, for eyes and pipes.

use std::path::Path;

use super::{CorpusError, Record, RecordRef};

pub(super) fn encode(record: &RecordRef<'_>, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, record).expect("records are plain data and a Vec takes every byte");
    out.push(b'\n');
}

pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Vec<Record>, CorpusError> {
    bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(index, line)| serde_json::from_slice(line).map_err(|error| CorpusError::data(path, format!("line {}: {error}", index + 1))))
        .collect()
}
