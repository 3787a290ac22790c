//! A price per token, right or wrong: `-c |z|` (Meta-CoT, 2501.04682, section 7.2.2), added to an outcome by a weighted sum.

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade, finite};
use crate::ObjectiveError;

/// Charges for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StepCost {
    /// The price of a token of the thought.
    pub cost: f64,
    /// The most that is charged.
    pub cap: f64,
}

impl Default for StepCost {
    fn default() -> Self {
        Self { cost: 0.001, cap: 1.0 }
    }
}

impl Grade for StepCost {
    fn score(&self, evidence: &Evidence) -> f64 {
        -(self.cost * evidence.thought_tokens as f64).min(self.cap)
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        match self.cost >= 0.0 && self.cap >= 0.0 {
            true => finite(&[("cost", self.cost), ("cap", self.cap)]),
            false => Err(ObjectiveError::Setting { setting: "cost", value: self.cost.min(self.cap), expected: "0 or more, as is its cap" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::evidence::fixture::*, *};

    #[test]
    fn tokens_are_charged_up_to_the_cap() {
        let reward = StepCost { cost: 0.25, cap: 1.0 };
        assert_eq!([0, 2, 9].map(|tokens| reward.score(&long(true, tokens))), [0.0, -0.5, -1.0]);
    }
}
