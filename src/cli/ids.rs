//! The ids of records that come from several corpora: each names one record of what is written.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use metacot_traces::corpus::{CorpusError, Record, Split};

/// Settles what becomes of the ids of several inputs; a single one keeps its own.
pub(super) struct Ids {
    /// Next new id, where records are numbered anew.
    next: Option<u64>,
    /// By split and id: a digest of the record, and the number of its input. Some 50 bytes a record.
    seen: Option<BTreeMap<(Split, u64), (u64, u32)>>,
    inputs: Vec<PathBuf>,
    twice: u64,
}

impl Ids {
    /// Of `num_inputs` inputs.
    pub fn new(renumber: bool, num_inputs: usize) -> Self {
        Self { next: renumber.then_some(0), seen: (num_inputs > 1).then(BTreeMap::new), inputs: Vec::new(), twice: 0 }
    }

    /// Begins with the records of an input, be it one that was there before.
    pub fn begin(&mut self, input: &Path) {
        self.inputs.push(input.into());
    }

    /// The record as it is written; `None` where it was there before.
    ///
    /// # Errors
    /// Another record of the split has its id, and nothing is numbered anew.
    pub fn admit(&mut self, mut record: Record) -> Result<Option<Record>, CorpusError> {
        if let Some(seen) = &mut self.seen {
            let (digest, place) = (digest(&record), self.inputs.len() as u32 - 1);
            match seen.get(&(record.split, record.id)) {
                // Ids that one input has twice were its own choice.
                Some((known, first)) if *first != place && *known == digest => {
                    self.twice += 1;
                    return Ok(None);
                }
                Some((_, first)) if *first != place && self.next.is_none() => {
                    let (split, other, input) = (record.split.name(), self.inputs[*first as usize].display(), self.inputs[place as usize].display());
                    let reason = format!("id {} of split {split} names different records of {other} and {input}", record.id);
                    return Err(CorpusError::Usage(format!("{reason}; give --renumber to number the records anew, or convert them to folders of their own")));
                }
                Some(_) => {}
                None => {
                    seen.insert((record.split, record.id), (digest, place));
                }
            }
        }
        if let Some(next) = &mut self.next {
            record.id = *next;
            *next += 1;
        }
        Ok(Some(record))
    }

    /// How many records stood in two inputs.
    pub fn twice(&self) -> u64 {
        self.twice
    }
}

fn digest(record: &Record) -> u64 {
    let bytes = serde_json::to_vec(record).expect("records are plain data");
    u64::from_le_bytes(blake3::hash(&bytes).as_bytes()[..8].try_into().expect("a digest has 32 bytes"))
}
