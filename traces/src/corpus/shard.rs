//! Binary shards: magic, version, length-prefixed records, and a footer whose absence shows a torn file.
//!
//! The only file that knows bincode. Bytes are those of `config::legacy()` (fixed-width little-endian integers).

use std::path::Path;

use bincode::config::{Configuration, Fixint, LittleEndian, NoLimit};
use serde::{Deserialize, Serialize};

use super::{CorpusError, Record, RecordRef, Split};
use crate::StopReason;

const MAGIC: &[u8; 8] = b"MCOTSHRD";
const VERSION: u32 = 3;
/// The oldest version that is read; its rows end before `transform`, of which they have none.
const OLDEST: u32 = 2;
const END: &[u8; 8] = b"MCOTEND\n";
const CONFIG: Configuration<LittleEndian, Fixint, NoLimit> = bincode::config::legacy();

/// The stored form of a record, which its transform follows: JSON values are not self-describing in bincode, so the problem is stored as text.
#[derive(Deserialize)]
struct Row {
    id: u64,
    env: String,
    search: String,
    format: String,
    split: Split,
    canonical_key: String,
    problem: String,
    text: String,
    prompt_len: u64,
    plan: Option<Vec<String>>,
    cost: Option<u32>,
    stop: StopReason,
    expanded: u64,
    generated: u64,
    loss_spans: Vec<(u64, u64)>,
}

/// The same for writing: the fields in the same order, borrowed.
#[derive(Serialize)]
struct RowRef<'a> {
    id: u64,
    env: &'a str,
    search: &'a str,
    format: &'a str,
    split: Split,
    canonical_key: &'a str,
    problem: &'a str,
    text: &'a str,
    prompt_len: u64,
    plan: Option<&'a [String]>,
    cost: Option<u32>,
    stop: StopReason,
    expanded: u64,
    generated: u64,
    loss_spans: &'a [(u64, u64)],
    transform: Option<&'a str>,
}

pub(super) fn header() -> Vec<u8> {
    [MAGIC.as_slice(), &VERSION.to_le_bytes()].concat()
}

pub(super) fn footer(num_records: u64) -> Vec<u8> {
    [&u32::MAX.to_le_bytes(), END.as_slice(), &num_records.to_le_bytes()].concat()
}

pub(super) fn encode(record: &RecordRef<'_>, out: &mut Vec<u8>) {
    let RecordRef { id, env, search, format, transform, split, canonical_key, problem, text, prompt_len, plan, .. } = *record;
    let RecordRef { cost, stop, expanded, generated, loss_spans, .. } = *record;
    let row = RowRef { id, env, search, format, split, canonical_key, problem, text, prompt_len, plan, cost, stop, expanded, generated, loss_spans, transform };
    let start = out.len();
    out.extend([0; 4]);
    bincode::serde::encode_into_std_write(row, out, CONFIG).expect("rows are plain data and a Vec takes every byte");
    let length = u32::try_from(out.len() - start - 4).expect("a row is far below 4 GiB");
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Vec<Record>, CorpusError> {
    let torn = || CorpusError::data(path, "the shard is truncated: its end mark is missing; generate it again");
    if !bytes.starts_with(MAGIC) {
        return Err(CorpusError::data(path, "not a metacot shard: it does not start with MCOTSHRD"));
    }
    let version = bytes.get(8..12).and_then(|version| version.try_into().ok()).map(u32::from_le_bytes).ok_or_else(torn)?;
    if !(OLDEST..=VERSION).contains(&version) {
        return Err(CorpusError::data(path, format!("shard version {version} is not supported; this build reads versions {OLDEST} to {VERSION}")));
    }
    let (mut at, mut records) = (12, Vec::new());
    loop {
        let length = bytes.get(at..at + 4).and_then(|length| length.try_into().ok()).map(u32::from_le_bytes).ok_or_else(torn)?;
        at += 4;
        if length == u32::MAX {
            break;
        }
        let row = bytes.get(at..at + length as usize).ok_or_else(torn)?;
        at += length as usize;
        let broken = |reason: String| CorpusError::data(path, format!("record {}: {reason}", records.len()));
        let (fields, mut used): (Row, usize) = bincode::serde::decode_from_slice(row, CONFIG).map_err(|error| broken(error.to_string()))?;
        let mut transform: Option<String> = None;
        if version > OLDEST {
            let (label, more) = bincode::serde::decode_from_slice(&row[used..], CONFIG).map_err(|error| broken(error.to_string()))?;
            (transform, used) = (label, used + more);
        }
        if used != length as usize {
            return Err(broken(format!("{length} bytes are stored and {used} are used")));
        }
        let problem = serde_json::from_str(&fields.problem).map_err(|error| broken(error.to_string()))?;
        let Row { id, env, search, format, split, canonical_key, text, prompt_len, plan, cost, stop, expanded, generated, loss_spans, .. } = fields;
        let record =
            Record { id, env, search, format, transform, split, canonical_key, problem, text, prompt_len, plan, cost, stop, expanded, generated, loss_spans };
        records.push(record);
    }
    let footer = bytes.get(at..).unwrap_or_default();
    if footer.len() != 16 || &footer[..8] != END || footer[8..] != (records.len() as u64).to_le_bytes() {
        return Err(torn());
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Record {
        Record {
            id: 7,
            env: "countdown".into(),
            search: "dfs".into(),
            format: "cot".into(),
            transform: None,
            split: Split::Val,
            canonical_key: "countdown:24:3,5,9".into(),
            problem: serde_json::json!({"numbers": [3, 5, 9], "target": 24}),
            text: "prompt and response".into(),
            prompt_len: 6,
            plan: Some(vec!["9-5=4".into()]),
            cost: Some(1),
            stop: StopReason::Solved,
            expanded: 3,
            generated: 9,
            loss_spans: vec![(6, 19)],
        }
    }

    fn shard(record: &Record) -> Vec<u8> {
        let mut bytes = header();
        encode(&record.borrowed(&record.problem.to_string()), &mut bytes);
        bytes.extend(footer(1));
        bytes
    }

    #[test]
    fn rows_read_back_with_and_without_a_transform() {
        for transform in [None, Some("retry rate=0.5".to_string())] {
            let record = Record { transform, ..plain() };
            assert_eq!(decode(Path::new("x"), &shard(&record)).unwrap(), [record]);
        }
    }

    #[test]
    fn version_2_is_read_and_others_are_refused_by_name() {
        // The rows of version 2 are those of version 3 without the byte that says that there is no transform.
        let bytes = shard(&plain());
        let length = u32::from_le_bytes(bytes[12..16].try_into().unwrap());
        let end = 16 + length as usize;
        let old = [&bytes[..8], &2_u32.to_le_bytes(), &(length - 1).to_le_bytes(), &bytes[16..end - 1], &bytes[end..]].concat();
        assert_eq!(decode(Path::new("x"), &old).unwrap(), [plain()]);
        for version in [1_u32, 4] {
            let other = [&bytes[..8], &version.to_le_bytes(), &bytes[12..]].concat();
            let error = decode(Path::new("x"), &other).unwrap_err().to_string();
            assert!(error.contains(&format!("shard version {version} is not supported; this build reads versions 2 to 3")), "{error}");
        }
    }
}
