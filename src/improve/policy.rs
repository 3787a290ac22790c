//! Policy gradients from verified samples: one loop for every objective that reads single-turn rollouts.
//!
//! A step: prompts by the [`Curriculum`], responses by the [`Mode`]'s sampler, verdicts, rewards, groups that the filter keeps (refilled to a
//! cap), replayed groups, advantages, mini-batches. After a kill at any point a run goes on from its last checkpoint and ends with the same
//! bytes on a CPU: every draw comes from a stream that the step's number decides.

mod branches;
mod config;
mod curriculum;
mod episode;
mod replay;
mod report;
mod sampler;
mod state;
mod step;
mod vine;

use std::{collections::VecDeque, fs, io::Write as _, path::Path, time::Instant};

use metacot_envs::SeedTree;
use metacot_objectives::{
    Evidence, Objective,
    filter::{Next, Refill},
};
use metacot_traces::task::{Problem, Task};

use crate::{
    atomic::AtomicFile,
    device::{DeviceChoice, DeviceTask},
    error::{Error, Result},
    improve::mark_ids,
    kernels::Kernels,
    metrics::MetricsLog,
    model::Weights,
    sample::{DecoderConfig, SampleConfig},
    tokenizer::Tokenizer,
    train::{ActorState, Learner, PolicyTrainer},
};

pub use config::PolicyConfig;
pub use curriculum::{Curriculum, CurriculumConfig};
pub use episode::{Episode, EpisodeGroup};
pub use replay::ReplayConfig;
pub use report::StepReport;
pub use sampler::Mode;
pub use vine::VineConfig;

use config::{needs_reference, needs_step_values, needs_values};
use episode::Draw;
use replay::Replay;
use sampler::Sampler;
use state::{Identity, Position, RunState};
use step::Learning;

/// Name of the file of the weights that a finished run gave.
const WEIGHTS: &str = "weights.safetensors";

/// A run to do.
#[derive(Clone, Copy)]
pub struct PolicyJob<'a> {
    /// The settings.
    pub config: &'a PolicyConfig,
    /// Where the policy starts, and its first reference.
    pub initial: &'a Weights,
    /// Judges responses.
    pub task: &'a dyn Task,
    /// The vocabulary.
    pub tokenizer: &'a Tokenizer,
    /// The pool of distinct problems; at least one.
    pub pool: &'a [Problem],
    /// How responses are sampled; the temperature is the configuration's.
    pub sample: &'a SampleConfig,
    /// Folder of checkpoints, metrics, samples and the final weights; made where missing, resumed from where not.
    pub folder: &'a Path,
    /// Where the tensors live; sampling is on the CPU.
    pub device: DeviceChoice,
    /// Threads of the sampler. No effect on the numbers.
    pub threads: usize,
}

impl PolicyJob<'_> {
    /// The arithmetic of the run in words.
    pub fn plan(&self) -> String {
        let PolicyConfig { steps, plan, mode, refill, objective, .. } = self.config;
        let sampler = match mode {
            Mode::Shared => "the sampler reads the trainer's weights".to_owned(),
            Mode::Copy => "the sampler reads a copy of the weights, made at every step".to_owned(),
            Mode::Async { lag } => format!("the sampler reads the weights of {lag} steps before"),
        };
        let most = match refill {
            1 => String::new(),
            _ => format!("; at most {} prompts are sampled in a step to fill it", plan.prompts * refill),
        };
        format!(
            "{}: {plan}{most}; {steps} steps make {} responses and {} optimizer steps on a pool of {} problems; {sampler}",
            objective.name,
            steps * plan.responses(),
            steps * plan.updates(),
            self.pool.len()
        )
    }
}

