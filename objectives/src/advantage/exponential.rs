//! Exponentiated rewards: reward-weighted regression.
//!
//! `w_i = exp(r_i / temperature)` (Peters & Schaal 2007; RISE, 2407.18219, trains multi-turn data so, its released code with the plain weights at
//! temperature 0.4), or the same scaled so that the weights of a group have mean 1, or taken of rewards less their mean over the group. The softmax over
//! a group replaces the partition function, which only the state influences; centred rewards leave a group without differences at weight 1, too, but
//! let one with a rare success weigh more. Plain weights let a problem with many successes weigh more than one with few.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, per_group};
use crate::{Batch, ObjectiveError, settings, statistics::mean};

/// What the weights of a group are measured against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighing {
    /// Their mean is 1.
    #[default]
    MeanOne,
    /// The mean reward has weight 1.
    Centred,
    /// A reward of 0 has weight 1, whatever the others are.
    Plain,
}

/// Credits the exponentials of the rewards of a group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exponential {
    /// The reward difference that changes a weight by a factor e.
    pub temperature: f64,
    /// What the weights are measured against.
    pub weighing: Weighing,
}

impl Default for Exponential {
    fn default() -> Self {
        Self { temperature: 1.0, weighing: Weighing::MeanOne }
    }
}

impl Exponential {
    /// The weights of a group with these rewards.
    pub fn weights(&self, rewards: &[f64]) -> Vec<f64> {
        let raised = |from: f64| rewards.iter().map(|reward| ((reward - from) / self.temperature).exp()).collect::<Vec<f64>>();
        match self.weighing {
            Weighing::MeanOne => {
                let weights = raised(rewards.iter().copied().fold(f64::NEG_INFINITY, f64::max));
                let scale = weights.len() as f64 / weights.iter().sum::<f64>();
                weights.into_iter().map(|weight| weight * scale).collect()
            }
            Weighing::Centred => raised(mean(rewards)),
            Weighing::Plain => raised(0.0),
        }
    }

    /// Checks that the temperature is above 0.
    ///
    /// # Errors
    /// It is not.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        settings::positive("temperature", self.temperature)
    }
}

impl Estimate for Exponential {
    fn check(&self) -> Result<(), ObjectiveError> {
        Exponential::check(self)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        self.check()?;
        per_group(batch, rewards, |group| Ok(self.weights(&group.rewards)))
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

    #[test]
    fn centred_weights_are_exponentials_of_what_lies_above_the_mean_and_plain_ones_of_rewards() {
        // Rewards log 4 and 0: half of log 4 above and below their mean, and twice as far at temperature 1/2; 1 of 4 right weighs exp(3/4).
        let batch = rollouts(&[(0, 4.0_f64.ln()), (0, 0.0), (1, 5.0), (2, 1.0), (2, 0.0), (2, 0.0), (2, 0.0)]);
        let centred = |temperature: f64| estimate(&Exponential { temperature, weighing: Weighing::Centred }, &batch);
        let (high, low) = (0.75_f64.exp(), (-0.25_f64).exp());
        close(&centred(1.0), &[2.0, 0.5, 1.0, high, low, low, low]);
        close(&centred(0.5)[..3], &[4.0, 0.25, 1.0]);
        let plain = estimate(&Exponential { temperature: 0.4, weighing: Weighing::Plain }, &batch);
        close(&plain[2..], &[12.5_f64.exp(), 2.5_f64.exp(), 1.0, 1.0, 1.0]);
        let rewards = TokenRewards::of(&batch, &Default::default()).unwrap();
        assert!(Exponential { temperature: 0.0, ..Exponential::default() }.estimate(&batch, &rewards).is_err());
    }
}
