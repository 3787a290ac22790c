//! REINFORCE with a baseline that does not depend on the response.
//!
//! `A = r - b` (Williams 1992). The baseline may be nothing, the mean of the batch, the mean of the group, or a number from outside such as
//! the reward of the greedy response (ReMax, 2310.10505).

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards};
use crate::{Batch, ObjectiveError, settings, statistics::mean};

/// What is subtracted from the reward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Baseline {
    /// Nothing.
    None,
    /// The mean reward of the batch; biased by `1/n`, as every mean that includes the response itself.
    #[default]
    Batch,
    /// A constant.
    Constant(f64),
    /// [`Sequence::baseline`](crate::Sequence::baseline): a greedy response's reward, or a moving average that the loop keeps.
    Given,
}

/// Credits a response with its reward less a baseline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reinforce {
    /// What is subtracted.
    pub baseline: Baseline,
}

impl Estimate for Reinforce {
    fn check(&self) -> Result<(), ObjectiveError> {
        match self.baseline {
            Baseline::Constant(constant) => settings::finite("baseline.constant", constant),
            _ => Ok(()),
        }
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        let centre = mean(&rewards.totals);
        let mut advantages = Vec::with_capacity(rewards.totals.len());
        for (index, (sequence, reward)) in batch.sequences().iter().zip(&rewards.totals).enumerate() {
            let baseline = match self.baseline {
                Baseline::None => 0.0,
                Baseline::Batch => centre,
                Baseline::Constant(constant) => constant,
                Baseline::Given => sequence.baseline.ok_or(ObjectiveError::Missing { field: "baseline", sequence: index })?,
            };
            advantages.push(reward - baseline);
        }
        Ok(Advantages::per_sequence(batch, rewards, &advantages))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::Sequence;

    #[test]
    fn baselines_are_subtracted() {
        let batch = rollouts(&[(0, 1.0), (1, 0.0), (2, 0.5)]);
        let with = |baseline| estimate(&Reinforce { baseline }, &batch);
        close(&with(Baseline::None), &[1.0, 0.0, 0.5]);
        close(&with(Baseline::Batch), &[0.5, -0.5, 0.0]);
        close(&with(Baseline::Constant(0.2)), &[0.8, -0.2, 0.3]);
    }

    #[test]
    fn a_given_baseline_is_required() {
        let estimator = Reinforce { baseline: Baseline::Given };
        let given = Batch::new(vec![Sequence { baseline: Some(0.25), ..Sequence::new(0, 1.0, vec![-1.0]) }]).unwrap();
        close(&estimate(&estimator, &given), &[0.75]);
        let batch = rollouts(&[(0, 1.0)]);
        let rewards = TokenRewards::of(&batch, &Default::default()).unwrap();
        assert_eq!(estimator.estimate(&batch, &rewards), Err(ObjectiveError::Missing { field: "baseline", sequence: 0 }));
    }
}