/// Improves a policy, or goes on where a run in the folder stopped, or gives its weights at once where it is finished.
///
/// # Errors
/// [`Error::Usage`] for settings that cannot be; [`Error::Device`] where the device is missing; [`Error::Data`] where the folder holds another
/// run; [`Error::Io`] where it cannot be read or written; [`Error::Stopped`] on numbers that are not finite, a sampler that is not the trainer,
/// or too many steps without a positive reward: the last checkpoint then stands.
pub fn policy_gradient(job: &PolicyJob<'_>, progress: &mut dyn FnMut(StepReport)) -> Result<Weights> {
    job.config.validate().map_err(Error::Usage)?;
    if job.pool.is_empty() {
        return Err(Error::Usage("the pool has no problems; expected at least 1".into()));
    }
    if let Some(dial) = &job.config.effort
        && mark_ids(dial, job.tokenizer).is_none()
    {
        return Err(Error::Usage("effort is not allowed with this vocabulary: it has no marks of effort; a recipe whose stage has `effort` makes one".into()));
    }
    job.device.check()?;
    fs::create_dir_all(job.folder).map_err(Error::io("cannot create", job.folder))?;
    let mut pool = blake3::Hasher::new();
    job.pool.iter().for_each(|problem| {
        pool.update(problem.prompt.as_bytes()).update(&[0]).update(problem.json.to_string().as_bytes()).update(&[0]);
    });
    let identity = Identity {
        config: toml::to_string(job.config).map_err(|error| Error::Usage(format!("settings: {error}")))?,
        model: job.initial.config.clone(),
        pool: pool.finalize().to_hex().to_string(),
        initial: job.initial.digest(),
        max_new_tokens: job.sample.max_new_tokens,
    };
    let objective = job.config.objective().map_err(Error::Usage)?;
    let seeds = SeedTree::root(job.config.seed).child("policy").child("lora");
    let fresh = ActorState::start(job.initial.clone(), needs_values(&objective)).with_lora(job.config.trainer.lora.as_ref(), &seeds);
    let state = RunState::load(job.folder, &identity, &fresh)?;
    if state.as_ref().is_some_and(|state| state.position.is_finished) {
        return Weights::load(&job.folder.join(WEIGHTS));
    }
    let is_new = state.is_none();
    let state = state.unwrap_or_else(|| RunState {
        position: Position {
            step: 0,
            sampled_tokens: 0,
            barren: 0,
            kl_bits: objective.kl.coefficient.to_bits(),
            curriculum: Curriculum::new(job.pool.len()),
            replay: Replay::default(),
            is_finished: false,
        },
        actor: fresh,
        reference: None,
        history: VecDeque::new(),
    });
    job.device.run(Launch { job, identity, state, objective, is_new, progress })?
}

/// The run on the backend of its device.
struct Launch<'a> {
    job: &'a PolicyJob<'a>,
    identity: Identity,
    state: RunState,
    objective: Objective,
    is_new: bool,
    progress: &'a mut dyn FnMut(StepReport),
}

impl DeviceTask for Launch<'_> {
    type Output = Result<Weights>;

    fn run<B: Kernels>(self, device: B::Device) -> Result<Weights> {
        let Self { job, identity, state, objective, is_new, progress } = self;
        let RunState { position, actor, reference, history } = state;
        let mut learner = PolicyTrainer::<B>::new(job.config.trainer.clone(), actor, &device);
        let has_reference = needs_reference(&objective) || job.config.measure_reference;
        if has_reference {
            learner.set_reference(Some(reference.as_ref().unwrap_or(job.initial)));
        }
        let decoder = DecoderConfig { threads: job.threads, ..DecoderConfig::default() };
        let sampler = Sampler::new(job.config.mode, decoder, history, job.folder.to_path_buf());
        let metrics = MetricsLog::resume(job.folder, position.step as u64)?;
        let seeds = SeedTree::root(job.config.seed).child("policy");
        let marks = job.config.effort.as_ref().and_then(|dial| mark_ids(dial, job.tokenizer)).unwrap_or_default();
        let mut run = Run { job, identity, position, objective, has_reference, reference, sampler, metrics, seeds, marks, learner: &mut learner };
        run.all(is_new, progress)
    }
}

/// A run under way; knows no backend.
struct Run<'a> {
    job: &'a PolicyJob<'a>,
    identity: Identity,
    position: Position,
    objective: Objective,
    has_reference: bool,
    /// The reference policy, where it is no longer the one of the start.
    reference: Option<Weights>,
    sampler: Sampler,
    metrics: MetricsLog,
    seeds: SeedTree,
    /// The ids of the marks of effort by level.
    marks: Vec<u32>,
    learner: &'a mut dyn Learner,
}

/// What a step sampled.
struct Sampled {
    /// All groups.
    groups: Vec<EpisodeGroup>,
    /// Their rewards.
    rewards: Vec<Vec<f64>>,
    /// Indices of those that are trained on.
    kept: Vec<usize>,
}

