//! The training loop that burn-train runs: its learner, its metrics and renderer, our checkpoints.
//!
//! burn-train's own loop saves model, optimizer and schedule in three files at the end of an epoch and resumes at an epoch; a process that
//! dies between the files leaves a mixture, and one that dies within an epoch repeats the data in another order. This loop is therefore
//! given to burn-train as a custom strategy: it steps the same [`Learner`] and feeds the same event processor, and saves whole states
//! at steps.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use burn::{backend::Autodiff, data::dataloader::Progress, module::AutodiffModule, tensor::Tensor};
use burn_train::{
    EventProcessorTraining, InferenceStep, Learner, LearnerEvent, LearningComponentsMarker, SupervisedLearningStrategy, SupervisedTrainingEventProcessor,
    TrainLoader, TrainingComponents, TrainingItem, ValidLoader,
};
use crossbeam::channel::Sender;

use super::{
    TrainConfig, Watch,
    metrics::{Line, MetricsFile},
    optimizer::{AdamW, gradient_norm},
    replicas::Replicas,
    schedule::Clock,
    solving::{Event, ask},
    state::{Identity, Position, TrainState},
    step::Measured,
};
use crate::{
    checkpoint::series::Series,
    data::Batch,
    error::{Error, Result},
    kernels::Kernels,
    model::{Decoder, Weights},
};

/// What burn-train calls the components of a learner.
pub(super) type Components<B> = LearningComponentsMarker<Autodiff<B>, Clock, Decoder<Autodiff<B>>, AdamW<B>>;

/// Name of the file of the best weights by what patience looks at.
pub(super) const BEST: &str = "best.safetensors";

/// The loop; what it ended with is read from `outcome` afterwards, as burn-train has no place for an error.
pub(super) struct ExactResume<B: Kernels> {
    /// The folder of the training.
    pub folder: PathBuf,
    /// Kept in every checkpoint.
    pub identity: Identity,
    /// The checkpoints of the folder.
    pub series: Series,
    /// Where the parts of a step are worked on; the learner and its optimizer are on the first.
    pub devices: Vec<B::Device>,
    /// The optimizer of the learner, for its state.
    pub optimizer: AdamW<B>,
    /// Number of steps of the whole training.
    pub steps: usize,
    /// Where the training stands.
    pub position: Position,
    /// The moving average, where there is one.
    pub average: Option<Decoder<B>>,
    /// The thread that called for the training.
    pub caller: Sender<Event>,
    /// Set when the loop ends.
    pub outcome: Arc<Mutex<Option<Result<Weights>>>>,
}

/// A training under way.
struct Run<'a, B: Kernels> {
    fixed: &'a ExactResume<B>,
    series: Series,
    position: Position,
    average: Option<Decoder<B>>,
    metrics: MetricsFile,
    learner: Learner<Components<B>>,
    replicas: Replicas<B>,
    processor: SupervisedTrainingEventProcessor<Components<B>>,
}

impl<B: Kernels> SupervisedLearningStrategy<Components<B>> for ExactResume<B> {
    fn fit(
        &self,
        components: TrainingComponents<Components<B>>,
        learner: Learner<Components<B>>,
        train: TrainLoader<Components<B>>,
        valid: ValidLoader<Components<B>>,
        _starting_epoch: usize,
    ) -> (Decoder<Autodiff<B>>, SupervisedTrainingEventProcessor<Components<B>>) {
        let model = learner.model();
        let finish = |outcome| *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        let metrics = match MetricsFile::resume(&self.folder.join("metrics.jsonl"), self.position.step) {
            Ok(metrics) => metrics,
            Err(error) => {
                finish(Err(error));
                return (model, components.event_processor);
            }
        };
        let mut run = Run {
            fixed: self,
            series: self.series.clone(),
            position: self.position.clone(),
            average: self.average.clone(),
            metrics,
            learner,
            replicas: Replicas::new(&self.devices, B::link()),
            processor: components.event_processor,
        };
        finish(run.train(&train, &valid));
        (run.learner.model(), run.processor)
    }
}

