//! One step's learning: groups become a batch, rewards become credit, and mini-batches become updates.

use std::collections::BTreeMap;

use metacot_envs::SeedTree;
use metacot_objectives::{Batch, Evidence, Loss, Objective, Pair, Role, Sequence, Span};
use rand::seq::SliceRandom;

use super::{
    Episode, EpisodeGroup, PolicyConfig,
    branches::{mark_bad_branches, step_pairs},
    learned::Learned,
    needs::{needs_pairs, needs_solutions, needs_step_values},
};
use crate::{
    data::Example,
    error::{Error, Result},
    improve::evidence,
    kernels::Track,
    tokenizer::Tokenizer,
    train::{Learner, Scores},
};

/// What a step of learning is made with.
pub(super) struct Learning<'a> {
    pub config: &'a PolicyConfig,
    /// With the KL weight in force.
    pub objective: &'a Objective,
    pub tokenizer: &'a Tokenizer,
    /// Orders of the mini-batches: one stream per epoch.
    pub seeds: SeedTree,
    pub rate: f64,
    /// Optimizer steps before this step.
    pub updates: usize,
    /// Whether the reference policy is asked.
    pub has_reference: bool,
    /// Whether sampler and trainer must agree on what was sampled.
    pub check_sampler: bool,
    /// Whether the first mini-batch is scored by computation, too, where it was taped: what the trainer reads it would else never doubt.
    pub check_tape: bool,
}

