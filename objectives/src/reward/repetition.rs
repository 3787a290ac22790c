//! A penalty on repeated n-grams of tokens.
//!
//! `penalty * (1 - distinct / all)` (2502.03373; the form of TRL and open-r1, on tokens instead of words). Text shorter than `n`
//! is not punished.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade, finite};
use crate::ObjectiveError;

/// Punishes repetition.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Repetition {
    /// The length of an n-gram, in tokens; at least 1.
    pub n: usize,
    /// The reward of text that repeats itself all the time; not positive.
    pub penalty: f64,
}

impl Default for Repetition {
    fn default() -> Self {
        Self { n: 3, penalty: -1.0 }
    }
}

impl Grade for Repetition {
    fn score(&self, evidence: &Evidence) -> f64 {
        let all = (evidence.ids.len() + 1).saturating_sub(self.n.max(1));
        if all == 0 {
            return 0.0;
        }
        let distinct: BTreeSet<&[u32]> = evidence.ids.windows(self.n.max(1)).collect();
        self.penalty * (1.0 - distinct.len() as f64 / all as f64)
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        match self.n {
            0 => Err(ObjectiveError::Setting { setting: "n", value: 0.0, expected: "at least 1" }),
            _ => finite(&[("penalty", self.penalty)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_ngrams_are_punished_by_share() {
        let score = |ids: &[u32], n| Repetition { n, penalty: -1.0 }.score(&Evidence { ids: ids.to_vec(), ..Evidence::default() });
        assert_eq!(score(&[1, 2, 1, 2, 1], 2), -0.5); // 12 21 12 21
        assert_eq!(score(&[1, 2, 3, 4], 2), 0.0);
        assert_eq!(score(&[1, 2], 3), 0.0);
        assert_eq!(score(&[7; 4], 1), -0.75);
    }
}
