//! The numbers of a step: a row of `metrics.jsonl`, and a line for the person who watches.

use std::fmt;

use metacot_objectives::Metrics;

use super::{EpisodeGroup, learned::Learned};
use crate::metrics::Row;

/// What a step was like.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepReport {
    /// Steps done.
    pub step: usize,
    /// Steps of the whole run.
    pub steps: usize,
    /// Optimizer steps done.
    pub updates: usize,
    /// Mean reward of the sampled responses, before any filter.
    pub reward: f64,
    /// Share of right responses among them; of several attempts the last counts.
    pub accuracy: f64,
    /// Share of right first attempts among them.
    pub first_accuracy: f64,
    /// Share right at each attempt, where responses have several; a response that has ended keeps its last.
    pub by_attempt: Vec<f64>,
    /// Shares that go from a wrong first attempt to a right second one, and from a right to a wrong one.
    pub turned: [f64; 2],
    /// Share of them of which every statement is true.
    pub validity: f64,
    /// Share of them that ended by themselves.
    pub finished: f64,
    /// Mean tokens of right responses; NaN where there are none.
    pub length_right: f64,
    /// Mean tokens of wrong responses; NaN where there are none.
    pub length_wrong: f64,
    /// Groups sampled, those that the filter dropped included.
    pub groups_sampled: usize,
    /// Groups trained on, replayed ones not counted.
    pub groups_kept: usize,
    /// Groups that came from the replay buffer.
    pub groups_replayed: usize,
    /// Share of the responses trained on of which the sampler's pass was kept for the trainer.
    pub taped_share: f64,
    /// Share of the sampled groups whose rewards are all equal.
    pub zero_variance_share: f64,
    /// Weight of the KL penalty in force.
    pub kl_coefficient: f64,
    /// Distance to the reference before the first update, in nats per response by the penalty's estimator, where it was measured: what a controller of
    /// the penalty steers.
    pub distance: Option<f64>,
    /// Learning rate.
    pub learning_rate: f64,
    /// Mean loss of the updates.
    pub loss: f64,
    /// Mean norm of the gradients before clipping.
    pub gradient_norm: f64,
    /// Tokens sampled since the start.
    pub sampled_tokens: u64,
    /// Problems that the curriculum passed over since the start.
    pub problems_skipped: u64,
    /// Diagnostics of the updates.
    pub metrics: Metrics,
    /// Smallest and largest ratio of the first mini-batch: 1 and 1 where scoring and training agree.
    pub first_ratios: [f64; 2],
    /// Tokens sampled a second in this step; not part of the metrics file, which knows no clock.
    pub sampled_per_second: f64,
    /// Tokens trained a second in this step; likewise.
    pub trained_per_second: f64,
}

impl StepReport {
    /// Counts what was sampled.
    pub(super) fn sampled(&mut self, groups: &[EpisodeGroup], rewards: &[Vec<f64>]) {
        let episodes: Vec<_> = groups.iter().flat_map(|group| &group.episodes).collect();
        let share = |is_so: fn(&super::Episode) -> bool| mean(episodes.iter().map(|episode| f64::from(u8::from(is_so(episode)))));
        let length =
            |is_right: bool| mean(episodes.iter().filter(|episode| episode.last_verdict().is_correct == is_right).map(|episode| episode.ids.len() as f64));
        self.accuracy = share(|episode| episode.last_verdict().is_correct);
        self.first_accuracy = share(|episode| episode.verdict.is_correct);
        let most = episodes.iter().map(|episode| episode.attempts.len() + 1).max().unwrap_or(1);
        let shares = |is_so: &dyn Fn(&super::Episode) -> bool| mean(episodes.iter().map(|episode| f64::from(u8::from(is_so(episode)))));
        self.by_attempt = (0..most).map(|attempt| shares(&|episode| is_right_at(episode, attempt))).collect();
        self.turned = [false, true].map(|from| shares(&|episode| is_right_at(episode, 0) == from && is_right_at(episode, 1) != from));
        self.validity = share(|episode| episode.last_verdict().is_valid);
        self.finished = share(|episode| episode.last_verdict().is_finished);
        (self.length_right, self.length_wrong) = (length(true), length(false));
        self.reward = mean(rewards.iter().flatten().copied());
        self.zero_variance_share = mean(rewards.iter().map(|rewards| f64::from(u8::from(rewards.windows(2).all(|pair| pair[0] == pair[1])))));
        self.groups_sampled = groups.len();
    }