impl Learning<'_> {
    /// Trains on groups with their rewards; `tracks` are what the sampler computed of their responses, as many as there are or fewer.
    ///
    /// # Errors
    /// The objective lacks something, or a number is not finite.
    pub fn learn(&self, learner: &mut dyn Learner, groups: &[EpisodeGroup], rewards: &[Vec<f64>], tracks: &[Option<Track>]) -> Result<Learned> {
        let refuse = |error: metacot_objectives::ObjectiveError| Error::Usage(format!("objective: {error}"));
        let examples: Vec<Example> = groups.iter().flat_map(EpisodeGroup::examples).collect();
        let own_tracks = |indices: &[usize]| -> Vec<Option<Track>> { indices.iter().map(|&index| tracks.get(index).cloned().flatten()).collect() };
        let mut sequences = self.sequences(groups, rewards);
        let pairs = match self.objective.loss {
            Loss::Dpo(_) => pairs(rewards, &sequences),
            Loss::StepDpo(_) => step_pairs(groups, rewards, &sequences),
            _ => Vec::new(),
        };
        if matches!(self.objective.loss, Loss::Unlikelihood(_)) {
            mark_bad_branches(groups, rewards, &mut sequences);
        }
        let units: Vec<Vec<usize>> = if needs_pairs(self.objective) { together(&pairs) } else { (0..examples.len()).map(|index| vec![index]).collect() };
        let epochs: Vec<Vec<Vec<usize>>> = (0..self.config.plan.epochs).map(|epoch| self.minibatches(&units, epoch)).collect();
        // Scored in the mini-batches of the first epoch: what is laid out alike, and computed or taped alike, is bit for bit alike, so that the ratios of the first
        // update are exactly 1.
        // The first update finds out by itself what the policy says of its responses, where nothing asks before it.
        let scores_itself = !(self.check_sampler || self.config.reads_old_policy(self.objective));
        for (position, indices) in epochs.first().into_iter().flatten().enumerate() {
            let own: Vec<Example> = indices.iter().map(|&index| examples[index].clone()).collect();
            let references = if self.has_reference { learner.score_reference(&own) } else { vec![Vec::new(); own.len()] };
            if scores_itself && position == 0 {
                indices.iter().zip(references).for_each(|(&index, reference)| sequences[index].logp_ref = reference);
                continue;
            }
            let own_tracks = own_tracks(indices);
            let scores = learner.score_taped(&own, &own_tracks);
            self.check_taped(&sequences, indices, &own_tracks, &scores)?;
            for ((&index, scores), reference) in indices.iter().zip(scores).zip(references) {
                if !scores.is_finite() {
                    return Err(Error::Stopped("log-probabilities are not finite numbers".into()));
                }
                let sequence = &mut sequences[index];
                (sequence.logp_new, sequence.logp_old, sequence.logp_ref) = (scores.log_probs.clone(), scores.log_probs, reference);
                (sequence.values, sequence.values_old, sequence.entropy) = (scores.values.clone(), scores.values, scores.entropies);
            }
        }
        if self.check_sampler {
            self.compare(sequences.iter().map(|sequence| (sequence, sequence.logp_old.as_slice())))?;
        }
        let batch = Batch::with_pairs(sequences, pairs).map_err(refuse)?;
        let advantages = self.objective.advantages(&batch).map_err(refuse)?;
        let mut learned = Learned { responses: examples.len(), ..Learned::default() };
        let mut before = batch.sequences().to_vec();
        for (position, indices) in epochs.iter().flatten().enumerate() {
            let own: Vec<Example> = indices.iter().map(|&index| examples[index].clone()).collect();
            let (minibatch, credit) = (batch.select(indices).map_err(refuse)?, advantages.select(indices).map_err(refuse)?);
            if position == 0 {
                // Nothing has moved since the sampler ran.
                let own_tracks = own_tracks(indices);
                if self.check_tape && own_tracks.iter().any(Option::is_some) {
                    self.check_taped(batch.sequences(), indices, &own_tracks, &learner.score(&own))?;
                }
                let (update, scores) = learner.step(&own, &own_tracks, &minibatch, &credit, self.objective, self.rate, scores_itself)?;
                self.check_taped(batch.sequences(), indices, &own_tracks, &scores)?;
                if scores_itself {
                    indices.iter().zip(scores).for_each(|(&index, scores)| before[index].logp_old = scores.log_probs);
                }
                learned.updates.push(update);
            } else {
                learned.updates.push(learner.update(&own, &minibatch, &credit, self.objective, self.rate)?);
            }
        }
        learned.distance = self.objective.kl.per_sequence(&Batch::new(before).map_err(refuse)?);
        Ok(learned)
    }

    /// Makes sure that the sampler gave the log-probabilities that the trainer computes: otherwise it samples from other weights, and
    /// nothing that follows means anything.
    fn compare<'s>(&self, computed: impl Iterator<Item = (&'s Sequence, &'s [f64])>) -> Result<()> {
        let gaps = computed.flat_map(|(sequence, log_probs)| sequence.policy_tokens().map(move |token| (log_probs[token] - sequence.sampled(token)).abs()));
        // What is not a number is no small gap.
        let largest = gaps.fold(0.0, |largest: f64, gap| if gap > largest || gap.is_nan() { gap } else { largest });
        let tolerance = self.config.log_prob_tolerance;
        match largest <= tolerance {
            true => Ok(()),
            false => Err(Error::Stopped(format!(
                "sampler and trainer are not the same model: their log-probabilities of a sampled token differ by {largest:.4} nats; expected at most {tolerance}"
            ))),
        }
    }

    /// The same of the taped responses of a mini-batch: that each was matched with its own rows, or where `scores` were computed, that the rows are right.
    fn check_taped(&self, sequences: &[Sequence], indices: &[usize], tracks: &[Option<Track>], scores: &[Scores]) -> Result<()> {
        let taped = indices.iter().zip(tracks).zip(scores).filter(|((_, track), _)| track.is_some());
        self.compare(taped.map(|((&index, _), scores)| (&sequences[index], scores.log_probs.as_slice())))
    }

    /// The responses with all that does not depend on the policy as it is.
    fn sequences(&self, groups: &[EpisodeGroup], rewards: &[Vec<f64>]) -> Vec<Sequence> {
        let mut sequences = Vec::new();
        for (prompt, (group, rewards)) in groups.iter().zip(rewards).enumerate() {
            for (episode, &reward) in group.episodes.iter().zip(rewards) {
                // Without a verifier, the likelihood of the reference is all the pay.
                let reward = if needs_solutions(self.objective) { 0.0 } else { reward };
                let sampled = episode.log_probs();
                let lines = episode.line_starts(self.tokenizer);
                let mut sequence = Sequence {
                    logp_sampled: sampled.clone(),
                    steps: if needs_step_values(self.objective) {
                        self.config.vine.unwrap_or_default().starts(&lines)
                    } else {
                        cut(lines, &episode.attempt_starts())
                    },
                    step_values: episode.step_values(),
                    episodes: episode.attempt_starts(),
                    episode_rewards: self.attempt_rewards(episode, group.gamma(self.config.effort.as_ref())),
                    is_solved: episode.last_verdict().is_correct,
                    is_truncated: !episode.last_verdict().is_finished,
                    staleness: (self.updates - episode.version) as u32,
                    ..Sequence::new(prompt, reward, sampled)
                };
                for attempt in &episode.attempts {
                    sequence.roles[attempt.mark_at..attempt.start()].fill(Role::Masked);
                }
                self.charge_malformed(episode, &mut sequence);
                if let Some(reference) = episode.reference_at {
                    sequence.roles[reference..].fill(Role::Reference);
                }
                if self.config.mask_truncated {
                    sequence.mask_if_truncated();
                }
                sequences.push(sequence);
            }
        }
        sequences
    }

    /// Lets every attempt that does not read pay for it in the line where it ends.
    fn charge_malformed(&self, episode: &Episode, sequence: &mut Sequence) {
        let Some(cost) = self.config.attempts.map(|attempts| attempts.malformed).filter(|cost| *cost > 0.0) else { return };
        let lines = sequence.step_ranges();
        sequence.step_rewards = vec![0.0; lines.len()];
        for (range, (verdict, _)) in sequence.episode_ranges().into_iter().zip(episode.verdicts()) {
            if !verdict.is_format_ok
                && let Some(line) = lines.iter().position(|line| line.end == range.end)
            {
                sequence.step_rewards[line] = -cost;
            }
        }
    }

    /// The reward of each attempt, by the discount of its effort; empty where responses are single attempts.
    fn attempt_rewards(&self, episode: &Episode, gamma: Option<f64>) -> Vec<f64> {
        if self.config.attempts.is_none() {
            return Vec::new();
        }
        let score = |(verdict, ids)| self.config.reward.score(&Evidence { gamma, ..evidence(verdict, ids) });
        episode.verdicts().into_iter().map(score).collect()
    }

    /// The mini-batches of an epoch, made of responses or of pairs that stay together; the last holds what is left.
    fn minibatches(&self, units: &[Vec<usize>], epoch: usize) -> Vec<Vec<usize>> {
        let mut order: Vec<usize> = (0..units.len()).collect();
        order.shuffle(&mut self.seeds.stream(epoch as u64));
        let mut minibatches: Vec<Vec<usize>> = Vec::new();
        for unit in order.into_iter().map(|unit| &units[unit]) {
            match minibatches.last_mut().filter(|last| last.len() + unit.len() <= self.config.plan.minibatch) {
                Some(last) => last.extend(unit),
                None => minibatches.push(unit.clone()),
            }
        }
        minibatches
    }
}

