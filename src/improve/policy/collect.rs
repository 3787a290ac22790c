//! What a step samples: groups until enough are worth training on, further attempts, values of steps, and rewards.

use std::io::Write as _;

use metacot_objectives::{
    Evidence,
    filter::{Next, Refill},
};

use super::{
    EpisodeGroup, attempts,
    episode::Draw,
    needs::{needs_solutions, needs_step_values},
    reference,
    run::Run,
    vine,
};
use crate::{
    atomic::AtomicFile,
    error::{Error, Result},
    kernels::Track,
    sample::SampleConfig,
};

/// What a step sampled.
pub(super) struct Sampled {
    /// All groups.
    pub groups: Vec<EpisodeGroup>,
    /// Their rewards.
    pub rewards: Vec<Vec<f64>>,
    /// Indices of those that are trained on.
    pub kept: Vec<usize>,
    /// By group and response, what the sampler computed that the trainer need not.
    pub tracks: Vec<Vec<Option<Track>>>,
}

impl Run<'_> {
    /// Samples until enough groups are kept, or the cap is reached.
    pub(super) fn sample(&mut self, updates: usize) -> Result<Sampled> {
        let config = self.job.config;
        // What is trained is the distribution that is sampled from.
        let sample = SampleConfig { temperature: config.temperature, scored_at: config.temperature, ..self.job.sample.clone() };
        let draw = Draw { task: self.job.task, tokenizer: self.job.tokenizer, config: &sample, samples: config.plan.samples, marks: &self.marks };
        let seeds = self.seeds.child("sample").index(self.position.step as u64);
        let order = self.seeds.child("problems");
        self.sampler.refresh(self.learner.weights(), updates)?;
        let version = self.sampler.version();
        let mut refill = Refill::new(config.plan.prompts, config.plan.prompts.saturating_mul(config.refill));
        let mut sampled = Sampled { groups: Vec::new(), rewards: Vec::new(), kept: Vec::new(), tracks: Vec::new() };
        if config.goes_on_from_tape(&self.objective, self.job.device) && !self.compares_sampler() {
            self.sampler.record();
        }
        while let Next::Sample(count) = refill.next() {
            let chosen = self.position.curriculum.take(&config.curriculum, &order, count);
            let first = sampled.groups.len();
            let mut groups = draw.groups(self.job.pool, &chosen, self.sampler.decoder(), version, &seeds, first);
            if let Some(attempts) = &config.attempts {
                let seeds = seeds.child("attempts").index(first as u64);
                attempts::attempt_again(attempts, &draw, self.job.pool, &mut groups, self.sampler.decoder(), &seeds);
            }
            for group in groups {
                self.position.curriculum.observe(group.problem, group.num_correct(), group.episodes.len());
                let rewards = self.rewards(&group);
                if !group.episodes.is_empty() && config.filter.keeps(&group.with_rewards(rewards.clone())) {
                    sampled.kept.push(sampled.groups.len());
                }
                sampled.groups.push(group);
                sampled.rewards.push(rewards);
            }
            refill = Refill { sampled: sampled.groups.len(), kept: sampled.kept.len(), ..refill };
        }
        let mut tracks = self.sampler.end_recording().into_iter();
        for group in &sampled.groups {
            let own: Vec<Option<Track>> = tracks.by_ref().take(config.plan.samples).collect();
            // Responses of no tokens are no episodes.
            sampled.tracks.push(if own.len() == group.episodes.len() { own } else { vec![None; group.episodes.len()] });
        }
        sampled.kept.truncate(config.plan.prompts);
        if needs_step_values(&self.objective) {
            // Only what is trained on is worth sampling on from.
            let mut kept: Vec<EpisodeGroup> = sampled.kept.iter().map(|&index| sampled.groups[index].clone()).collect();
            let vine = config.vine.unwrap_or_default();
            let seeds = self.seeds.child("vine").index(self.position.step as u64);
            let (reward, effort) = (&config.reward, config.effort.as_ref());
            let paid = |group: &EpisodeGroup, evidence: Evidence| reward.score(&Evidence { gamma: group.gamma(effort), ..evidence });
            let tokens = vine::sample_values(vine, &draw, self.job.pool, &paid, &mut kept, self.sampler.decoder(), &seeds);
            self.position.sampled_tokens += tokens;
            for (&index, group) in sampled.kept.iter().zip(kept) {
                sampled.groups[index] = group;
            }
        }
        if needs_solutions(&self.objective) {
            let mut kept: Vec<EpisodeGroup> = sampled.kept.iter().map(|&index| sampled.groups[index].clone()).collect();
            reference::put_references(&draw, self.job.pool, &mut kept)?;
            for (&index, group) in sampled.kept.iter().zip(kept) {
                sampled.rewards[index] = self.rewards(&group);
                sampled.groups[index] = group;
            }
            sampled.kept.retain(|&index| !sampled.groups[index].episodes.is_empty());
        }
        Ok(sampled)
    }

    pub(super) fn rewards(&self, group: &EpisodeGroup) -> Vec<f64> {
        let config = self.job.config;
        let gamma = group.gamma(config.effort.as_ref());
        group.episodes.iter().map(|episode| config.reward.score(&Evidence { gamma, ..episode.evidence() })).collect()
    }

    /// Publishes the samples of a step: one group a line, with its rewards.
    pub(super) fn keep_samples(&self, sampled: &Sampled) -> Result<()> {
        let path = self.job.folder.join(format!("rollouts-{:08}.jsonl", self.position.step));
        let mut file = AtomicFile::create(&path)?;
        for (index, (group, rewards)) in sampled.groups.iter().zip(&sampled.rewards).enumerate() {
            let line = serde_json::json!({ "problem": self.job.pool[group.problem].json, "is_kept": sampled.kept.contains(&index), "rewards": rewards, "group": group });
            writeln!(file, "{line}").map_err(Error::io("cannot write", &path))?;
        }
        file.commit()
    }
}
