//! REINFORCE leave-one-out: each response against the mean of the others.
//!
//! `A_i = r_i - mean of r_j over j != i = n / (n - 1) * (r_i - mean)` (Kool et al. 2019; 2402.14740). As in verl, a group of
//! one keeps its reward.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, per_group};
use crate::{Batch, ObjectiveError, statistics::mean};

/// Credits a response with its lead over the others of its group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rloo {}

/// Each number less the mean of the others; a number alone stays.
pub(super) fn leave_one_out(numbers: &[f64]) -> Vec<f64> {
    let count = numbers.len() as f64;
    if numbers.len() == 1 {
        return numbers.to_vec();
    }
    if numbers.windows(2).all(|pair| pair[0] == pair[1]) {
        return vec![0.0; numbers.len()];
    }
    let centre = mean(numbers);
    numbers.iter().map(|number| count / (count - 1.0) * (number - centre)).collect()
}

impl Estimate for Rloo {
    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        per_group(batch, rewards, |group| Ok(leave_one_out(&group.rewards)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    #[test]
    fn each_is_compared_with_the_others() {
        let batch = rollouts(&[(0, 1.0), (0, 0.5), (0, 0.0), (1, 0.7)]);
        close(&estimate(&Rloo {}, &batch), &[1.0 - 0.25, 0.5 - 0.5, 0.0 - 0.75, 0.7]);
    }

    #[test]
    fn equal_rewards_give_exact_zeros() {
        assert_eq!(estimate(&Rloo {}, &rollouts(&[(0, 0.1), (0, 0.1), (0, 0.1)])), [0.0; 3]);
    }
}
