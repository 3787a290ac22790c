//! A right answer is worth less the longer the thought.
//!
//! `gamma^|z| r` with `|z|` the tokens of the thought (Meta-CoT, 2501.04682, section 7.2.2); wrong answers earn 0 at any length.

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade, finite};
use crate::ObjectiveError;

/// Pays for right answers, discounted by length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discount {
    /// The discount per token, in (0, 1].
    pub gamma: f64,
    /// What a right answer without any thought is worth.
    pub right: f64,
}

impl Default for Discount {
    fn default() -> Self {
        Self { gamma: 0.995, right: 1.0 }
    }
}

impl Grade for Discount {
    fn score(&self, evidence: &Evidence) -> f64 {
        if evidence.is_solved { self.right * self.gamma.powf(evidence.thought_tokens as f64) } else { 0.0 }
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        match self.gamma > 0.0 && self.gamma <= 1.0 {
            true => finite(&[("right", self.right)]),
            false => Err(ObjectiveError::Setting { setting: "gamma", value: self.gamma, expected: "above 0 and at most 1" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::evidence::fixture::*, *};

    #[test]
    fn long_thoughts_are_worth_less() {
        let reward = Discount { gamma: 0.5, right: 2.0 };
        assert_eq!([0, 1, 3].map(|tokens| reward.score(&long(true, tokens))), [2.0, 1.0, 0.25]);
        assert_eq!(reward.score(&long(false, 0)), 0.0);
    }
}
