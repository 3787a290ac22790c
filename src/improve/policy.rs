//! Policy gradients from verified samples: one loop for every objective that reads rollouts, of one attempt or of several.
//!
//! A step: prompts by the [`Curriculum`], responses by the [`Mode`]'s sampler, verdicts, rewards, groups that the filter keeps (refilled to a
//! cap), replayed groups, advantages, mini-batches. After a kill at any point a run goes on from its last checkpoint and ends with the same
//! bytes on a CPU: every draw comes from a stream that the step's number decides.

mod attempts;
mod branches;
mod collect;
mod config;
mod curriculum;
mod episode;
mod learned;
mod needs;
mod reference;
mod replay;
mod report;
mod run;
mod sampler;
mod state;
mod step;
mod vine;

use std::{collections::VecDeque, fs, path::Path};

use metacot_envs::SeedTree;
use metacot_objectives::Objective;
use metacot_traces::task::{Problem, Task};

use super::pool;
use crate::{
    checkpoint::series::Series,
    device::{DeviceChoice, DeviceTask},
    error::{Error, Result},
    improve::mark_ids,
    kernels::Kernels,
    metrics::MetricsLog,
    model::Weights,
    sample::{DecoderConfig, SampleConfig},
    tokenizer::Tokenizer,
    train::{ActorState, Learner as _, PolicyTrainer},
};

pub use config::PolicyConfig;
pub use curriculum::{Curriculum, CurriculumConfig};
pub use episode::{Episode, EpisodeGroup};
pub use replay::ReplayConfig;
pub use report::StepReport;
pub use sampler::Mode;
pub use vine::VineConfig;

use needs::needs_values;
use replay::Replay;
use run::Run;
use sampler::Sampler;
use state::{Identity, Position, RunState};

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
    /// Folder of checkpoints, metrics, samples and the final weights; made where missing, resumed from where not. No other process may write there.
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
            Mode::Shared { tape_mib } => {
                let gives = self.config.objective().is_ok_and(|objective| self.config.goes_on_from_tape(&objective, self.device));
                let back =
                    if gives { format!(", and the trainer goes on from what the sampler computed, as far as {tape_mib} MiB hold it") } else { String::new() };
                format!("the sampler takes the trainer's weights in memory{back}")
            }
            Mode::Copy => "the sampler reads a copy of the weights, written to a file at every step".to_owned(),
            Mode::Async { lag } => format!("the sampler reads the weights of {lag} steps before"),
        };
        let most = match refill {
            1 => String::new(),
            _ => format!("; at most {} prompts are sampled in a step to fill it", plan.prompts.saturating_mul(*refill)),
        };
        let stale = self.config.without_ratio().map(|words| format!("; {words}")).unwrap_or_default();
        format!(
            "{}: {plan}{most}{stale}; {steps} steps make {} responses and {} optimizer steps on a pool of {} problems; {sampler}",
            objective.name,
            steps.saturating_mul(plan.responses()),
            steps.saturating_mul(plan.updates()),
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
    if job.config.attempts.is_some_and(|attempts| attempts.feedback.phrases().iter().any(|phrase| job.tokenizer.id(phrase).is_none())) {
        return Err(Error::Usage(
            "attempts is not allowed with this vocabulary: it has no marks between them; a recipe whose stage has `attempts` makes them".into(),
        ));
    }
    job.device.check()?;
    fs::create_dir_all(job.folder).map_err(Error::io("cannot create", job.folder))?;
    let identity = Identity {
        config: toml::to_string(job.config).map_err(|error| Error::Usage(format!("settings: {error}")))?,
        model: job.initial.config.clone(),
        pool: pool::digest(job.pool),
        initial: job.initial.digest(),
        max_new_tokens: job.sample.max_new_tokens,
    };
    let objective = job.config.objective().map_err(Error::Usage)?;
    let seeds = SeedTree::root(job.config.seed).child("policy").child("lora");
    let fresh = ActorState::start(job.initial.clone(), needs_values(&objective)).with_lora(job.config.trainer.lora.as_ref(), &seeds);
    let (series, state) = RunState::load(job.folder, &identity, &fresh)?;
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
    job.device.run(Launch { job, identity, series, state, objective, is_new, progress })?
}

/// The run on the backend of its device.
struct Launch<'a> {
    job: &'a PolicyJob<'a>,
    identity: Identity,
    series: Series,
    state: RunState,
    objective: Objective,
    is_new: bool,
    progress: &'a mut dyn FnMut(StepReport),
}

impl DeviceTask for Launch<'_> {
    type Output = Result<Weights>;

    fn run<B: Kernels>(self, device: B::Device) -> Result<Weights> {
        let Self { job, identity, series, state, objective, is_new, progress } = self;
        let RunState { position, actor, reference, history } = state;
        let mut learner = PolicyTrainer::<B>::new(job.config.trainer.clone(), actor, &device).at_temperature(job.config.temperature);
        let has_reference = job.config.reads_reference();
        if has_reference {
            learner.set_reference(Some(reference.as_ref().unwrap_or(job.initial)));
        }
        let decoder = DecoderConfig { threads: job.threads, ..DecoderConfig::default() };
        let sampler = Sampler::new(job.config.mode, decoder, history, job.folder.to_path_buf());
        let metrics = MetricsLog::resume(job.folder, position.step as u64)?;
        let seeds = SeedTree::root(job.config.seed).child("policy");
        let marks = job.config.effort.as_ref().and_then(|dial| mark_ids(dial, job.tokenizer)).unwrap_or_default();
        let mut run = Run { job, identity, series, position, objective, has_reference, reference, sampler, metrics, seeds, marks, learner: &mut learner };
        run.all(is_new, progress)
    }
}