impl<B: Kernels> Run<'_, B> {
    fn train(&mut self, train: &TrainLoader<Components<B>>, valid: &ValidLoader<Components<B>>) -> Result<Weights> {
        let config = &self.fixed.identity.train;
        if self.position.step == 0 {
            self.save()?;
        }
        let mut batches = train.iter();
        while let Some(parts) = next_step(batches.as_mut()) {
            let model = self.learner.model();
            let (grads, mut measured) = self.replicas.pass(&model, parts);
            measured.gradient_norm = gradient_norm::<B, _, _>(&model, &grads);
            drop(model);
            self.check_finite(&measured)?;
            self.fixed.optimizer.set_gradient_scale(clip(config, measured.gradient_norm));
            self.learner.lr_step();
            self.learner.optimizer_step(grads);
            self.fixed.optimizer.recycle();
            self.position.step += 1;
            self.position.tokens += measured.tokens as u64;
            self.update_average();
            self.report(measured)?;
            let is_last = self.position.step == self.fixed.steps;
            let is_due = |steps: usize, step: usize| is_last || step.is_multiple_of(steps);
            let mut is_stopped = is_due(config.validation_steps, self.position.step) && self.validate(valid)?;
            is_stopped |= config.solve_problems > 0 && is_due(config.solve_steps, self.position.step) && self.solve()?;
            if is_stopped {
                break;
            }
            if !is_last && self.position.step.is_multiple_of(config.checkpoint_steps) {
                self.save()?;
            }
        }
        B::trim();
        let weights = self.result()?;
        weights.save(&self.fixed.folder.join(super::fit::WEIGHTS))?;
        self.position.is_finished = true;
        self.save()?;
        Ok(weights)
    }

    /// The weights that the training gives; none where it has diverged in its last step, whatever was best before.
    fn result(&self) -> Result<Weights> {
        let current = self.current()?;
        if self.fixed.identity.train.patience.is_some() && self.position.best_loss != f64::INFINITY.to_bits() {
            return Weights::load(&self.fixed.folder.join(BEST));
        }
        Ok(current)
    }

    /// The moving average, or the weights where there is none.
    fn current(&self) -> Result<Weights> {
        let weights = match &self.average {
            Some(average) => average.to_weights(),
            None => self.learner.model().to_weights(),
        };
        self.finite(weights)
    }

    /// The weights, where the last step has left them finite: its loss and gradients were those from before it.
    fn finite(&self, weights: Weights) -> Result<Weights> {
        match weights.check_finite() {
            Ok(()) => Ok(weights),
            Err(reason) => Err(self.stopped(self.position.step, &reason)),
        }
    }

    fn check_finite(&self, measured: &Measured) -> Result<()> {
        if measured.loss.is_finite() && measured.gradient_norm.is_finite() {
            return Ok(());
        }
        Err(self.stopped(self.position.step + 1, &format!("loss {}, gradient norm {}", measured.loss, measured.gradient_norm)))
    }

    fn stopped(&self, step: usize, reason: &str) -> Error {
        Error::Stopped(format!("training stopped at step {step}: {reason}; the last checkpoint in {} stands", self.fixed.folder.display()))
    }

    /// Tells burn-train's metrics and the metrics file of a step.
    fn report(&mut self, measured: Measured) -> Result<()> {
        let Position { step, tokens, .. } = self.position;
        let lr = self.learner.lr_current();
        self.metrics.append(&Line::Step { step, tokens, loss: measured.loss, lr, grad_norm: measured.gradient_norm })?;
        self.processor.process_train(LearnerEvent::ProcessedItem(self.item(measured)));
        Ok(())
    }

    fn item(&self, measured: Measured) -> TrainingItem<Measured> {
        let Position { step, .. } = self.position;
        let progress = Progress::new(step, self.fixed.steps);
        TrainingItem::new(measured, progress.clone(), progress, Some(step), Some(self.learner.lr_current()))
    }

    fn update_average(&mut self) {
        let (Some(decay), Some(average)) = (self.fixed.identity.train.ema_decay, self.average.take()) else {
            return;
        };
        self.average = Some(blend(average, &self.learner.model().valid(), decay));
    }

    /// Measures the validation loss, where there are validation examples; says whether it has not fallen for too long.
    fn validate(&mut self, valid: &ValidLoader<Components<B>>) -> Result<bool> {
        if valid.num_items() == 0 {
            return Ok(false);
        }
        let model = self.average.clone().unwrap_or_else(|| self.learner.model().valid());
        let (mut loss, mut labels) = (0.0, 0);
        for batch in valid.iter() {
            // The loader weighs the labels of a step to a sum of 1; the mean over steps weighs each step by its labels.
            let of_batch = batch.labels;
            loss += model.step(batch).loss * of_batch as f64;
            labels += of_batch;
        }
        let loss = loss / labels as f64;
        let step = self.position.step;
        if !loss.is_finite() {
            return Err(self.stopped(step, &format!("validation loss {loss}")));
        }
        self.metrics.append(&Line::Validation { step, validation_loss: loss })?;
        let item = self.item(Measured { loss, ..Measured::default() });
        self.processor.process_valid(LearnerEvent::ProcessedItem(item));
        self.watch(Watch::ValidationLoss, loss)
    }

    /// Measures the solve rate; says whether it has not risen for too long.
    fn solve(&mut self) -> Result<bool> {
        B::trim();
        let counted = ask(&self.fixed.caller, self.current()?)?;
        self.metrics.append(&Line::Solve { step: self.position.step, solve_rate: counted.solve_rate(), valid_rate: counted.valid_rate() })?;
        self.watch(Watch::SolveRate, 1.0 - counted.solve_rate())
    }

    /// Takes a new value of something, the lower the better; keeps the weights where it is the best of what patience looks at, and says whether
    /// patience is over.
    fn watch(&mut self, what: Watch, value: f64) -> Result<bool> {
        let config = &self.fixed.identity.train;
        let Some(patience) = config.patience.filter(|_| config.watch == what) else {
            return Ok(false);
        };
        if value < f64::from_bits(self.position.best_loss) {
            self.position.best_loss = value.to_bits();
            self.position.without_improvement = 0;
            self.current()?.save(&self.fixed.folder.join(BEST))?;
        } else {
            self.position.without_improvement += 1;
        }
        Ok(self.position.without_improvement >= patience)
    }

    fn save(&mut self) -> Result<()> {
        B::trim();
        self.metrics.sync()?;
        let state = TrainState {
            position: self.position.clone(),
            weights: self.finite(self.learner.model().to_weights())?,
            moments: self.fixed.optimizer.moments(),
            average: self.average.as_ref().map(Decoder::to_weights),
        };
        state.save(&mut self.series, &self.fixed.identity)
    }
}

