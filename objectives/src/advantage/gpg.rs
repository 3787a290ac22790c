//! Group policy gradient's advantage: centred rewards, scaled up for the groups that teach nothing.
//!
//! GPG (2504.02546): `A = alpha (r - mean) / f` with `f = 1`, and `alpha = B / (B - M)` where `M` of the `B` responses lie in
//! groups of equal rewards, so that the gradient is a mean over responses that have one. verl's `gpg` counts responses with a reward other
//! than 0 in place of `B - M`, and keeps the reward of a group of one, which gets 0 here.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, per_group};
use crate::{Batch, ObjectiveError, settings, statistics::mean};

/// Credits a response with its centred reward over the share of responses that teach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gpg {
    /// The constant that rewards are divided by (`F_norm`).
    pub norm: f64,
}

impl Default for Gpg {
    fn default() -> Self {
        Self { norm: 1.0 }
    }
}

impl Estimate for Gpg {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::positive("norm", self.norm)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        let taught: usize = batch.groups(&rewards.totals).iter().filter(|group| !group.is_flat()).map(|group| group.members.len()).sum();
        let alpha = batch.sequences().len() as f64 / taught.max(1) as f64;
        per_group(batch, rewards, |group| {
            let centre = if group.is_flat() { group.rewards[0] } else { mean(&group.rewards) };
            Ok(group.rewards.iter().map(|reward| alpha * (reward - centre) / self.norm).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    #[test]
    fn flat_groups_scale_the_others_up() {
        // Four of six responses teach: alpha = 3/2.
        let batch = rollouts(&[(0, 1.0), (0, 0.0), (1, 1.0), (1, 1.0), (2, 0.0), (2, 1.0)]);
        close(&estimate(&Gpg::default(), &batch), &[0.75, -0.75, 0.0, 0.0, -0.75, 0.75]);
    }

    #[test]
    fn nothing_to_learn_gives_exact_zeros() {
        assert_eq!(estimate(&Gpg::default(), &rollouts(&[(0, 0.1), (0, 0.1), (0, 0.1)])), [0.0; 3]);
    }
}
