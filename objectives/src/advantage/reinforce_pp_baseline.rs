//! REINFORCE++-baseline: the group's mean is subtracted, the whole batch normalises.
//!
//! 2501.03262, as verl computes it: `r - group mean` at every token, then whitening over all tokens of the batch, so longer
//! responses weigh more in mean and variance. A group of one is not centred.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, per_group, whiten_policy_tokens};
use crate::{Batch, ObjectiveError, statistics::mean};

/// Credits a response with its centred reward, whitened over the tokens of the batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReinforcePpBaseline {}

impl Estimate for ReinforcePpBaseline {
    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        let mut centred = per_group(batch, rewards, |group| {
            let centre = match group.rewards.len() {
                1 => 0.0,
                _ if group.is_flat() => group.rewards[0],
                _ => mean(&group.rewards),
            };
            Ok(group.rewards.iter().map(|reward| reward - centre).collect())
        })?;
        whiten_policy_tokens(batch, &mut centred.tokens);
        Ok(centred)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    #[test]
    fn centred_rewards_are_whitened_over_the_batch() {
        // Centred: 1/2, -1/2, 0, 0; sample variance of the four tokens 1/6.
        let batch = rollouts(&[(0, 1.0), (0, 0.0), (1, 1.0), (1, 1.0)]);
        let unit = 0.5 / (1.0_f64 / 6.0 + 1e-8).sqrt();
        close(&estimate(&ReinforcePpBaseline {}, &batch), &[unit, -unit, 0.0, 0.0]);
    }

    #[test]
    fn a_single_rollout_is_whitened_to_zero() {
        assert_eq!(estimate(&ReinforcePpBaseline {}, &rollouts(&[(0, 1.0)])), [0.0]);
    }
}
