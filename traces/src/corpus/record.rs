//! One row of a corpus, and the split that its problem belongs to.

use metacot_envs::{Facet, canonical::split_point};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::StopReason;

/// One problem with one trace of it. Every record is true: its plan replays and its text audits clean before it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Index of the problem in its stream; unique within a corpus.
    pub id: u64,
    /// Registered name of the environment.
    pub env: String,
    /// Registered name of the search.
    pub search: String,
    /// The format, with its settings where some were given, as a [`Label`](crate::label::Label) writes them (`sos`, `sos compat=true`).
    pub format: String,
    /// The transform that made the text, its settings with it, as [`Label`](crate::label::Label) writes them (`retry mode=multi rate=0.5`);
    /// `None` for plain texts.
    #[serde(default)]
    pub transform: Option<String>,
    /// The split that the canonical key decides.
    pub split: Split,
    /// The problem's identity up to symmetry.
    pub canonical_key: String,
    /// The problem as JSON, in the environment's own shape.
    pub problem: serde_json::Value,
    /// Prompt and response.
    pub text: String,
    /// Length in bytes of the prompt at the start of `text`.
    pub prompt_len: u64,
    /// The plan's actions as the environment writes them; `None` where the search failed.
    pub plan: Option<Vec<String>>,
    /// Cost of the plan.
    pub cost: Option<u32>,
    /// Why the search stopped.
    pub stop: StopReason,
    /// Nodes expanded.
    pub expanded: u64,
    /// Nodes generated, the root included.
    pub generated: u64,
    /// Byte ranges of `text` that a learner is trained on, ascending and disjoint.
    pub loss_spans: Vec<(u64, u64)>,
}

/// A [`Record`] that borrows what its maker holds, so that writing one copies nothing.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct RecordRef<'a> {
    /// See [`Record::id`].
    pub id: u64,
    /// See [`Record::env`].
    pub env: &'a str,
    /// See [`Record::search`].
    pub search: &'a str,
    /// See [`Record::format`].
    pub format: &'a str,
    /// See [`Record::transform`].
    pub transform: Option<&'a str>,
    /// See [`Record::split`].
    pub split: Split,
    /// See [`Record::canonical_key`].
    pub canonical_key: &'a str,
    /// See [`Record::problem`]; already JSON text.
    #[serde(serialize_with = "as_json")]
    pub problem: &'a str,
    /// See [`Record::text`].
    pub text: &'a str,
    /// See [`Record::prompt_len`].
    pub prompt_len: u64,
    /// See [`Record::plan`].
    pub plan: Option<&'a [String]>,
    /// See [`Record::cost`].
    pub cost: Option<u32>,
    /// See [`Record::stop`].
    pub stop: StopReason,
    /// See [`Record::expanded`].
    pub expanded: u64,
    /// See [`Record::generated`].
    pub generated: u64,
    /// See [`Record::loss_spans`].
    pub loss_spans: &'a [(u64, u64)],
}

impl Record {
    /// The record borrowed; `problem` is its problem as JSON text.
    pub fn borrowed<'a>(&'a self, problem: &'a str) -> RecordRef<'a> {
        RecordRef {
            id: self.id,
            env: &self.env,
            search: &self.search,
            format: &self.format,
            transform: self.transform.as_deref(),
            split: self.split,
            canonical_key: &self.canonical_key,
            problem,
            text: &self.text,
            prompt_len: self.prompt_len,
            plan: self.plan.as_deref(),
            cost: self.cost,
            stop: self.stop,
            expanded: self.expanded,
            generated: self.generated,
            loss_spans: &self.loss_spans,
        }
    }
}

impl RecordRef<'_> {
    /// The same with its own memory.
    ///
    /// # Panics
    /// The problem is not JSON, which its maker rules out.
    pub fn to_record(&self) -> Record {
        Record {
            id: self.id,
            env: self.env.into(),
            search: self.search.into(),
            format: self.format.into(),
            transform: self.transform.map(str::to_string),
            split: self.split,
            canonical_key: self.canonical_key.into(),
            problem: serde_json::from_str(self.problem).expect("the problem is JSON"),
            text: self.text.into(),
            prompt_len: self.prompt_len,
            plan: self.plan.map(<[String]>::to_vec),
            cost: self.cost,
            stop: self.stop,
            expanded: self.expanded,
            generated: self.generated,
            loss_spans: self.loss_spans.to_vec(),
        }
    }
}

/// Writes JSON text as the JSON it is.
fn as_json<S: serde::Serializer>(text: &&str, serializer: S) -> Result<S::Ok, S::Error> {
    let value: &RawValue = serde_json::from_str(text).map_err(serde::ser::Error::custom)?;
    value.serialize(serializer)
}

/// Which part of the problem space a record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose by.
    Val,
    /// To report on.
    Test,
    /// Targets that no split above has.
    TestOodTarget,
    /// Sizes that no split above has.
    TestOodSize,
    /// Sets (numbers, walls, patterns) that no split above has.
    TestOodSet,
}

impl Split {
    /// All splits.
    pub const ALL: [Self; 6] = [Self::Train, Self::Val, Self::Test, Self::TestOodTarget, Self::TestOodSize, Self::TestOodSet];

    /// The name in file names and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Val => "val",
            Self::Test => "test",
            Self::TestOodTarget => "test-ood-target",
            Self::TestOodSize => "test-ood-size",
            Self::TestOodSet => "test-ood-set",
        }
    }

    /// What the split is made of that the others do not have; `None` for splits of the training distribution.
    pub fn held_out(self) -> Option<Facet> {
        match self {
            Self::Train | Self::Val | Self::Test => None,
            Self::TestOodTarget => Some(Facet::Target),
            Self::TestOodSize => Some(Facet::Size),
            Self::TestOodSet => Some(Facet::Set),
        }
    }
}

impl std::str::FromStr for Split {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|split| split.name() == text).ok_or_else(|| {
            let allowed = Self::ALL.map(Self::name).join(", ");
            format!("unknown split `{text}`; allowed: {allowed}")
        })
    }
}

/// What a split keeps together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitBy {
    /// Symmetric variants of a problem.
    #[default]
    Problem,
    /// All problems of one family (the same numbers whatever the target, the same walls whatever the ends), so that validation and test
    /// are out of distribution.
    Family,
}

/// Shares of the problem space; decided by a hash of the canonical key, so that no problem is in two splits, whatever the seed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitShares {
    /// Share of validation problems, in [0, 1].
    pub val: f64,
    /// Share of test problems, in [0, 1].
    pub test: f64,
    /// What is kept together.
    #[serde(default)]
    pub by: SplitBy,
}

impl Default for SplitShares {
    fn default() -> Self {
        Self { val: 0.05, test: 0.05, by: SplitBy::Problem }
    }
}

impl SplitShares {
    /// The split of a canonical key.
    pub fn split_of(&self, canonical_key: &str) -> Split {
        let point = f64::from(split_point(canonical_key)) / f64::from(u32::MAX);
        if point < self.test {
            Split::Test
        } else if point < self.test + self.val {
            Split::Val
        } else {
            Split::Train
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_met_and_stable() {
        let shares = SplitShares { val: 0.1, test: 0.2, by: SplitBy::Problem };
        let mut counts = [0; 3];
        for key in 0..20_000 {
            let split = shares.split_of(&key.to_string());
            assert_eq!(split, shares.split_of(&key.to_string()));
            counts[split as usize] += 1;
        }
        assert!((13_600..14_400).contains(&counts[0]) && (1_800..2_200).contains(&counts[1]) && (3_700..4_300).contains(&counts[2]), "{counts:?}");
    }
}
