//! On-policy optimal baseline: the mean reward of a group, weighted by length.
//!
//! `b = sum of l_i r_i / sum of l_i` (OPO, 2505.23585): the baseline of least variance where the squared gradient norm of a
//! response grows with its length. As in verl, a group of one keeps its reward; a group without trained tokens gets 0.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, per_group};
use crate::{Batch, ObjectiveError};

/// Credits a response with its reward less the length-weighted mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Opo {}

impl Estimate for Opo {
    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        per_group(batch, rewards, |group| {
            let tokens: f64 = group.lengths.iter().sum();
            let baseline = match group.rewards.len() {
                1 => 0.0,
                _ if group.is_flat() || tokens == 0.0 => group.rewards[0],
                _ => group.rewards.iter().zip(&group.lengths).map(|(reward, length)| reward * length).sum::<f64>() / tokens,
            };
            Ok(group.rewards.iter().map(|reward| reward - baseline).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::Sequence;

    #[test]
    fn long_responses_pull_the_baseline() {
        // Two trained tokens (one masked) with reward 1, six with reward 0: baseline 2/8.
        let batch = Batch::new(vec![holed(0, 1.0), Sequence::new(0, 0.0, vec![-1.0; 6])]).unwrap();
        close(&estimate(&Opo {}, &batch), &[0.75, -0.25]);
    }

    #[test]
    fn single_and_flat_groups() {
        close(&estimate(&Opo {}, &rollouts(&[(0, 0.8), (1, 0.1), (1, 0.1)])), &[0.8, 0.0, 0.0]);
    }
}
