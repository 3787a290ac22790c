//! RAFT's filter: of each group only the best responses count.
//!
//! RAFT (2304.06767) trains on the best of `k` samples per prompt. Where several are equally good the first is taken, so a
//! group's rewards decide alone; `positive` drops groups whose best reward is not positive.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, per_group};
use crate::{Batch, ObjectiveError, settings};

/// Credits 1 to the best of each group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BestOf {
    /// How many of a group count.
    pub keep: usize,
    /// Whether a response must have a positive reward to count.
    pub positive: bool,
}

impl Default for BestOf {
    fn default() -> Self {
        Self { keep: 1, positive: true }
    }
}

impl Estimate for BestOf {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::count("keep", self.keep)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        per_group(batch, rewards, |group| {
            let mut order: Vec<usize> = (0..group.rewards.len()).collect();
            order.sort_by(|a, b| group.rewards[*b].total_cmp(&group.rewards[*a]));
            let mut credit = vec![0.0; order.len()];
            for index in order.into_iter().take(self.keep).filter(|index| !self.positive || group.rewards[*index] > 0.0) {
                credit[index] = 1.0;
            }
            Ok(credit)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    #[test]
    fn ties_go_to_the_first_and_hopeless_groups_count_nothing() {
        let batch = rollouts(&[(0, 0.5), (0, 1.0), (0, 1.0), (1, 0.0), (1, 0.0)]);
        close(&estimate(&BestOf::default(), &batch), &[0.0, 1.0, 0.0, 0.0, 0.0]);
        close(&estimate(&BestOf { keep: 2, positive: false }, &batch), &[0.0, 1.0, 1.0, 1.0, 1.0]);
    }
}