/// Lines that end where attempts end, too: what is said between attempts belongs to the first line of the next one.
fn cut(mut lines: Vec<usize>, attempts: &[usize]) -> Vec<usize> {
    lines.extend(attempts);
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// The responses of pairs, those with one better response together, so that no mini-batch holds a response twice.
fn together(pairs: &[Pair]) -> Vec<Vec<usize>> {
    let mut units: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for pair in pairs {
        units.entry(pair.chosen.sequence).or_insert_with(|| vec![pair.chosen.sequence]).push(pair.rejected.sequence);
    }
    units.into_values().collect()
}

/// The best and the worst response of each group whose rewards differ, the first of each where several are.
fn pairs(rewards: &[Vec<f64>], sequences: &[Sequence]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut first = 0;
    for rewards in rewards {
        let best = (0..rewards.len()).rev().max_by(|a, b| rewards[*a].total_cmp(&rewards[*b]));
        let worst = (0..rewards.len()).min_by(|a, b| rewards[*a].total_cmp(&rewards[*b]));
        if let (Some(best), Some(worst)) = (best, worst)
            && rewards[best] > rewards[worst]
        {
            let span = |index: usize| Span { sequence: first + index, tokens: 0..sequences[first + index].len() };
            pairs.push(Pair { chosen: span(best), rejected: span(worst) });
        }
        first += rewards.len();
    }
    pairs
}

#[cfg(test)]
mod tests;
