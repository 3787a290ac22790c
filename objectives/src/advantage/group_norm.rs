//! GRPO's advantage: a reward relative to its group, in units of the group's deviation.
//!
//! `A_i = (r_i - mean) / (std + eps)` (DeepSeekMath, 2402.03300, section 4.1.1). Every stack has its own standard deviation, epsilon and
//! answer to groups of one; [`Convention`] selects them by the stack's name.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, per_group};
use crate::{
    Batch, ObjectiveError, settings,
    statistics::{Deviation, mean, variance},
};

/// Where the epsilon stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// `std + eps`.
    #[default]
    Outside,
    /// `sqrt(variance + eps)`.
    Inside,
}

/// The advantage of a rollout without companions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Single {
    /// 0: nothing to compare with.
    #[default]
    Zero,
    /// Mean 0 and deviation 1 are assumed: the reward, up to the epsilon.
    Reward,
    /// An error.
    Refused,
}

/// The constants in which stacks differ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constants {
    /// The divisor of the variance.
    pub deviation: Deviation,
    /// What keeps the division finite.
    pub epsilon: f64,
    /// Where it stands.
    pub placement: Placement,
    /// What becomes of groups of one.
    pub single: Single,
}

/// A stack whose constants are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Convention {
    /// TRL 1.10 to 1.16: sample deviation + 1e-4, groups of one get 0.
    #[default]
    Trl,
    /// verl 0.8 and 0.9: sample deviation + 1e-6, groups of one keep their reward.
    Verl,
    /// OpenRLHF 0.11: sample deviation + 1e-9, groups of one are refused.
    OpenRlhf,
    /// open-instruct of August 2026: population deviation + 1e-8, groups of one get 0.
    OpenInstruct,
    /// The formula as DeepSeekMath prints it, without an epsilon: population deviation, flat groups get 0.
    Paper,
    /// Any other constants.
    Custom(Constants),
}

impl Convention {
    /// The constants that it stands for.
    pub fn constants(self) -> Constants {
        let constants = |deviation, epsilon, single| Constants { deviation, epsilon, placement: Placement::Outside, single };
        match self {
            Self::Trl => constants(Deviation::Sample, 1e-4, Single::Zero),
            Self::Verl => constants(Deviation::Sample, 1e-6, Single::Reward),
            Self::OpenRlhf => constants(Deviation::Sample, 1e-9, Single::Refused),
            Self::OpenInstruct => constants(Deviation::Population, 1e-8, Single::Zero),
            Self::Paper => constants(Deviation::Population, 0.0, Single::Zero),
            Self::Custom(constants) => constants,
        }
    }
}

/// Over what the deviation is taken; the mean is always the group's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// The group.
    #[default]
    Group,
    /// The whole batch: TRL's `scale_rewards="batch"`.
    Batch,
}

/// Credits a response with its standardised reward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GroupNorm {
    /// Whose constants.
    pub convention: Convention,
    /// Over what the deviation is taken.
    pub scale: Scale,
}

impl Estimate for GroupNorm {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("convention.epsilon", self.convention.constants().epsilon)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        let Constants { deviation, epsilon, placement, single } = self.convention.constants();
        let whole = variance(&rewards.totals, deviation);
        let scaled = |centred: f64, variance: f64| match placement {
            _ if centred == 0.0 => 0.0,
            Placement::Outside => centred / (variance.sqrt() + epsilon),
            Placement::Inside => centred / (variance + epsilon).sqrt(),
        };
        per_group(batch, rewards, |group| {
            if let [reward] = group.rewards[..] {
                return match single {
                    Single::Zero => Ok(vec![0.0]),
                    Single::Reward => Ok(vec![scaled(reward, 1.0)]),
                    Single::Refused => Err(ObjectiveError::SingleRollout { prompt: group.prompt, convention: "open-rlhf" }),
                };
            }
            // A mean of equal numbers may differ from them in the last bit; without an epsilon that would become an advantage of 1.
            if group.is_flat() {
                return Ok(vec![0.0; group.rewards.len()]);
            }
            let spread = match self.scale {
                Scale::Group => variance(&group.rewards, deviation),
                Scale::Batch => whole,
            };
            let centre = mean(&group.rewards);
            Ok(group.rewards.iter().map(|reward| scaled(reward - centre, spread)).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    fn with(convention: Convention) -> GroupNorm {
        GroupNorm { convention, scale: Scale::Group }
    }

    #[test]
    fn each_stack_has_its_own_numbers() {
        // Rewards 1, 0, 0, 0: mean 1/4; sample variance 1/4, population variance 3/16.
        let batch = rollouts(&[(0, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)]);
        let expected = [
            (Convention::Trl, 0.75 / 0.5001, -0.25 / 0.5001),
            (Convention::Verl, 0.75 / 0.500_001, -0.25 / 0.500_001),
            (Convention::OpenRlhf, 0.75 / 0.500_000_001, -0.25 / 0.500_000_001),
            (Convention::OpenInstruct, 0.75 / (0.1875_f64.sqrt() + 1e-8), -0.25 / (0.1875_f64.sqrt() + 1e-8)),
            (Convention::Paper, 3.0_f64.sqrt(), -1.0 / 3.0_f64.sqrt()),
        ];
        for (convention, right, wrong) in expected {
            let found = estimate(&with(convention), &batch);
            assert!((found[0] - right).abs() < 1e-10 && (found[1] - wrong).abs() < 1e-10, "{convention:?}: {found:?}");
        }
    }

    #[test]
    fn epsilon_may_stand_inside_the_root() {
        let constants = Constants { deviation: Deviation::Population, epsilon: 0.0625, placement: Placement::Inside, single: Single::Zero };
        close(&estimate(&with(Convention::Custom(constants)), &rollouts(&[(0, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)])), &[1.5, -0.5, -0.5, -0.5]);
    }

    #[test]
    fn groups_of_one_follow_their_stack() {
        let batch = rollouts(&[(0, 0.8)]);
        close(&estimate(&with(Convention::Trl), &batch), &[0.0]);
        close(&estimate(&with(Convention::OpenInstruct), &batch), &[0.0]);
        close(&estimate(&with(Convention::Verl), &batch), &[0.8 / 1.000_001]);
        let rewards = TokenRewards::of(&batch, &Default::default()).unwrap();
        assert!(matches!(with(Convention::OpenRlhf).estimate(&batch, &rewards), Err(ObjectiveError::SingleRollout { prompt: 0, .. })));
    }

    #[test]
    fn equal_rewards_give_exact_zeros_under_every_convention() {
        let batch = rollouts(&[(0, 0.1), (0, 0.1), (0, 0.1), (1, 1.0), (1, 0.0)]);
        for convention in [Convention::Trl, Convention::Verl, Convention::OpenRlhf, Convention::OpenInstruct, Convention::Paper] {
            assert_eq!(estimate(&with(convention), &batch)[..3], [0.0; 3], "{convention:?}");
        }
    }

    #[test]
    fn the_deviation_may_be_that_of_the_batch() {
        // Groups (1, 0) and (1, 1): the batch 1, 0, 1, 1 has sample variance 1/4.
        let batch = rollouts(&[(0, 1.0), (0, 0.0), (1, 1.0), (1, 1.0)]);
        let estimator = GroupNorm { convention: Convention::Trl, scale: Scale::Batch };
        close(&estimate(&estimator, &batch), &[0.5 / 0.5001, -0.5 / 0.5001, 0.0, 0.0]);
    }
}