/// The batches up to the next that completes a step; `None` where there are no more.
fn next_step<I: Iterator<Item = Batch> + ?Sized>(batches: &mut I) -> Option<Vec<Batch>> {
    let mut parts = vec![batches.next()?];
    while !parts[parts.len() - 1].completes_step {
        parts.push(batches.next()?);
    }
    Some(parts)
}

/// The factor that brings a gradient of this norm within the limit.
fn clip(config: &TrainConfig, norm: f64) -> f32 {
    match config.clip_norm {
        Some(limit) if norm > f64::from(limit) => (f64::from(limit) / norm) as f32,
        _ => 1.0,
    }
}

/// `decay` of the average and the rest of the model.
fn blend<B: Kernels>(average: Decoder<B>, model: &Decoder<B>, decay: f32) -> Decoder<B> {
    use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
    struct Values<B: Kernels>(Vec<Tensor<B, 1>>);
    impl<B: Kernels> ModuleVisitor<B> for Values<B> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let length = param.shape().num_elements();
            self.0.push(param.val().reshape([length]));
        }
    }
    struct Blend<B: Kernels>(std::vec::IntoIter<Tensor<B, 1>>, f32);
    impl<B: Kernels> ModuleMapper<B> for Blend<B> {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, tensor, mapper) = param.consume();
            let new = self.0.next().expect("both are decoders of one shape").reshape(tensor.shape());
            let blended = tensor.mul_scalar(self.1) + new.mul_scalar(1.0 - self.1);
            Param::from_mapped_value(id, blended, mapper)
        }
    }
    let mut values = Values(Vec::new());
    model.visit(&mut values);
    average.map(&mut Blend(values.0.into_iter(), decay))
}
