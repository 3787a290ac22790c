//! From what is true of a completion to a number. **One file and one line per reward.**
//!
//! The verifier and the audit say what is true ([`Evidence`]); no reward looks at text. Rewards are pure, total and never NaN; a missing
//! count (no statements, no lines) is answered as each file says.

mod consistency;
mod constraints;
mod cosine;
mod discount;
mod efficiency;
mod effort;
mod evidence;
mod format;
mod graded;
mod outcome;
mod overlong;
mod process;
mod repetition;
mod step_cost;
mod weighted_sum;

pub use consistency::Consistency;
pub use constraints::{Constraint, Constraints};
pub use cosine::Cosine;
pub use discount::Discount;
pub use efficiency::{Efficiency, Measure};
pub use effort::{Effort, EffortDial, Marking};
pub use evidence::Evidence;
pub use format::Format;
pub use graded::Graded;
pub use outcome::Outcome;
pub use overlong::Overlong;
pub use process::Process;
pub use repetition::Repetition;
pub use step_cost::StepCost;
pub use weighted_sum::{Term, WeightedSum};

use crate::{ObjectiveError, registry::registry};

/// The contract of a reward.
pub trait Grade {
    /// The reward of a completion.
    fn score(&self, evidence: &Evidence) -> f64;

    /// Checks the constants.
    ///
    /// # Errors
    /// One of them is not allowed.
    fn check(&self) -> Result<(), ObjectiveError> {
        Ok(())
    }
}

registry! {
    /// A reward with its constants.
    Reward implements Grade {
        "outcome" => Outcome(Outcome),
        "graded" => Graded(Graded),
        "format" => Format(Format),
        "process" => Process(Process),
        "consistency" => Consistency(Consistency),
        "constraints" => Constraints(Constraints),
        "discount" => Discount(Discount),
        "effort" => Effort(Effort),
        "step-cost" => StepCost(StepCost),
        "cosine" => Cosine(Cosine),
        "overlong" => Overlong(Overlong),
        "efficiency" => Efficiency(Efficiency),
        "repetition" => Repetition(Repetition),
        "weighted-sum" => WeightedSum(WeightedSum),
    }
}

impl Reward {
    /// The reward of a completion.
    ///
    /// ```
    /// use metacot_objectives::{Evidence, Reward};
    ///
    /// let evidence = Evidence { is_solved: true, ..Evidence::default() };
    /// assert_eq!(Reward::named("outcome").unwrap().score(&evidence), 1.0);
    /// ```
    pub fn score(&self, evidence: &Evidence) -> f64 {
        self.inner().score(evidence)
    }

    /// Checks the constants, those of every term of a sum included.
    ///
    /// # Errors
    /// One of them is not allowed.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        self.inner().check()
    }
}

/// Refuses the first of some constants that is not finite.
fn finite(constants: &[(&'static str, f64)]) -> Result<(), ObjectiveError> {
    match constants.iter().find(|(_, value)| !value.is_finite()) {
        Some(&(setting, value)) => Err(ObjectiveError::Setting { setting, value, expected: "a finite number" }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reward_of_nothing_is_finite() {
        for name in Reward::NAMES {
            let reward = Reward::named(name).unwrap();
            assert!(reward.score(&Evidence::default()).is_finite(), "{name}");
            assert_eq!(reward.check(), Ok(()), "{name}");
            assert_eq!(reward.name(), *name);
        }
    }

    #[test]
    fn constants_that_make_no_sense_are_refused() {
        let refused = [
            Reward::from(Outcome { right: f64::NAN, ..Outcome::default() }),
            Discount { gamma: 1.5, ..Discount::default() }.into(),
            Discount { gamma: 0.0, ..Discount::default() }.into(),
            Cosine { long_wrong: f64::INFINITY, ..Cosine::default() }.into(),
            Cosine { max_tokens: 0, ..Cosine::default() }.into(),
            Graded { power: 0.0 }.into(),
            Overlong { max_tokens: 10, cache: 11 }.into(),
            Repetition { n: 0, penalty: -1.0 }.into(),
            StepCost { cost: -0.1, cap: 1.0 }.into(),
            Format { good: f64::NAN, bad: 0.0 }.into(),
            Effort { right: f64::NAN }.into(),
            WeightedSum { terms: Vec::new(), gate: false }.into(),
        ];
        for reward in refused {
            assert!(reward.check().is_err(), "{reward:?}");
            let within = WeightedSum { terms: vec![Term { weight: 1.0, reward }], gate: false };
            assert!(Reward::from(within).check().is_err());
        }
    }

    #[test]
    fn rewards_are_read_from_text() {
        let text = r#"{ "name": "weighted-sum", "terms": [{ "weight": 2, "reward": { "name": "outcome", "right": 5 } }, { "reward": { "name": "format" } }] }"#;
        let reward: Reward = serde_json::from_str(text).unwrap();
        let evidence = Evidence { is_solved: true, is_well_formed: true, ..Evidence::default() };
        assert_eq!(reward.score(&evidence), 11.0);
        assert!(serde_json::from_str::<Reward>(r#"{ "name": "outcome", "rihgt": 1 }"#).is_err());
    }
}
