//! How the records of a run are cut into files and shards.
//!
//! A file of the whole run has the records of a fixed number of ids, so it does not depend on who made them. A shard has an equal part of the
//! ids; where its part begins or ends within a file of the whole, it has that piece of the file, and [`merge`](super::merge) puts the pieces
//! together. The files of all shards are numbered through, so that no two have one name.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::CorpusError;

/// Ids whose records are in one data file.
pub const RECORDS_PER_FILE: u64 = 50_000;

/// A shard of a run: number `index` of `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// From 0.
    pub index: u64,
    /// At least 1.
    pub count: u64,
}

/// The data files of a shard among those of all shards of its run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// Their numbers.
    pub numbers: Range<u64>,
    /// How many files the shards have together.
    pub num_files: u64,
    /// The shard.
    pub shard: Shard,
}

impl Shard {
    /// All of a run.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// The shard as it goes into a manifest: nothing where it is the whole.
    pub fn if_part(self) -> Option<Self> {
        (self.count > 1).then_some(self)
    }

    /// Its ids in a run of `num_ids`: none is empty, and their lengths differ by at most 1.
    ///
    /// # Errors
    /// There is no such shard, or there are more shards than ids.
    pub fn ids(self, num_ids: u64) -> Result<Range<u64>, CorpusError> {
        let Self { index, count } = self;
        if count == 0 || index >= count {
            return Err(CorpusError::Usage(format!("shard {self} is not allowed; expected i/n with i from 0 to n-1")));
        }
        if count > num_ids.max(1) {
            return Err(CorpusError::Usage(format!(
                "shard {self} of {num_ids} records is not allowed; expected at most {num_ids} shards, so that none is empty"
            )));
        }
        Ok(self.start(num_ids, index)..self.start(num_ids, index + 1))
    }

    /// Its files in a run of `num_ids`.
    ///
    /// # Errors
    /// As [`ids`](Self::ids).
    pub fn files(self, num_ids: u64) -> Result<Files, CorpusError> {
        self.ids(num_ids)?;
        let numbers = self.files_before(num_ids, self.index)..self.files_before(num_ids, self.index + 1);
        Ok(Files { numbers, num_files: self.files_before(num_ids, self.count), shard: self })
    }

    /// The first id of shard number `index`.
    fn start(self, num_ids: u64, index: u64) -> u64 {
        let start = u128::from(num_ids) * u128::from(index) / u128::from(self.count);
        u64::try_from(start).expect("no shard begins after the last id")
    }

    /// How many files the shards before number `index` have: one begins at every multiple of the length of files and at every shard.
    fn files_before(self, num_ids: u64, index: u64) -> u64 {
        let end = self.start(num_ids, index);
        let is_start_of_shard = |id: u64| {
            let shard = (u128::from(id) * u128::from(self.count)).div_ceil(u128::from(num_ids.max(1)));
            self.start(num_ids, u64::try_from(shard).unwrap_or(u64::MAX)) == id
        };
        let num_multiples = end.div_ceil(RECORDS_PER_FILE);
        let both = (0..num_multiples).filter(|number| is_start_of_shard(number * RECORDS_PER_FILE)).count() as u64;
        index + num_multiples - both
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// The pieces of files that a range of ids has.
pub(super) fn pieces(ids: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut start = ids.start;
    std::iter::from_fn(move || {
        let piece = start..ids.end.min((start / RECORDS_PER_FILE + 1) * RECORDS_PER_FILE);
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_part_the_ids_evenly_and_number_their_files_through() {
        for num_ids in [1, 2, 5, 40, 41, 49_999, 50_000, 50_001, 100_100, 400_000, 1_000_003] {
            for count in [1, 2, 3, 5, 8, 16].into_iter().filter(|count| *count <= num_ids) {
                let (mut next_id, mut next_file, mut lengths) = (0, 0, Vec::new());
                for index in 0..count {
                    let shard = Shard { index, count };
                    let (ids, files) = (shard.ids(num_ids).unwrap(), shard.files(num_ids).unwrap());
                    assert_eq!((ids.start, files.numbers.start), (next_id, next_file), "{shard} of {num_ids}");
                    assert_eq!(files.numbers.end - files.numbers.start, pieces(ids.clone()).count() as u64, "{shard} of {num_ids}");
                    lengths.push(ids.end - ids.start);
                    (next_id, next_file) = (ids.end, files.numbers.end);
                    assert!(index + 1 < count || next_file == files.num_files);
                }
                assert_eq!(next_id, num_ids);
                assert!(lengths.iter().max().unwrap() - lengths.iter().min().unwrap() <= 1 && lengths[0] > 0, "{lengths:?}");
            }
        }
        assert_eq!(Shard { index: 1, count: 8 }.files(400_000).unwrap().numbers, 1..2, "whole files where the parts are such");
    }

    #[test]
    fn shards_that_would_be_empty_are_refused() {
        let refusal = |index, count, num_ids| Shard { index, count }.ids(num_ids).unwrap_err().to_string();
        assert_eq!(refusal(0, 8, 5), "shard 0/8 of 5 records is not allowed; expected at most 5 shards, so that none is empty");
        assert_eq!(refusal(3, 3, 5), "shard 3/3 is not allowed; expected i/n with i from 0 to n-1");
        assert_eq!(Shard::WHOLE.ids(0).unwrap(), 0..0);
    }
}
