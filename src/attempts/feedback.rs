//! What the environment says after an attempt.

use metacot_envs::SeedTree;
use metacot_traces::feedback::PHRASES;
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use super::{ChainGroup, Exchange};

/// What is said after an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// That another attempt follows.
    #[default]
    None,
    /// Whether the attempt was right.
    Verdict,
    /// The same by a coin: the control that verdicts are compared with.
    Random,
    /// What is seen of it in public: see [`metacot_traces::feedback`].
    Text,
    /// The same of an attempt at another problem: the control that remarks are compared with (RLEF, section 3.3).
    RandomText,
}

/// The marks between attempts as text; each is one token.
pub const ATTEMPT_MARKS: [&str; 3] = ["<again>", "<right>", "<wrong>"];

impl Feedback {
    /// The pieces of text that a vocabulary needs for it.
    pub fn phrases(self) -> &'static [&'static str] {
        match self {
            Self::None | Self::Verdict | Self::Random => &ATTEMPT_MARKS,
            Self::Text | Self::RandomText => &PHRASES,
        }
    }

    /// What is said after the last attempts of the chains at `places` (group and chain), as text; attempt `number` is to follow. Chance comes from
    /// `seeds.index(group).index(chain)`.
    ///
    /// A remark on another problem is one of those that are due at the same time; where there is none, nothing is said but that another attempt follows.
    pub(super) fn say(self, exchange: &Exchange<'_>, groups: &[ChainGroup<'_>], places: &[(usize, usize)], seeds: &SeedTree, number: usize) -> Vec<String> {
        let streams = |(group, chain): (usize, usize)| seeds.index(group as u64).index(chain as u64);
        let last = |(group, chain): (usize, usize)| groups[group].chains[chain].last();
        let is_right = |place| last(place).is_some_and(|verdict| verdict.is_correct);
        let remark = |&(group, chain): &(usize, usize)| {
            let response = last((group, chain)).map_or("", |verdict| verdict.response.as_str());
            exchange.task.remark(groups[group].problem, response).text
        };
        let mark = |number: usize| ATTEMPT_MARKS[number].to_owned();
        match self {
            Self::None => places.iter().map(|_| mark(0)).collect(),
            Self::Verdict => places.iter().map(|&place| mark(2 - usize::from(is_right(place)))).collect(),
            Self::Random => places.iter().map(|&place| mark(2 - usize::from(streams(place).child("coin").stream(number as u64).random::<bool>()))).collect(),
            Self::Text => places.iter().map(remark).collect(),
            Self::RandomText => {
                let remarks: Vec<String> = places.iter().map(remark).collect();
                let foreign = |&place: &(usize, usize)| {
                    let others: Vec<&String> = places.iter().zip(&remarks).filter(|(other, _)| other.0 != place.0).map(|(_, remark)| remark).collect();
                    if others.is_empty() {
                        return mark(0);
                    }
                    let mut rng = streams(place).child("remark").stream(number as u64);
                    others[rng.random_range(0..others.len())].clone()
                };
                places.iter().map(foreign).collect()
            }
        }
    }
}
