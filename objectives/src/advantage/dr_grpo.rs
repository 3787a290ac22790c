//! Dr.GRPO's advantage: the reward less the mean of its group.
//!
//! `A_i = r_i - mean` (2503.20783): without the deviation, very easy and very hard prompts no longer weigh more. The same as
//! open-instruct's `centered` and nanochat's. Groups of one get 0.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, per_group};
use crate::{Batch, ObjectiveError, statistics::mean};

/// Credits a response with its centred reward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DrGrpo {}

impl Estimate for DrGrpo {
    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        per_group(batch, rewards, |group| {
            let centre = if group.is_flat() { group.rewards[0] } else { mean(&group.rewards) };
            Ok(group.rewards.iter().map(|reward| reward - centre).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    #[test]
    fn rewards_are_centred_and_not_scaled() {
        close(&estimate(&DrGrpo {}, &rollouts(&[(0, 1.0), (0, 0.0), (0, 0.0), (0, 0.0), (1, 3.0)])), &[0.75, -0.25, -0.25, -0.25, 0.0]);
    }

    #[test]
    fn equal_rewards_give_exact_zeros() {
        assert_eq!(estimate(&DrGrpo {}, &rollouts(&[(0, 0.1), (0, 0.1), (0, 0.1)])), [0.0; 3]);
    }
}
