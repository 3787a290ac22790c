//! Nearness of the answer, for problems that are seldom solved.
//!
//! `closeness^power`, closeness being the environment's own measure of where the claimed plan ends: `1 - |value - target| / target` on Countdown, the
//! part of the way that lies behind it elsewhere. A learner may well settle for near misses.

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade};
use crate::ObjectiveError;

/// Pays for near answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Graded {
    /// Above 1, near misses pay less.
    pub power: f64,
}

impl Default for Graded {
    fn default() -> Self {
        Self { power: 1.0 }
    }
}

impl Grade for Graded {
    fn score(&self, evidence: &Evidence) -> f64 {
        if evidence.is_solved { 1.0 } else { evidence.closeness.clamp(0.0, 1.0).powf(self.power) }
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        match self.power.is_finite() && self.power > 0.0 {
            true => Ok(()),
            false => Err(ObjectiveError::Setting { setting: "power", value: self.power, expected: "a number above 0" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_pay_part() {
        let near = Evidence { closeness: 0.5, ..Evidence::default() };
        assert_eq!((Graded { power: 2.0 }.score(&near), Graded::default().score(&near)), (0.25, 0.5));
        assert_eq!(Graded::default().score(&Evidence { is_solved: true, ..near }), 1.0);
    }
}
