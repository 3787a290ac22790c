//! The entry to training: checks, resumes, runs burn-train and hands back the weights.

use std::{
    fs,
    panic::resume_unwind,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use burn::backend::Autodiff;
use burn_train::{
    Learner, SupervisedTraining, TrainingStrategy,
    logger::InMemoryMetricLogger,
    metric::{LearningRateMetric, LossMetric},
};
use crossbeam::channel::{Sender, bounded};
use metacot_envs::SeedTree;

use super::{
    Progress, TrainConfig, Watch,
    optimizer::AdamW,
    progress::Renderer,
    schedule::Clock,
    solving::{Event, SolveCount, Solver},
    state::{Identity, Position, TrainState},
    step::GaugeMetric,
    strategy::{Components, ExactResume},
};
use crate::{
    checkpoint::series::Series,
    data::{DataPlan, Example, Loader},
    device::{Cpu, Devices, DevicesTask},
    error::{Error, Result},
    kernels::{Keep, Kernels},
    model::{Decoder, ModelConfig, Weights},
};

/// Name of the file of the weights that a finished training gave.
pub(super) const WEIGHTS: &str = "weights.safetensors";

/// A training to do.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The settings.
    pub config: &'a TrainConfig,
    /// The shape of the model.
    pub model: &'a ModelConfig,
    /// The weights to start from; `None` means fresh ones from `config.seed`.
    pub initial: Option<&'a Weights>,
    /// What is learned.
    pub examples: &'a [Example],
    /// What the validation loss is measured on; may be empty.
    pub validation: &'a [Example],
    /// Folder of checkpoints, metrics and the final weights; made where missing, resumed from where not. No other process may write there.
    pub folder: &'a Path,
    /// Where the tensors live; several devices share the rows of every step, as [`TrainConfig::part_rows`] says.
    pub devices: &'a Devices,
    /// Who measures the solve rate; asked where `config.solve_problems` is above 0.
    pub solver: Option<&'a dyn Solver>,
}

/// Trains a model, or goes on where a training in the folder stopped, or gives its weights at once where it is finished.
///
/// `progress` is called after every step, on the calling thread. On a CPU the result is the same, bit for bit, however often the process was
/// killed on the way; and the same as on one device with batches of [`TrainConfig::part_rows`] rows.
///
/// # Errors
/// [`Error::Usage`] for settings or examples that cannot be; [`Error::Device`] where the device is missing; [`Error::Data`] where the folder
/// holds another training; [`Error::Io`] where it cannot be read or written; [`Error::Stopped`] on a loss or weights
/// that are not finite numbers: the last checkpoint then stands.
pub fn fit(job: &Job<'_>, progress: &mut dyn FnMut(Progress)) -> Result<Weights> {
    check(job)?;
    job.devices.check()?;
    fs::create_dir_all(job.folder).map_err(Error::io("cannot create", job.folder))?;
    let seeds = SeedTree::root(job.config.seed).child("train");
    let initial = job.initial.cloned().unwrap_or_else(|| Weights::init(job.model, &seeds.child("init")));
    let part_rows = job.config.part_rows(job.devices.count());
    let identity = Identity {
        train: job.config.clone(),
        model: job.model.clone(),
        examples: digest(job.examples),
        validation: digest(job.validation),
        initial: initial.digest(),
        part_rows: Some(part_rows).filter(|rows| *rows != job.config.rows),
        problems: solver(job).map(Solver::digest).unwrap_or_default(),
    };
    let (series, state) = TrainState::load(job.folder, &identity)?;
    if state.as_ref().is_some_and(|state| state.position.is_finished) {
        return Weights::load(&job.folder.join(WEIGHTS));
    }
    let state = state.unwrap_or_else(|| TrainState {
        position: Position::start(),
        average: job.config.ema_decay.map(|_| initial.clone()),
        weights: initial,
        moments: Vec::new(),
    });
    let (sender, receiver) = bounded(1);
    let plan = Plan { config: job.config, model: job.model, examples: job.examples, validation: job.validation, folder: job.folder, part_rows };
    let launch = Launch { plan, identity, series, state, seeds: seeds.child("data"), sender };
    let (devices, solver, mut solve_rate) = (job.devices, solver(job), None);
    thread::scope(|scope| {
        // burn-train owns what it runs, so the callback and the solver stay here and hear of steps through a channel.
        let training = scope.spawn(move || devices.run(launch));
        for event in receiver {
            match event {
                Event::Step(step) => progress(Progress { solve_rate, ..step }),
                Event::Solve(weights, reply) => {
                    let counted = solver.map_or_else(|| Ok(SolveCount::default()), |solver| solver.solve(&weights));
                    solve_rate = counted.as_ref().ok().map(SolveCount::solve_rate);
                    // A training that no longer listens has failed, and says so below.
                    let _ = reply.send(counted);
                }
            }
        }
        training.join().unwrap_or_else(|panic| resume_unwind(panic)).and_then(|outcome| outcome)
    })
}

/// Who is to be asked for the solve rate.
fn solver<'a>(job: &Job<'a>) -> Option<&'a dyn Solver> {
    job.solver.filter(|_| job.config.solve_problems > 0)
}

