//! Evolution strategies (1703.03864; on language models 2509.24372): weights move towards perturbed copies of themselves that earned more. Forward passes
//! only: no gradient is ever taken, so every step costs two rounds of sampling per perturbation and nothing else.
//!
//! Both sides of a pair answer the same prompts with the same streams, so that what differs between them is the perturbation. After a kill a run goes
//! on from its last checkpoint and ends with the same bytes.

use std::{fs, path::Path};

use metacot_envs::SeedTree;
use metacot_objectives::{
    Reward,
    evolution::{Evolution, Sign},
};
use metacot_traces::task::{Problem, Task};
use serde::{Deserialize, Serialize};

use super::{evidence, pool};
use crate::{
    checkpoint::{Archive, Header, series::Series},
    error::{Error, Result},
    grade::{Rollout, rollouts},
    metrics::{MetricsLog, Row},
    model::Weights,
    sample::{CpuDecoder, SampleConfig},
    tokenizer::Tokenizer,
};

/// Name of the file of the weights that a finished run gave.
const WEIGHTS: &str = "weights.safetensors";

/// Settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvolutionConfig {
    /// Steps.
    pub steps: usize,
    /// Sampled tokens after which the run ends with the step that reaches them; `None` runs all steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Distinct training problems that prompts are taken from.
    pub pool: u64,
    /// Prompts of a step, the same for all its perturbations.
    pub prompts: usize,
    /// Responses to each.
    pub samples: usize,
    /// Softmax temperature of the sampling; 0 is greedy, as strategies on language models sample.
    pub temperature: f32,
    /// How far the weights move along the estimated gradient.
    pub learning_rate: f64,
    /// What a response is worth.
    pub reward: Reward,
    /// Size and number of the perturbations.
    pub strategy: Evolution,
    /// Steps between checkpoints; there is always one at the end.
    pub checkpoint_steps: usize,
    /// Steps in a row in which no copy earns anything, and none differs from another, after which the run stops.
    pub patience: usize,
}

impl Default for EvolutionConfig {
    fn default() -> Self {
        Self {
            steps: 50,
            tokens: None,
            pool: 1000,
            prompts: 32,
            samples: 1,
            temperature: 0.0,
            learning_rate: 1e-4,
            reward: Reward::Outcome(Default::default()),
            strategy: Evolution { sigma: 0.003, pairs: 8, ..Evolution::default() },
            checkpoint_steps: 5,
            patience: 10,
        }
    }
}

impl EvolutionConfig {
    /// The arithmetic of a run in words.
    pub fn plan(&self) -> String {
        let copies = 2 * self.strategy.pairs;
        let responses = copies * self.prompts * self.samples;
        format!("{} steps, each of {copies} perturbed copies with {responses} responses in all; no gradient is taken", self.steps)
    }

    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// The offending field and what it must satisfy, as a lower-case fragment.
    pub fn validate(&self) -> std::result::Result<(), String> {
        let positive = [
            ("steps", self.steps),
            ("pool", self.pool as usize),
            ("prompts", self.prompts),
            ("samples", self.samples),
            ("strategy.pairs", self.strategy.pairs),
            ("checkpoint_steps", self.checkpoint_steps),
            ("patience", self.patience),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("{name} = 0 is not allowed; expected at least 1"));
        }
        self.reward.check().map_err(|error| format!("reward: {error}"))?;
        let above_zero = [("learning_rate", self.learning_rate), ("strategy.sigma", self.strategy.sigma)];
        if let Some((name, value)) = above_zero.iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            return Err(format!("{name} = {value} is not allowed; expected a number above 0"));
        }
        match self.temperature.is_finite() && self.temperature >= 0.0 {
            true => Ok(()),
            false => Err(format!("temperature = {} is not allowed; expected a number of at least 0", self.temperature)),
        }
    }
}

/// A run to do.
#[derive(Clone, Copy)]
pub struct EvolutionJob<'a> {
    /// The settings.
    pub config: &'a EvolutionConfig,
    /// Where it starts.
    pub initial: &'a Weights,
    /// Judges responses.
    pub task: &'a dyn Task,
    /// The vocabulary.
    pub tokenizer: &'a Tokenizer,
    /// The pool of distinct problems; at least one.
    pub pool: &'a [Problem],
    /// How responses are sampled; the temperature is the configuration's.
    pub sample: &'a SampleConfig,
    /// Decides prompts, perturbations and responses.
    pub seeds: &'a SeedTree,
    /// Folder of checkpoints, metrics and the final weights; made where missing, resumed from where not. No other process may write there.
    pub folder: &'a Path,
}

/// Where a run stands, beside its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Position {
    config: String,
    initial: String,
    /// Digest of the pool.
    pool: String,
    step: usize,
    sampled_tokens: u64,
    /// Steps in a row that earned nothing.
    barren: usize,
}

impl Header for Position {
    const FORMAT: &'static str = "metacot-evolution";
    const VERSION: u32 = 2;
}

