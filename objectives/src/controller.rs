//! The weight of a KL penalty over time: fixed, or steered towards a target.

use serde::{Deserialize, Serialize};

use crate::{ObjectiveError, settings};

/// A proportional controller in log space (Ziegler et al., 1909.08593, section 2.2).
///
/// `e = clip(KL / target - 1, -0.2, 0.2)`, then `coefficient *= 1 + e * samples / horizon`. An infinite horizon keeps it fixed. The KL is that of **whole
/// responses**: the mean over responses of the sum over their tokens, in nats, as
/// [`KlPenalty::per_sequence`](crate::KlPenalty::per_sequence) measures it; a target in nats per token
/// would be smaller by their length. The defaults 0.2, 6 and 10,000 are those of TRL's former PPO trainer; verl has the formula and the horizon, but feeds
/// it a mean over tokens with a target of 0.1.
///
/// One departure: where samples outnumber the horizon the factor is held at 1/10 from below, since the formula would make the weight negative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KlController {
    /// The weight in force.
    pub coefficient: f64,
    /// The KL of a response to steer towards, in nats: summed over its tokens.
    pub target: f64,
    /// Samples over which the weight may change by a factor e^0.2, above 0.
    pub horizon: f64,
}

impl Default for KlController {
    fn default() -> Self {
        Self { coefficient: 0.2, target: 6.0, horizon: 10_000.0 }
    }
}

impl KlController {
    /// A weight that never changes.
    pub fn fixed(coefficient: f64) -> Self {
        Self { coefficient, target: 1.0, horizon: f64::INFINITY }
    }

    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// One is not.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("coefficient", self.coefficient)?;
        settings::require(self.target.is_finite() && self.target > 0.0, "target", self.target, "a number above 0")?;
        settings::require(self.horizon > 0.0, "horizon", self.horizon, "a number above 0")
    }

    /// Takes in the mean KL of `samples` responses, each summed over its tokens.
    pub fn observe(&mut self, kl: f64, samples: usize) {
        let error = (kl / self.target - 1.0).clamp(-0.2, 0.2);
        self.coefficient *= (1.0 + error * samples as f64 / self.horizon).max(0.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_rises_above_the_target_and_falls_below() {
        let mut controller = KlController { coefficient: 0.1, target: 2.0, horizon: 100.0 };
        controller.observe(2.2, 10); // error 0.1: factor 1.01
        assert!((controller.coefficient - 0.101).abs() < 1e-12);
        controller.observe(0.0, 10); // error clipped to -0.2: factor 0.98
        assert!((controller.coefficient - 0.101 * 0.98).abs() < 1e-12);
    }

    #[test]
    fn the_weight_never_turns_negative() {
        let mut controller = KlController { coefficient: 0.1, target: 2.0, horizon: 1.0 };
        controller.observe(0.0, 128); // 1 - 0.2 * 128
        assert!((controller.coefficient - 0.01).abs() < 1e-12);
    }

    #[test]
    fn a_fixed_weight_stays() {
        let mut controller = KlController::fixed(0.05);
        controller.observe(100.0, 1_000_000);
        assert_eq!(controller.coefficient, 0.05);
    }
}