/// Checks settings and examples before any work.
fn check(job: &Job<'_>) -> Result<()> {
    job.model.validate().and(job.config.validate()).and(job.config.check_devices(job.devices.count())).map_err(Error::Usage)?;
    if job.config.solve_problems > 0 && job.solver.is_none() {
        return Err(Error::Usage(format!("train.solve_problems = {} is not allowed here; expected 0: there are no problems", job.config.solve_problems)));
    }
    if job.config.patience.is_some() && job.config.watch == Watch::ValidationLoss && job.validation.is_empty() {
        return Err(Error::Usage(
            "train.patience is not allowed without validation examples, which train.watch = \"validation_loss\" looks at; expected at least 1 that fits the context"
                .to_owned(),
        ));
    }
    if let Some(initial) = job.initial
        && initial.config != *job.model
    {
        return Err(Error::Usage("the initial weights are of another model configuration; expected that of the training".to_owned()));
    }
    let row_tokens = job.config.row_tokens.unwrap_or(job.model.context);
    let longest = row_tokens.min(job.model.context);
    if job.examples.is_empty() {
        return Err(Error::Usage("there are no training examples; expected at least 1".to_owned()));
    }
    for (index, example) in job.examples.iter().chain(job.validation).enumerate() {
        if example.response_start == 0 || example.response_start >= example.ids.len() {
            let (start, len) = (example.response_start, example.ids.len());
            return Err(Error::Usage(format!("example {index} has response_start {start}; expected 1 to {} for {len} ids", len.max(1) - 1)));
        }
        if example.positions() > longest {
            let len = example.ids.len();
            return Err(Error::Usage(format!("example {index} has {len} ids; expected at most {}, the context and one label", longest + 1)));
        }
        if let Some(id) = example.ids.iter().find(|&&id| id as usize >= job.model.vocab_size) {
            return Err(Error::Usage(format!("example {index} has id {id}; expected ids below {}", job.model.vocab_size)));
        }
    }
    Ok(())
}

/// Digest of examples and their order.
fn digest(examples: &[Example]) -> String {
    let mut hasher = blake3::Hasher::new();
    for example in examples {
        hasher.update(&(example.ids.len() as u64).to_le_bytes());
        hasher.update(&(example.response_start as u64).to_le_bytes());
        let bytes: Vec<u8> = example.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    hasher.finalize().to_hex().to_string()
}

/// What the loop needs of a job.
#[derive(Clone, Copy)]
struct Plan<'a> {
    config: &'a TrainConfig,
    model: &'a ModelConfig,
    examples: &'a [Example],
    validation: &'a [Example],
    folder: &'a Path,
    part_rows: usize,
}

/// The training on the backend of its devices.
struct Launch<'a> {
    plan: Plan<'a>,
    identity: Identity,
    series: Series,
    state: TrainState,
    seeds: SeedTree,
    sender: Sender<Event>,
}

impl DevicesTask for Launch<'_> {
    type Output = Result<Weights>;

    fn run<B: Kernels>(self, devices: &[B::Device]) -> Result<Weights> {
        let device = &devices[0];
        let Plan { config, model: shape, examples, validation, folder, part_rows } = self.plan;
        let TrainState { position, weights, moments, average } = self.state;
        let plan = |seeds, epochs, rows, step_rows| DataPlan {
            seeds,
            epochs,
            max_steps: config.max_steps,
            row_tokens: config.row_tokens.unwrap_or(shape.context),
            rows,
            step_rows,
        };
        let plan_train = plan(Some(self.seeds.clone()), config.epochs, part_rows, config.rows * config.accumulation);
        let train = Loader::new(Arc::new(examples.to_vec()), plan_train);
        let plan_valid = DataPlan { max_steps: None, ..plan(None, 1, part_rows, part_rows) };
        let valid = Loader::new(Arc::new(validation.to_vec()), plan_valid);
        let steps = train.num_steps();
        let schedule = Clock { schedule: config.schedule, highest: f64::from(config.learning_rate), step: position.step, steps };
        let optimizer = AdamW::<B>::new(config.adam(), position.step, moments, device);
        let mut model = Decoder::<Autodiff<B>>::from_weights(&weights, device);
        drop(weights);
        model.keep = if config.gradient_checkpointing { Keep::Input } else { Keep::Activations };
        model.precision = config.precision;
        let learner = Learner::<Components<B>>::new(model, optimizer.clone(), schedule);
        let outcome = Arc::new(Mutex::new(None));
        let strategy = ExactResume {
            folder: folder.to_path_buf(),
            identity: self.identity,
            series: self.series,
            devices: devices.to_vec(),
            optimizer,
            steps,
            average: average.map(|weights| Decoder::from_weights(&weights, device)),
            outcome: Arc::clone(&outcome),
            position: position.clone(),
            caller: self.sender.clone(),
        };
        SupervisedTraining::<Components<B>>::new(folder, Arc::new(train.of_steps(position.step..steps)), Arc::new(valid))
            .with_application_logger(None)
            .with_metric_logger(InMemoryMetricLogger::new())
            .metrics((LossMetric::<Cpu>::new(), GaugeMetric::gradient_norm(), GaugeMetric::tokens()))
            .metric_train_numeric(LearningRateMetric::new())
            .renderer(Renderer::new(self.sender))
            .with_training_strategy(TrainingStrategy::Custom(Arc::new(strategy)))
            .launch(learner);
        let outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcome.unwrap_or_else(|| Err(Error::Stopped("the training ended without a result".to_owned())))
    }
}
