//! The reward itself as the weight: filtered or weighted imitation.
//!
//! With a 0/1 reward and the `nll` loss this is the policy gradient that STaR takes (2203.14465, equation 1).

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards};
use crate::{Batch, ObjectiveError};

/// Credits each response with its reward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Raw {}

impl Estimate for Raw {
    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        Ok(Advantages::per_sequence(batch, rewards, &rewards.totals))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    #[test]
    fn rewards_pass_unchanged() {
        close(&estimate(&Raw {}, &rollouts(&[(0, 1.0), (0, 0.0), (1, 0.25)])), &[1.0, 0.0, 0.25]);
    }
}