/// Improves weights, or goes on where a run in the folder stopped, or gives its weights at once where it is finished.
///
/// # Errors
/// [`Error::Usage`] for settings that cannot be; [`Error::Data`] where the folder holds another run; [`Error::Io`] where it cannot be used;
/// [`Error::Stopped`] on weights that are not finite, or after too many steps that earned nothing: the last checkpoint then stands.
pub fn evolve(job: &EvolutionJob<'_>, decoder: &mut CpuDecoder, progress: &mut dyn FnMut(usize, f64)) -> Result<Weights> {
    job.config.validate().map_err(Error::Usage)?;
    if job.pool.is_empty() {
        return Err(Error::Usage("the pool has no problems; expected at least 1".into()));
    }
    let path = job.folder.join(WEIGHTS);
    if path.exists() {
        return Weights::load(&path);
    }
    fs::create_dir_all(job.folder).map_err(Error::io("cannot create", job.folder))?;
    let (mut series, mut position, mut weights) = start(job)?;
    let mut metrics = MetricsLog::resume(job.folder, position.step as u64)?;
    while position.step < job.config.steps && job.config.tokens.is_none_or(|tokens| position.sampled_tokens < tokens) {
        let (moved, rewards, tokens) = step(job, &weights, position.step, decoder)?;
        moved.check_finite().map_err(|reason| stopped(job, position.step + 1, &reason))?;
        position.step += 1;
        weights = moved;
        let is_barren = rewards.iter().all(|reward| *reward <= 0.0 && *reward == rewards[0]);
        position.barren = if is_barren { position.barren + 1 } else { 0 };
        if position.barren >= job.config.patience {
            return Err(stopped(job, position.step, &format!("no copy earned anything in {} steps", position.barren)));
        }
        position.sampled_tokens += tokens;
        let mean = rewards.iter().sum::<f64>() / rewards.len() as f64;
        let best = rewards.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let row = Row::new(position.step as u64, "evolve").with("reward", mean).with("best_reward", best);
        metrics.append(&row.with("sampled_tokens", position.sampled_tokens as f64))?;
        progress(position.step, mean);
        if position.step.is_multiple_of(job.config.checkpoint_steps) {
            metrics.sync()?;
            let archive = Archive { header: position.clone(), tensors: weights.clone().into_named("weights.") };
            series.write(position.step, &archive)?;
        }
    }
    metrics.sync()?;
    weights.save(&path)?;
    Ok(weights)
}

fn stopped(job: &EvolutionJob<'_>, step: usize, reason: &str) -> Error {
    Error::Stopped(format!("stopped at step {step}: {reason}; the last checkpoint in {} stands", job.folder.display()))
}

/// The checkpoints of the folder, and the newest of them or the start.
fn start(job: &EvolutionJob<'_>) -> Result<(Series, Position, Weights)> {
    let config = toml::to_string(job.config).map_err(|error| Error::Usage(format!("settings: {error}")))?;
    let fresh = Position { config, initial: job.initial.digest(), pool: pool::digest(job.pool), step: 0, sampled_tokens: 0, barren: 0 };
    let (series, found) = Series::open::<Position>(job.folder)?;
    let Some((path, mut archive)) = found else { return Ok((series, fresh, job.initial.clone())) };
    let found = &archive.header;
    if (&found.config, &found.initial, &found.pool) != (&fresh.config, &fresh.initial, &fresh.pool) {
        return Err(Error::data(&path, "belongs to a run of other settings, other weights or other problems"));
    }
    let weights = Weights::take(&job.initial.config, &mut archive.tensors, "weights.").map_err(|reason| Error::data(&path, reason))?;
    Ok((series, archive.header, weights))
}

/// One step: the weights after it, the rewards of all perturbed copies, and the tokens that they sampled.
fn step(job: &EvolutionJob<'_>, weights: &Weights, number: usize, decoder: &mut CpuDecoder) -> Result<(Weights, Vec<f64>, u64)> {
    let EvolutionConfig { strategy, prompts, samples, temperature, .. } = job.config;
    let sample = SampleConfig { temperature: *temperature, ..job.sample.clone() };
    let seeds = job.seeds.index(number as u64);
    let asked: Vec<Problem> = (0..*prompts).map(|prompt| job.pool[(number * prompts + prompt) % job.pool.len()].clone()).collect();
    let (mut sides, mut tokens) = ([Vec::new(), Vec::new()], 0);
    for pair in 0..strategy.pairs as u64 {
        for (side, sign) in sides.iter_mut().zip([Sign::Plus, Sign::Minus]) {
            let mut rng = seeds.child("direction").stream(pair);
            let mut tensors = weights.clone().into_tensors();
            tensors.iter_mut().for_each(|tensor| strategy.perturb(tensor, sign, &mut rng));
            decoder.replace(&Weights::from_tensors(&weights.config, tensors));
            let groups = rollouts(job.task, job.tokenizer, decoder, &asked, *samples, &sample, &seeds.child("sample").index(pair));
            let all = groups.iter().flat_map(|group| &group.rollouts);
            tokens += all.clone().map(|rollout| rollout.tokens).sum::<u64>();
            let reward = |rollout: &Rollout| job.config.reward.score(&evidence(rollout, &job.tokenizer.encode(&rollout.response)));
            side.push(all.map(reward).sum::<f64>() / (prompts * samples) as f64);
        }
    }
    let [plus, minus] = &sides;
    let coefficients = strategy.coefficients(plus, minus).map_err(|error| Error::Usage(format!("strategy: {error}")))?;
    let mut tensors = weights.clone().into_tensors();
    for (pair, coefficient) in coefficients.into_iter().enumerate() {
        let mut rng = seeds.child("direction").stream(pair as u64);
        tensors.iter_mut().for_each(|tensor| strategy.accumulate(tensor, job.config.learning_rate * coefficient, &mut rng));
    }
    Ok((Weights::from_tensors(&weights.config, tensors), sides.concat(), tokens))
}
