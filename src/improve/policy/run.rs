//! The loop: steps of sampling and learning, checkpoints, and the reasons to stop.

use std::{fs, io::Write as _, time::Instant};

use metacot_envs::SeedTree;
use metacot_objectives::Objective;

use super::{
    EpisodeGroup, PolicyJob, StepReport, WEIGHTS,
    sampler::Sampler,
    state::{Identity, Position, RunState},
    step::Learning,
};
use crate::{
    checkpoint::series::Series,
    error::{Error, Result},
    kernels::Track,
    metrics::MetricsLog,
    model::Weights,
    train::Learner,
};

/// A run under way; knows no backend.
pub(super) struct Run<'a> {
    pub job: &'a PolicyJob<'a>,
    pub identity: Identity,
    /// The checkpoints of the folder.
    pub series: Series,
    pub position: Position,
    pub objective: Objective,
    pub has_reference: bool,
    /// The reference policy, where it is no longer the one of the start.
    pub reference: Option<Weights>,
    pub sampler: Sampler,
    pub metrics: MetricsLog,
    pub seeds: SeedTree,
    /// The ids of the marks of effort by level.
    pub marks: Vec<u32>,
    pub learner: &'a mut dyn Learner,
}

impl Run<'_> {
    pub fn all(&mut self, is_new: bool, progress: &mut dyn FnMut(StepReport)) -> Result<Weights> {
        let config = self.job.config;
        if is_new {
            self.save()?;
        }
        while !self.is_over() {
            if self.position.barren >= config.patience {
                self.save()?;
                return Err(Error::Stopped(format!(
                    "no response earned a positive reward, and all earned the same, in {} steps in a row, up to step {}: the problems are too hard for this policy, or \
                     the reward never pays; the checkpoint in {} stands",
                    config.patience,
                    self.position.step,
                    self.job.folder.display()
                )));
            }
            let report = self.step().map_err(|error| self.explain(error))?;
            self.metrics.append(&report.row())?;
            self.note_speed(&report);
            progress(report);
            if !self.is_over() && self.position.step.is_multiple_of(config.checkpoint_steps) {
                self.save()?;
            }
        }
        let weights = self.learner.weights();
        self.check_finite(&weights)?;
        weights.save(&self.job.folder.join(WEIGHTS))?;
        self.position.is_finished = true;
        self.save()?;
        Ok(weights)
    }

    /// Whether this step makes sure that sampler and trainer are one model.
    pub(super) fn compares_sampler(&self) -> bool {
        self.position.step == 0
    }

    fn is_over(&self) -> bool {
        let config = self.job.config;
        self.position.step >= config.steps || config.tokens.is_some_and(|tokens| self.position.sampled_tokens >= tokens)
    }

    /// One step: samples, learns, counts.
    fn step(&mut self) -> Result<StepReport> {
        let config = self.job.config;
        let number = self.position.step;
        let updates = self.learner.updates();
        let started = Instant::now();
        let mut sampled = self.sample(updates)?;
        let sampling = started.elapsed().as_secs_f64();
        let mut report = StepReport { step: number + 1, steps: config.steps, ..StepReport::default() };
        report.sampled(&sampled.groups, &sampled.rewards);
        let tokens: usize = sampled.groups.iter().flat_map(|group| &group.episodes).map(|episode| episode.ids.len()).sum();
        self.position.sampled_tokens += tokens as u64;
        let rewards: Vec<f64> = sampled.rewards.iter().flatten().copied().collect();
        let is_barren = rewards.iter().all(|reward| *reward <= 0.0) && rewards.windows(2).all(|pair| pair[0] == pair[1]);
        self.position.barren = if is_barren { self.position.barren + 1 } else { 0 };

        let mut groups: Vec<EpisodeGroup> = sampled.kept.iter().map(|&index| sampled.groups[index].clone()).collect();
        let tracks: Vec<Option<Track>> = sampled.kept.iter().flat_map(|&index| std::mem::take(&mut sampled.tracks[index])).collect();
        report.groups_kept = groups.len();
        if let Some(replay) = &config.replay {
            let seeds = self.seeds.child("replay").index(number as u64);
            let old = self.position.replay.draw(replay, updates, &seeds);
            self.position.replay.add(replay, &groups);
            report.groups_replayed = old.len();
            groups.extend(old);
        }
        let rewards: Vec<Vec<f64>> = groups.iter().map(|group| self.rewards(group)).collect();
        self.objective.kl.coefficient = f64::from_bits(self.position.kl_bits);
        (report.kl_coefficient, report.learning_rate) = (self.objective.kl.coefficient, config.learning_rate * config.schedule.factor(number, config.steps));
        let started = Instant::now();
        if !groups.is_empty() {
            let learning = Learning {
                config,
                objective: &self.objective,
                tokenizer: self.job.tokenizer,
                seeds: self.seeds.child("minibatches").index(number as u64),
                rate: report.learning_rate,
                updates,
                has_reference: self.has_reference,
                check_sampler: self.compares_sampler(),
                check_tape: number.is_multiple_of(config.checkpoint_steps),
            };
            let learned = learning.learn(self.learner, &groups, &rewards, &tracks)?;
            report.learned(&learned);
            report.taped_share = tracks.iter().flatten().count() as f64 / learned.responses.max(1) as f64;
            if let Some((controller, distance)) = config.kl_controller.as_ref().zip(learned.distance) {
                let mut controller = metacot_objectives::controller::KlController { coefficient: report.kl_coefficient, ..controller.clone() };
                controller.observe(distance, learned.responses);
                self.position.kl_bits = controller.coefficient.to_bits();
            }
        }
        report.sampled_per_second = tokens as f64 / sampling;
        report.trained_per_second = report.metrics.tokens as f64 / started.elapsed().as_secs_f64();
        self.position.step += 1;
        if config.reference_steps > 0 && self.has_reference && self.position.step.is_multiple_of(config.reference_steps) {
            let weights = self.learner.weights();
            self.learner.set_reference(Some(&weights));
            self.reference = Some(weights);
        }
        report.updates = self.learner.updates();
        report.sampled_tokens = self.position.sampled_tokens;
        report.problems_skipped = self.position.curriculum.skipped();
        if config.rollout_steps > 0 && self.position.step.is_multiple_of(config.rollout_steps) {
            self.keep_samples(&sampled)?;
        }
        Ok(report)
    }

    /// Checks that the updates so far have left the weights finite: their losses and gradients were those from before each.
    fn check_finite(&self, weights: &Weights) -> Result<()> {
        let (step, folder) = (self.position.step, self.job.folder.display());
        weights.check_finite().map_err(|reason| Error::Stopped(format!("stopped after step {step}: {reason}; the last checkpoint in {folder} stands")))
    }

    /// Says where a run stopped and what is left of it.
    fn explain(&self, error: Error) -> Error {
        match error {
            Error::Stopped(reason) => {
                let (step, folder) = (self.position.step + 1, self.job.folder.display());
                Error::Stopped(format!("stopped at step {step}: {reason}; the last checkpoint in {folder} stands"))
            }
            other => other,
        }
    }

    fn save(&mut self) -> Result<()> {
        self.metrics.sync()?;
        let state = RunState {
            position: self.position.clone(),
            actor: self.learner.state(),
            reference: self.reference.clone(),
            history: self.sampler.history().clone(),
        };
        self.check_finite(&state.actor.weights)?;
        state.save(&mut self.series, &self.identity)
    }

    /// The speed of a step goes into a file of its own, which nothing compares; one that cannot be written does not stop a run.
    fn note_speed(&self, report: &StepReport) {
        let path = self.job.folder.join("timing.jsonl");
        let StepReport { step, sampled_per_second, trained_per_second, .. } = report;
        let line = serde_json::json!({ "step": step, "sampled_tokens_per_second": sampled_per_second, "trained_tokens_per_second": trained_per_second });
        if let Ok(mut file) = fs::OpenOptions::new().create(true).append(true).open(path) {
            let _ = writeln!(file, "{line}");
        }
    }
}
