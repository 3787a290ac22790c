//! The verifier's verdict as a number.
//!
//! Defaults are 1 and 0. Tülu 3 (2411.15124) pays 10 for a right answer; TinyZero pays 0.1 for a wrong answer in good form.

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade, finite};
use crate::ObjectiveError;

/// Pays for right answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outcome {
    /// For a right answer.
    pub right: f64,
    /// For a wrong answer in well-formed text.
    pub well_formed: f64,
    /// For everything else.
    pub wrong: f64,
}

impl Default for Outcome {
    fn default() -> Self {
        Self { right: 1.0, well_formed: 0.0, wrong: 0.0 }
    }
}

impl Grade for Outcome {
    fn score(&self, evidence: &Evidence) -> f64 {
        match (evidence.is_solved, evidence.is_well_formed) {
            (true, _) => self.right,
            (false, true) => self.well_formed,
            (false, false) => self.wrong,
        }
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        finite(&[("right", self.right), ("well_formed", self.well_formed), ("wrong", self.wrong)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_paid_in_three_classes() {
        let reward = Outcome { right: 10.0, well_formed: 0.1, wrong: -1.0 };
        let score = |is_solved, is_well_formed| reward.score(&Evidence { is_solved, is_well_formed, ..Evidence::default() });
        assert_eq!([score(true, false), score(false, true), score(false, false)], [10.0, 0.1, -1.0]);
    }
}
