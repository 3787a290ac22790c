//! Pass@k as the reward: a group is paid for solving with any of `k` responses, which keeps exploring.
//!
//! `analytic`: Pass@k Training (2508.10751) averages over all subsets of size `k` of `n` responses with `m` wrong ones. With
//! `R = 1 - C(m, k) / C(n, k)` and `s = sqrt(R (1 - R))`, right responses get `(1 - R) / s` and wrong ones
//! `(1 - R - C(m - 1, k - 1) / C(n - 1, k - 1)) / s`. Where `s = 0` nothing can be learnt and all get 0.
//!
//! `best-minus-second`: verl's `grpo_passk` (2503.19595), which takes the group as the one subset (`k = n`): only the best response is
//! credited, with its lead over the second, divided by the sample deviation + 1e-6. verl refuses groups of one, which get 0 here.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, per_group};
use crate::{
    Batch, ObjectiveError, settings,
    statistics::{Deviation, variance},
};

/// How the reward of subsets is shared out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PassAtKForm {
    /// In expectation over all subsets.
    #[default]
    Analytic,
    /// To the best response alone.
    BestMinusSecond,
}

/// Credits what a response adds to pass@k.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PassAtK {
    /// The size of a subset; groups must not be smaller.
    pub k: usize,
    /// How the reward is shared out.
    pub form: PassAtKForm,
    /// The reward from which a response is right, exclusive.
    pub threshold: f64,
}

impl Default for PassAtK {
    fn default() -> Self {
        Self { k: 4, form: PassAtKForm::Analytic, threshold: 0.0 }
    }
}

/// `C(a, k) / C(b, k)` for `a <= b`, without overflow.
fn subset_share(a: usize, b: usize, k: usize) -> f64 {
    if a < k { 0.0 } else { (0..k).map(|index| (a - index) as f64 / (b - index) as f64).product() }
}

impl PassAtK {
    fn analytic(&self, rewards: &[f64]) -> Result<Vec<f64>, ObjectiveError> {
        let count = rewards.len();
        if self.k == 0 || self.k > count {
            return Err(ObjectiveError::Setting { setting: "k", value: self.k as f64, expected: "between 1 and the size of every group" });
        }
        let wrong = rewards.iter().filter(|reward| **reward <= self.threshold).count();
        let mean = 1.0 - subset_share(wrong, count, self.k);
        let deviation = (mean * (1.0 - mean)).sqrt();
        if deviation == 0.0 {
            return Ok(vec![0.0; count]);
        }
        let blame = subset_share(wrong - 1, count - 1, self.k - 1);
        let credit = |reward: &f64| if *reward > self.threshold { 1.0 - mean } else { 1.0 - mean - blame };
        Ok(rewards.iter().map(|reward| credit(reward) / deviation).collect())
    }
}

fn best_minus_second(rewards: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..rewards.len()).collect();
    order.sort_by(|a, b| rewards[*b].total_cmp(&rewards[*a]));
    let mut credit = vec![0.0; rewards.len()];
    if let [best, second, ..] = order[..] {
        credit[best] = (rewards[best] - rewards[second]) / (variance(rewards, Deviation::Sample).sqrt() + 1e-6);
    }
    credit
}

impl Estimate for PassAtK {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::count("k", self.k)?;
        settings::finite("threshold", self.threshold)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        per_group(batch, rewards, |group| match self.form {
            PassAtKForm::Analytic => self.analytic(&group.rewards),
            PassAtKForm::BestMinusSecond => Ok(best_minus_second(&group.rewards)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    fn analytic(k: usize) -> PassAtK {
        PassAtK { k, ..PassAtK::default() }
    }

    #[test]
    fn credit_is_the_mean_over_all_subsets() {
        // One of four is right, pairs: R = 1/2, s = 1/2; wrong: (1/2 - 2/3) / (1/2).
        close(&estimate(&analytic(2), &rollouts(&[(0, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)])), &[1.0, -1.0 / 3.0, -1.0 / 3.0, -1.0 / 3.0]);
    }

    #[test]
    fn k_of_one_is_grpo_with_the_population_deviation() {
        // R = 1/4, s = sqrt 3 / 4.
        let root = 3.0_f64.sqrt();
        close(&estimate(&analytic(1), &rollouts(&[(0, 1.0), (0, 0.0), (0, 0.0), (0, 0.0)])), &[root, -1.0 / root, -1.0 / root, -1.0 / root]);
    }

    #[test]
    fn groups_that_always_or_never_pass_teach_nothing() {
        assert_eq!(estimate(&analytic(2), &rollouts(&[(0, 1.0), (0, 1.0), (0, 0.0), (1, 0.0), (1, 0.0)])), [0.0; 5]);
    }

    #[test]
    fn verl_credits_the_best_alone() {
        let estimator = PassAtK { form: PassAtKForm::BestMinusSecond, ..analytic(3) };
        // Sample variance of 1, 0.5, 0 is 1/4.
        close(&estimate(&estimator, &rollouts(&[(0, 0.5), (0, 1.0), (0, 0.0), (1, 1.0)])), &[0.0, 0.5 / 0.500_001, 0.0, 0.0]);
    }

    #[test]
    fn groups_smaller_than_k_are_refused() {
        let batch = rollouts(&[(0, 1.0)]);
        let rewards = TokenRewards::of(&batch, &Default::default()).unwrap();
        assert!(matches!(analytic(2).estimate(&batch, &rewards), Err(ObjectiveError::Setting { setting: "k", .. })));
    }
}