    /// Takes in what was learned.
    pub(super) fn learned(&mut self, learned: &Learned) {
        (self.loss, self.gradient_norm) = learned.loss_and_norm();
        self.metrics = learned.metrics();
        self.distance = learned.distance;
        self.first_ratios = learned.updates.first().map(|update| [update.metrics.ratio_min, update.metrics.ratio_max]).unwrap_or_default();
    }

    /// The row of the metrics file.
    pub(super) fn row(&self) -> Row {
        let m = &self.metrics;
        let values = [
            ("updates", self.updates as f64),
            ("reward", self.reward),
            ("accuracy", self.accuracy),
            ("first_accuracy", self.first_accuracy),
            ("validity", self.validity),
            ("finished", self.finished),
            ("length_right", self.length_right),
            ("length_wrong", self.length_wrong),
            ("groups_sampled", self.groups_sampled as f64),
            ("groups_kept", self.groups_kept as f64),
            ("groups_replayed", self.groups_replayed as f64),
            ("taped_share", self.taped_share),
            ("zero_variance_share", self.zero_variance_share),
            ("kl_coefficient", self.kl_coefficient),
            ("learning_rate", self.learning_rate),
            ("loss", self.loss),
            ("grad_norm", self.gradient_norm),
            ("sampled_tokens", self.sampled_tokens as f64),
            ("problems_skipped", self.problems_skipped as f64),
            ("trained_tokens", m.tokens as f64),
            ("advantage_mean", m.advantage_mean),
            ("advantage_max", m.advantage_max),
            ("entropy", m.entropy),
            ("ratio_mean", m.ratio_mean),
            ("ratio_min", m.ratio_min),
            ("ratio_max", m.ratio_max),
            ("clip_fraction", m.clip_fraction),
            ("clip_low_fraction", m.clip_low_fraction),
            ("clip_high_fraction", m.clip_high_fraction),
            ("dual_clip_fraction", m.dual_clip_fraction),
            ("value_clip_fraction", m.value_clip_fraction),
            ("old_kl_k1", m.old_kl_k1),
            ("old_kl_k2", m.old_kl_k2),
            ("old_kl_k3", m.old_kl_k3),
            ("ref_kl_k1", m.ref_kl_k1),
            ("ref_kl_k2", m.ref_kl_k2),
            ("ref_kl_k3", m.ref_kl_k3),
            ("effective_sample_share", m.effective_sample_share),
            ("sampler_gap_mean", m.sampler_gap_mean),
            ("sampler_gap_max", m.sampler_gap_max),
            ("staleness_mean", m.staleness_mean),
            ("staleness_max", f64::from(m.staleness_max)),
            ("explained_variance", m.explained_variance),
            ("pair_accuracy", m.pair_accuracy),
            ("pair_margin", m.pair_margin),
        ];
        let row = values.into_iter().fold(Row::new(self.step as u64, "improve"), |row, (name, value)| row.with(name, value));
        let row = match self.distance {
            Some(distance) => row.with("ref_kl_response", distance),
            None => row,
        };
        let [first, second, ..] = self.by_attempt.as_slice() else { return row };
        let row = row.with("change", second - first).with("repaired", self.turned[0]).with("spoiled", self.turned[1]);
        self.by_attempt.iter().enumerate().fold(row, |row, (attempt, share)| row.with(format!("accuracy_{}", attempt + 1), *share))
    }
}

impl fmt::Display for StepReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, steps, reward, accuracy, validity, length_right, length_wrong, zero_variance_share, gradient_norm, .. } = self;
        write!(f, "step {step}/{steps}  reward {reward:.3}  right {:.1} %  valid {:.1} %", 100.0 * accuracy, 100.0 * validity)?;
        write!(f, "  tokens {length_right:.0} right {length_wrong:.0} wrong  entropy {:.3}  kl {:.4}", self.metrics.entropy, self.metrics.ref_kl_k3)?;
        write!(f, "  clipped {:.1} %  flat groups {:.0} %  grad {gradient_norm:.3}", 100.0 * self.metrics.clip_fraction, 100.0 * zero_variance_share)?;
        write!(f, "  {:.0} tok/s sampled {:.0} trained", self.sampled_per_second, self.trained_per_second)
    }
}

/// Whether an attempt is right, or the last one where there are fewer.
fn is_right_at(episode: &super::Episode, attempt: usize) -> bool {
    let verdicts = episode.verdicts();
    verdicts.get(attempt).or(verdicts.last()).is_some_and(|(verdict, _)| verdict.is_correct)
}

/// The mean; NaN of nothing.
fn mean(numbers: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = numbers.fold((0.0, 0_usize), |(sum, count), number| (sum + number, count + 1));
    sum / count as f64
}