impl Run<'_> {
    fn all(&mut self, is_new: bool, progress: &mut dyn FnMut(StepReport)) -> Result<Weights> {
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
        weights.save(&self.job.folder.join(WEIGHTS))?;
        self.position.is_finished = true;
        self.save()?;
        Ok(weights)
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
        let sampled = self.sample(updates)?;
        let sampling = started.elapsed().as_secs_f64();
        let mut report = StepReport { step: number + 1, steps: config.steps, ..StepReport::default() };
        report.sampled(&sampled.groups, &sampled.rewards);
        let tokens: usize = sampled.groups.iter().flat_map(|group| &group.episodes).map(|episode| episode.ids.len()).sum();
        self.position.sampled_tokens += tokens as u64;
        let rewards: Vec<f64> = sampled.rewards.iter().flatten().copied().collect();
        let is_barren = rewards.iter().all(|reward| *reward <= 0.0) && rewards.windows(2).all(|pair| pair[0] == pair[1]);
        self.position.barren = if is_barren { self.position.barren + 1 } else { 0 };

        let mut groups: Vec<EpisodeGroup> = sampled.kept.iter().map(|&index| sampled.groups[index].clone()).collect();
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
                check_sampler: number == 0,
            };
            let learned = learning.learn(self.learner, &groups, &rewards)?;
            report.learned(&learned);
            if let Some(controller) = &config.kl_controller {
                let mut controller = metacot_objectives::controller::KlController { coefficient: report.kl_coefficient, ..controller.clone() };
                controller.observe(report.metrics.ref_kl_k3, learned.responses);
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

    /// Samples until enough groups are kept, or the cap is reached.
    fn sample(&mut self, updates: usize) -> Result<Sampled> {
        let config = self.job.config;
        let sample = SampleConfig { temperature: config.temperature, ..self.job.sample.clone() };
        let draw = Draw { task: self.job.task, tokenizer: self.job.tokenizer, config: &sample, samples: config.plan.samples, marks: &self.marks };
        let seeds = self.seeds.child("sample").index(self.position.step as u64);
        let order = self.seeds.child("problems");
        self.sampler.refresh(self.learner.weights(), updates)?;
        let version = self.sampler.version();
        let mut refill = Refill::new(config.plan.prompts, config.plan.prompts * config.refill);
        let mut sampled = Sampled { groups: Vec::new(), rewards: Vec::new(), kept: Vec::new() };
        while let Next::Sample(count) = refill.next() {
            let chosen = self.position.curriculum.take(&config.curriculum, &order, count);
            let first = sampled.groups.len();
            let groups = draw.groups(self.job.pool, &chosen, self.sampler.decoder(), version, &seeds, first);
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
        sampled.kept.truncate(config.plan.prompts);
        if needs_step_values(&self.objective) {
            // Only what is trained on is worth sampling on from.
            let mut kept: Vec<EpisodeGroup> = sampled.kept.iter().map(|&index| sampled.groups[index].clone()).collect();
            let vine = config.vine.unwrap_or_default();
            let seeds = self.seeds.child("vine").index(self.position.step as u64);
            let tokens = vine::sample_values(vine, &draw, self.job.pool, &config.reward, &mut kept, self.sampler.decoder(), &seeds);
            self.position.sampled_tokens += tokens;
            for (&index, group) in sampled.kept.iter().zip(kept) {
                sampled.groups[index] = group;
            }
        }
        Ok(sampled)
    }

    fn rewards(&self, group: &EpisodeGroup) -> Vec<f64> {
        let config = self.job.config;
        let gamma = group.effort.zip(config.effort.as_ref()).map(|(level, dial)| dial.gammas[level]);
        group.episodes.iter().map(|episode| config.reward.score(&Evidence { gamma, ..episode.evidence() })).collect()
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
        state.save(self.job.folder, &self.identity)
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

    /// Publishes the samples of a step: one group a line, with its rewards.
    fn keep_samples(&self, sampled: &Sampled) -> Result<()> {
        let path = self.job.folder.join(format!("rollouts-{:08}.jsonl", self.position.step));
        let mut file = AtomicFile::create(&path)?;
        for (index, (group, rewards)) in sampled.groups.iter().zip(&sampled.rewards).enumerate() {
            let line = serde_json::json!({ "problem": self.job.pool[group.problem].json, "is_kept": sampled.kept.contains(&index), "rewards": rewards, "group": group });
            writeln!(file, "{line}").map_err(Error::io("cannot write", &path))?;
        }
        file.commit()
    }
}
