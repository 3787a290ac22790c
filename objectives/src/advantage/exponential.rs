//! Exponentiated rewards: reward-weighted regression.
//!
//! `w_i = exp(r_i / temperature)`, scaled so that the weights of a group have mean 1 (Peters & Schaal 2007; the form that RISE, 2407.18219,
//! trains multi-turn data with). The softmax over a group replaces the partition function, which only the state influences.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, per_group};
use crate::{Batch, ObjectiveError};

/// Credits the softmax of the rewards of a group, times its size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exponential {
    /// The reward difference that changes a weight by a factor e.
    pub temperature: f64,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { temperature: 1.0 }
    }
}

impl Estimate for Exponential {
    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        if self.temperature <= 0.0 {
            return Err(ObjectiveError::Setting { setting: "temperature", value: self.temperature, expected: "above 0" });
        }
        per_group(batch, rewards, |group| {
            let best = group.rewards.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = group.rewards.iter().map(|reward| ((reward - best) / self.temperature).exp()).collect();
            let scale = weights.len() as f64 / weights.iter().sum::<f64>();
            Ok(weights.into_iter().map(|weight| weight * scale).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    #[test]
    fn weights_are_a_softmax_with_mean_one() {
        let batch = rollouts(&[(0, 2.0_f64.ln()), (0, 0.0), (1, 5.0)]);
        close(&estimate(&Exponential::default(), &batch), &[4.0 / 3.0, 2.0 / 3.0, 1.0]);
    }
}
