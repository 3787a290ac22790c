//! Several rewards at once: a weighted sum, optionally only for right answers.
//!
//! With `gate`, terms after the first count only where the problem is solved, so that no shaping pays for a wrong answer.

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade, Outcome, Reward, finite};
use crate::ObjectiveError;

/// A reward with its weight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Term {
    /// The weight.
    #[serde(default = "one")]
    pub weight: f64,
    /// The reward.
    pub reward: Reward,
}

fn one() -> f64 {
    1.0
}

/// Adds rewards.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeightedSum {
    /// What is added.
    pub terms: Vec<Term>,
    /// Whether terms after the first need a right answer.
    pub gate: bool,
}

impl Default for WeightedSum {
    fn default() -> Self {
        Self { terms: vec![Term { weight: 1.0, reward: Outcome::default().into() }], gate: false }
    }
}

impl WeightedSum {
    /// The weighted contribution of each term, by name, for the log.
    pub fn parts(&self, evidence: &Evidence) -> Vec<(&'static str, f64)> {
        let counts = |index: usize| index == 0 || !self.gate || evidence.is_solved;
        let part = |(index, term): (usize, &Term)| (term.reward.name(), if counts(index) { term.weight * term.reward.score(evidence) } else { 0.0 });
        self.terms.iter().enumerate().map(part).collect()
    }
}

impl Grade for WeightedSum {
    fn score(&self, evidence: &Evidence) -> f64 {
        self.parts(evidence).iter().map(|(_, part)| part).sum()
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        if self.terms.is_empty() {
            return Err(ObjectiveError::Setting { setting: "terms", value: 0.0, expected: "at least one term" });
        }
        self.terms.iter().try_for_each(|term| finite(&[("weight", term.weight)]).and_then(|()| term.reward.check()))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::StepCost, *};

    #[test]
    fn parts_add_up_and_may_be_gated() {
        let terms = vec![Term { weight: 2.0, reward: Outcome::default().into() }, Term { weight: 0.5, reward: StepCost { cost: 0.1, cap: 10.0 }.into() }];
        let sum = WeightedSum { terms, gate: false };
        let right = Evidence { is_solved: true, thought_tokens: 10, ..Evidence::default() };
        let wrong = Evidence { is_solved: false, ..right.clone() };
        assert_eq!(sum.parts(&right), [("outcome", 2.0), ("step-cost", -0.5)]);
        assert_eq!((sum.score(&right), sum.score(&wrong)), (1.5, -0.5));
        assert_eq!(WeightedSum { gate: true, ..sum }.score(&wrong), 0.0);
    }
}
