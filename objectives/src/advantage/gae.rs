//! Generalised advantage estimation.
//!
//! `delta_t = r_t + gamma V_{t+1} - V_t`, `A_t = delta_t + gamma lambda A_{t+1}` (1506.02438, equation 16), over the policy's tokens alone:
//! masked tokens are passed over as in verl, the value behind the last token is 0. Returns are `A + V` of the advantages before whitening.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, whiten_policy_tokens};
use crate::{Batch, Field, ObjectiveError, settings};

/// Credits each token by temporal differences of the critic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gae {
    /// The discount per token, in [0, 1].
    pub gamma: f64,
    /// The weight of longer returns, in [0, 1]: 1 is Monte Carlo, 0 one-step.
    pub lambda: f64,
    /// Whether advantages are whitened over the batch, after returns are taken.
    pub whiten: bool,
}

impl Default for Gae {
    fn default() -> Self {
        Self { gamma: 1.0, lambda: 0.95, whiten: true }
    }
}

/// The advantages of consecutive decisions with their rewards and values; the value behind the last is 0.
pub fn generalized_advantages(rewards: &[f64], values: &[f64], gamma: f64, lambda: f64) -> Vec<f64> {
    let mut advantages = vec![0.0; rewards.len()];
    let (mut next, mut running) = (0.0, 0.0);
    for index in (0..rewards.len()).rev() {
        let delta = rewards[index] + gamma * next - values[index];
        running = delta + gamma * lambda * running;
        next = values[index];
        advantages[index] = running;
    }
    advantages
}

impl Estimate for Gae {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::share("gamma", self.gamma)?;
        settings::share("lambda", self.lambda)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        batch.require(Field::OldValues)?;
        let (mut tokens, mut returns) = (Vec::new(), Vec::new());
        for (sequence, earned) in batch.sequences().iter().zip(&rewards.tokens) {
            let places: Vec<usize> = sequence.policy_tokens().collect();
            let pick = |numbers: &[f64]| places.iter().map(|&token| numbers[token]).collect::<Vec<_>>();
            let values = pick(&sequence.values_old);
            let advantages = generalized_advantages(&pick(earned), &values, self.gamma, self.lambda);
            let (mut row, mut targets) = (vec![0.0; sequence.len()], vec![0.0; sequence.len()]);
            for (index, &token) in places.iter().enumerate() {
                row[token] = advantages[index];
                targets[token] = advantages[index] + values[index];
            }
            tokens.push(row);
            returns.push(targets);
        }
        if self.whiten {
            whiten_policy_tokens(batch, &mut tokens);
        }
        Ok(Advantages { returns, ..Advantages::per_token(batch, rewards, tokens) })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::Sequence;

    fn batch() -> Batch {
        Batch::new(vec![Sequence { values_old: vec![0.5, f64::NAN, 0.25], ..holed(0, 1.0) }]).unwrap()
    }

    #[test]
    fn differences_skip_masked_tokens() {
        // gamma 0.9, lambda 0.5: last delta 0.75; first delta 0.9 * 0.25 - 0.5 = -0.275, advantage -0.275 + 0.45 * 0.75.
        let found = full(&Gae { gamma: 0.9, lambda: 0.5, whiten: false }, &batch());
        close(&found.tokens[0], &[0.0625, 0.0, 0.75]);
        close(&found.returns[0], &[0.5625, 0.0, 1.0]);
    }

    #[test]
    fn lambda_of_one_is_monte_carlo_and_of_zero_one_step() {
        close(&full(&Gae { gamma: 1.0, lambda: 1.0, whiten: false }, &batch()).returns[0], &[1.0, 0.0, 1.0]);
        close(&full(&Gae { gamma: 1.0, lambda: 0.0, whiten: false }, &batch()).tokens[0], &[-0.25, 0.0, 0.75]);
    }

    #[test]
    fn whitening_leaves_returns_alone() {
        let found = full(&Gae { gamma: 0.9, lambda: 0.5, whiten: true }, &batch());
        // Two numbers: +-1/sqrt 2 of their sample deviation.
        close(&found.tokens[0], &[-0.5_f64.sqrt(), 0.0, 0.5_f64.sqrt()]);
        close(&found.returns[0], &[0.5625, 0.0, 1.0]);
    }

    #[test]
    fn values_are_required() {
        let batch = rollouts(&[(0, 1.0)]);
        let rewards = TokenRewards::of(&batch, &Default::default()).unwrap();
        assert!(matches!(Gae::default().estimate(&batch, &rewards), Err(ObjectiveError::Missing { field: "old values", .. })));
    }
}
