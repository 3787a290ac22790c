//! Monte-Carlo returns: the discounted rewards that follow a token, without a critic.
//!
//! `G_t = sum over s >= t of gamma^(s - t) r_s`, counted in tokens of the policy: masked tokens neither earn nor discount.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards};
use crate::{Batch, ObjectiveError, settings};

/// Credits each token with what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonteCarlo {
    /// The discount per token, in [0, 1].
    pub gamma: f64,
}

impl Default for MonteCarlo {
    fn default() -> Self {
        Self { gamma: 1.0 }
    }
}

/// `[b][t]` the discounted returns; 0 at masked tokens.
pub(super) fn returns(batch: &Batch, rewards: &TokenRewards, gamma: f64) -> Vec<Vec<f64>> {
    let row = |(sequence, earned): (&crate::Sequence, &Vec<f64>)| {
        let mut row = vec![0.0; sequence.len()];
        let mut running = 0.0;
        for token in sequence.policy_tokens().rev() {
            running = earned[token] + gamma * running;
            row[token] = running;
        }
        row
    };
    batch.sequences().iter().zip(&rewards.tokens).map(row).collect()
}

impl Estimate for MonteCarlo {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::share("gamma", self.gamma)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        let returns = returns(batch, rewards, self.gamma);
        Ok(Advantages { returns: returns.clone(), ..Advantages::per_token(batch, rewards, returns) })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::Sequence;

    #[test]
    fn rewards_flow_back_discounted_past_masked_tokens() {
        let sequence = Sequence { steps: vec![0, 1], step_rewards: vec![0.5, 0.0], ..holed(0, 1.0) };
        let found = full(&MonteCarlo { gamma: 0.9 }, &Batch::new(vec![sequence]).unwrap());
        close(&found.tokens[0], &[0.5 + 0.9, 0.0, 1.0]);
        assert_eq!(found.returns, found.tokens);
    }
}
