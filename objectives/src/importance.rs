//! Corrections for responses that other weights or another engine sampled: truncated importance sampling and its relatives.
//!
//! The weight is `rho = pi_old / pi_sampled`, detached: it scales the loss of a token and is not differentiated. Where the sampler is the
//! trainer's own model it is exactly 1. Truncation is that of IMPALA (1802.01561) and of the TIS of FlashRL and verl; masking is IcePop's.

use serde::{Deserialize, Serialize};

use crate::{ObjectiveError, Sequence, settings};

/// Over what a ratio is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Each token its own ratio: biased, of low variance.
    #[default]
    Token,
    /// The product over the response for all its tokens: unbiased, of high variance.
    Sequence,
    /// The geometric mean over the response for all its tokens.
    SequenceMean,
}

/// What is done with the ratio between old and sampled policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Importance {
    /// Nothing: every weight is 1.
    #[default]
    Off,
    /// `min(rho, cap)`.
    Truncate {
        /// The largest weight; verl's examples use 2.
        cap: f64,
        /// Over what the ratio is taken.
        #[serde(default)]
        level: Level,
    },
    /// `rho` inside `[low, high]`, 0 outside.
    Mask {
        /// The smallest ratio that counts; IcePop uses 0.5.
        low: f64,
        /// The largest ratio that counts; IcePop uses 5.
        high: f64,
        /// Over what the ratio is taken.
        #[serde(default)]
        level: Level,
    },
}

impl Importance {
    /// Checks the bounds of the ratio.
    ///
    /// # Errors
    /// They are negative or not in order, or no numbers; a cap may be infinite.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        match *self {
            Self::Off => Ok(()),
            Self::Truncate { cap, .. } => settings::require(cap > 0.0, "importance.cap", cap, "a number above 0"),
            Self::Mask { low, high, .. } => {
                settings::not_negative("importance.low", low)?;
                settings::require(high.is_finite() && high >= low, "importance.high", high, "a finite number of at least importance.low")
            }
        }
    }

    /// The weight of each token; 1 at tokens that are not the policy's.
    pub fn weights(&self, sequence: &Sequence) -> Vec<f64> {
        let mut weights = vec![1.0; sequence.len()];
        let (level, shape): (Level, &dyn Fn(f64) -> f64) = match self {
            Self::Off => return weights,
            Self::Truncate { cap, level } => (*level, &|ratio: f64| ratio.min(*cap)),
            Self::Mask { low, high, level } => (*level, &|ratio: f64| if (*low..=*high).contains(&ratio) { ratio } else { 0.0 }),
        };
        let gaps: Vec<(usize, f64)> = sequence.policy_tokens().map(|token| (token, sequence.logp_old[token] - sequence.sampled(token))).collect();
        let total: f64 = gaps.iter().map(|(_, gap)| gap).sum();
        for &(token, gap) in &gaps {
            let log_ratio = match level {
                Level::Token => gap,
                Level::Sequence => total,
                Level::SequenceMean => total / gaps.len() as f64,
            };
            weights[token] = shape(log_ratio.clamp(-20.0, 20.0).exp());
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    fn sequence() -> Sequence {
        let mut sequence = Sequence::new(0, 1.0, vec![4.0_f64.ln() - 5.0, 0.5_f64.ln() - 5.0, 0.0]);
        sequence.logp_sampled = vec![-5.0, -5.0, f64::NAN];
        sequence.roles[2] = Role::Masked;
        sequence
    }

    fn close(found: &[f64], expected: &[f64]) {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?} is not {expected:?}");
    }

    #[test]
    fn ratios_are_truncated_or_masked_at_each_level() {
        // Ratios 4 and 1/2; product 2, geometric mean sqrt 2.
        close(&Importance::Truncate { cap: 2.0, level: Level::Token }.weights(&sequence()), &[2.0, 0.5, 1.0]);
        close(&Importance::Truncate { cap: 3.0, level: Level::Sequence }.weights(&sequence()), &[2.0, 2.0, 1.0]);
        close(&Importance::Truncate { cap: 3.0, level: Level::SequenceMean }.weights(&sequence()), &[2.0_f64.sqrt(), 2.0_f64.sqrt(), 1.0]);
        close(&Importance::Mask { low: 0.5 - 1e-9, high: 3.0, level: Level::Token }.weights(&sequence()), &[0.0, 0.5, 1.0]);
    }

    #[test]
    fn a_sampler_that_is_the_trainer_needs_no_correction() {
        let sequence = Sequence::new(0, 1.0, vec![-0.3, -2.0]);
        assert_eq!(Importance::Truncate { cap: 2.0, level: Level::Sequence }.weights(&sequence), [1.0, 1.0]);
        assert_eq!(Importance::Off.weights(&sequence), [1.0, 1.0]);
    }
}
