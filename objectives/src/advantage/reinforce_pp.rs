//! REINFORCE++: discounted returns per token, whitened over the whole batch.
//!
//! 2501.03262, as verl and OpenRLHF compute it: a KL penalty by k1 stands in the reward (OpenRLHF's weight 0.01 in the objective of this name; verl has none
//! by default, `kl = { coefficient = 0.0 }`), returns are discounted with `gamma`,
//! and one mean and variance over all tokens of the batch normalise them, `(G - mean) / sqrt(variance + 1e-8)` with the sample variance.
//! Masked tokens within a response are passed over; verl starts again at each, so that what was written before a tool's answer earns nothing.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, monte_carlo::returns, whiten_policy_tokens};
use crate::{Batch, ObjectiveError, settings};

/// Credits each token with its whitened return.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReinforcePp {
    /// The discount per token, in [0, 1].
    pub gamma: f64,
}

impl Default for ReinforcePp {
    fn default() -> Self {
        Self { gamma: 1.0 }
    }
}

impl Estimate for ReinforcePp {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::share("gamma", self.gamma)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        let returns = returns(batch, rewards, self.gamma);
        let mut tokens = returns.clone();
        whiten_policy_tokens(batch, &mut tokens);
        Ok(Advantages { returns, ..Advantages::per_token(batch, rewards, tokens) })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::Sequence;

    #[test]
    fn returns_are_whitened_over_all_trained_tokens() {
        let batch = Batch::new(vec![holed(0, 1.0), Sequence::new(1, 0.0, vec![-1.0; 2])]).unwrap();
        let found = full(&ReinforcePp::default(), &batch);
        // Returns 1, 1, 0, 0: mean 1/2, sample variance 1/3.
        let unit = 0.5 / (1.0_f64 / 3.0 + 1e-8).sqrt();
        close(&found.tokens[0], &[unit, 0.0, unit]);
        close(&found.tokens[1], &[-unit, -unit]);
    }

    #[test]
    fn equal_rewards_give_exact_zeros() {
        assert_eq!(estimate(&ReinforcePp::default(), &rollouts(&[(0, 0.1), (1, 0.1), (2, 0.1)])), [0.0; 3]);
    }
}
