//! Diagnostics of one evaluation: what a person reads when a curve is flat or falls.

use serde::{Deserialize, Serialize};

use crate::{Advantages, Batch, statistics::mean};

/// Diagnostics over the policy's tokens; 0 where nothing was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Responses.
    pub sequences: usize,
    /// Tokens of the policy.
    pub tokens: usize,
    /// Mean reward.
    pub reward: f64,
    /// Share of groups whose rewards are all equal.
    pub zero_variance_share: f64,
    /// Share of groups whose responses are all right.
    pub all_right_share: f64,
    /// Share of groups without a right response.
    pub all_wrong_share: f64,
    /// Mean advantage of a token.
    pub advantage_mean: f64,
    /// Largest absolute advantage of a token.
    pub advantage_max: f64,
    /// Mean of `pi / pi_old`.
    pub ratio_mean: f64,
    /// Smallest `pi / pi_old`.
    pub ratio_min: f64,
    /// Largest `pi / pi_old`; exactly 1, as the smallest, before the first step of an update.
    pub ratio_max: f64,
    /// Share of tokens without gradient since their ratio was clipped from below or above.
    pub clip_fraction: f64,
    /// The part of it that was clipped from below.
    pub clip_low_fraction: f64,
    /// The part of it that was clipped from above.
    pub clip_high_fraction: f64,
    /// Share of tokens whose loss the second bound of the dual clip cut.
    pub dual_clip_fraction: f64,
    /// Share of value predictions that the value clip holds.
    pub value_clip_fraction: f64,
    /// KL(pi_old, pi) by k1, in nats per token; tokens were drawn from the old policy.
    pub old_kl_k1: f64,
    /// The same by k2.
    pub old_kl_k2: f64,
    /// The same by k3.
    pub old_kl_k3: f64,
    /// KL(pi, pi_ref) by k1, in nats per token.
    pub ref_kl_k1: f64,
    /// The same by k2.
    pub ref_kl_k2: f64,
    /// The same by k3.
    pub ref_kl_k3: f64,
    /// Mean entropy, in nats per token.
    pub entropy: f64,
    /// Effective sample size of the weights `pi / pi_sampled` as a share of the tokens, in (0, 1].
    pub effective_sample_share: f64,
    /// Mean absolute difference between old and sampled log-probability, in nats: 0 where sampler and trainer are one model.
    pub sampler_gap_mean: f64,
    /// Largest such difference.
    pub sampler_gap_max: f64,
    /// Mean optimizer steps between sampling and training.
    pub staleness_mean: f64,
    /// Largest such number.
    pub staleness_max: u32,
    /// Share of the variance of the returns that the values explain, over the tokens that have a target; at most 1.
    pub explained_variance: f64,
    /// Share of preference pairs that the policy ranks rightly.
    pub pair_accuracy: f64,
    /// Mean margin between chosen and rejected, in nats.
    pub pair_margin: f64,
}

impl Metrics {
    /// Everything that does not depend on the loss.
    pub fn measure(batch: &Batch, advantages: &Advantages) -> Self {
        let mut rows = Rows::default();
        for (index, sequence) in batch.sequences().iter().enumerate() {
            for token in sequence.policy_tokens() {
                let old = sequence.logp_old[token];
                let change = sequence.logp_new[token] - old;
                rows.advantage.push(advantages.tokens[index][token]);
                rows.change.push(change);
                rows.ratio.push(change.clamp(-20.0, 20.0).exp());
                rows.weight.push((sequence.logp_new[token] - sequence.sampled(token)).clamp(-20.0, 20.0).exp());
                rows.gap.push((old - sequence.sampled(token)).abs());
                rows.reference.extend(sequence.logp_ref.get(token).map(|reference| sequence.logp_new[token] - reference));
                rows.entropy.extend(sequence.entropy.get(token));
                // A target that is the prediction itself would count as explained.
                if let (Some(value), Some(target)) = (sequence.values.get(token), advantages.returns.get(index))
                    && advantages.is_target(index, token)
                {
                    rows.target.push(target[token]);
                    rows.residual.push(target[token] - value);
                }
            }
        }
        let rewards: Vec<f64> = batch.sequences().iter().map(|sequence| sequence.reward).collect();
        let staleness: Vec<f64> = batch.sequences().iter().map(|sequence| f64::from(sequence.staleness)).collect();
        let groups = &advantages.groups;
        Self {
            sequences: rewards.len(),
            reward: mean(&rewards),
            zero_variance_share: groups.share(groups.flat),
            all_right_share: groups.share(groups.all_right),
            all_wrong_share: groups.share(groups.all_wrong),
            staleness_mean: mean(&staleness),
            staleness_max: batch.sequences().iter().map(|sequence| sequence.staleness).max().unwrap_or(0),
            ..rows.summary()
        }
    }
}

/// Numbers per token, before they are summarised.
#[derive(Default)]
struct Rows {
    advantage: Vec<f64>,
    change: Vec<f64>,
    ratio: Vec<f64>,
    weight: Vec<f64>,
    gap: Vec<f64>,
    reference: Vec<f64>,
    entropy: Vec<f64>,
    target: Vec<f64>,
    residual: Vec<f64>,
}

impl Rows {
    fn summary(self) -> Metrics {
        use crate::{kl::Estimator::*, statistics::Deviation::Population, statistics::variance};
        let largest = |numbers: &[f64]| numbers.iter().copied().reduce(f64::max).unwrap_or(0.0);
        let average = |numbers: &[f64], value: &dyn Fn(f64) -> f64| mean(&numbers.iter().map(|number| value(*number)).collect::<Vec<_>>());
        let total: f64 = self.weight.iter().sum();
        let squares: f64 = self.weight.iter().map(|weight| weight * weight).sum();
        let spread = variance(&self.target, Population);
        Metrics {
            tokens: self.change.len(),
            advantage_mean: mean(&self.advantage),
            advantage_max: largest(&self.advantage.iter().map(|number| number.abs()).collect::<Vec<_>>()),
            ratio_mean: mean(&self.ratio),
            ratio_min: self.ratio.iter().copied().reduce(f64::min).unwrap_or(0.0),
            ratio_max: largest(&self.ratio),
            old_kl_k1: average(&self.change, &|x| K1.value(-x)),
            old_kl_k2: average(&self.change, &|x| K2.value(-x)),
            old_kl_k3: average(&self.change, &|x| K3.value(-x)),
            ref_kl_k1: average(&self.reference, &|x| K1.value(x)),
            ref_kl_k2: average(&self.reference, &|x| K2.value(x)),
            ref_kl_k3: average(&self.reference, &|x| K3.value(x)),
            entropy: mean(&self.entropy),
            effective_sample_share: if squares > 0.0 { total * total / squares / self.weight.len() as f64 } else { 0.0 },
            sampler_gap_mean: mean(&self.gap),
            sampler_gap_max: largest(&self.gap),
            explained_variance: if spread > 0.0 { 1.0 - variance(&self.residual, Population) / spread } else { 0.0 },
            ..Metrics::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sequence, advantage::GroupSummary};

    #[test]
    fn only_tokens_with_a_target_are_explained() {
        // Targets 1 and 3 beside predictions 1 and 2, and between them two tokens whose return is their own prediction.
        let values = vec![1.0, 7.0, 2.0, -5.0];
        let batch = Batch::new(vec![Sequence { values: values.clone(), ..Sequence::new(0, 1.0, vec![-1.0; 4]) }]).unwrap();
        let all = Advantages { tokens: vec![vec![0.0; 4]], returns: vec![vec![1.0, 7.0, 3.0, -5.0]], ..Advantages::default() };
        let explained = |advantages: &Advantages| Metrics::measure(&batch, advantages).explained_variance;
        let own = Advantages { targets: vec![vec![true, false, true, false]], ..all.clone() };
        assert!((explained(&own) - 0.75).abs() < 1e-12); // targets vary by 1, residuals 0 and 1 by 1/4
        assert!(explained(&all) > 0.98);
    }

    #[test]
    fn diagnostics_match_hand_calculation() {
        let (two, half) = (2.0_f64.ln(), 0.5_f64.ln());
        let sequence = Sequence {
            logp_new: vec![-3.0 + two, -3.0],
            logp_ref: vec![-3.0, -3.0],
            logp_sampled: vec![-3.0, -3.0 + half],
            entropy: vec![0.5, 1.5],
            values: vec![1.0, 2.0],
            staleness: 3,
            ..Sequence::new(0, 1.0, vec![-3.0; 2])
        };
        let batch = Batch::new(vec![sequence]).unwrap();
        let advantages = Advantages {
            tokens: vec![vec![1.0, -3.0]],
            returns: vec![vec![1.0, 3.0]],
            targets: Vec::new(),
            groups: GroupSummary { groups: 4, flat: 3, all_right: 1, all_wrong: 2, singletons: 0 },
        };
        let metrics = Metrics::measure(&batch, &advantages);
        assert_eq!((metrics.zero_variance_share, metrics.all_right_share, metrics.all_wrong_share), (0.75, 0.25, 0.5));
        assert_eq!((metrics.advantage_mean, metrics.advantage_max, metrics.entropy, metrics.staleness_max), (-1.0, 3.0, 1.0, 3));
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        close(metrics.ratio_max, 2.0);
        close(metrics.ratio_mean, 1.5);
        close(metrics.old_kl_k1, -two / 2.0);
        close(metrics.old_kl_k3, (1.0 - two) / 2.0); // ratio 2: 2 - 1 - log 2
        close(metrics.ref_kl_k3, (0.5 - 1.0 + two) / 2.0);
        close(metrics.effective_sample_share, 1.0); // both weights are 2
        close(metrics.sampler_gap_max, two);
        close(metrics.explained_variance, 0.75); // returns vary by 1, residuals 0 and 1 by 1/4
    }
}
