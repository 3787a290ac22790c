//! What a training tells its caller while it runs: burn-train's renderer at one end of a channel, the caller's callback at the other.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Instant,
};

use burn_train::{
    metric::{MetricDefinition, MetricId},
    renderer::{
        EvaluationName, EvaluationProgress, MetricState, MetricsRenderer, MetricsRendererEvaluation, MetricsRendererTraining, ProgressType, TrainingProgress,
    },
};
use crossbeam::channel::Sender;

use super::solving::Event;

/// Where a training stands after a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Steps done.
    pub step: usize,
    /// Steps of the whole training.
    pub steps: usize,
    /// Mean negative log-likelihood of the labels of the step, in nats.
    pub loss: f64,
    /// Learning rate of the step.
    pub learning_rate: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// The last validation loss, in nats per label.
    pub validation_loss: Option<f64>,
    /// The last share of validation problems that were solved greedily, in [0, 1].
    pub solve_rate: Option<f64>,
    /// Tokens of documents a second, since the training started or resumed.
    pub tokens_per_second: f64,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, steps, loss, learning_rate, gradient_norm, tokens_per_second, .. } = self;
        write!(f, "step {step}/{steps}  loss {loss:.4}  lr {learning_rate:.2e}  grad {gradient_norm:.3}  {tokens_per_second:.0} tok/s")?;
        self.validation_loss.map_or(Ok(()), |loss| write!(f, "  validation {loss:.4}"))?;
        self.solve_rate.map_or(Ok(()), |rate| write!(f, "  solved {:.1} %", 100.0 * rate))
    }
}

/// Names of the metrics that the renderer reads.
pub(super) mod names {
    pub const LOSS: &str = "Loss";
    pub const LEARNING_RATE: &str = "Learning Rate";
    pub const GRADIENT_NORM: &str = "Gradient Norm";
    pub const TOKENS: &str = "Tokens";
}

/// Sends a [`Progress`] per step; burn-train calls it on its own thread.
pub(super) struct Renderer {
    sender: Sender<Event>,
    names: HashMap<MetricId, String>,
    /// The last value of each training metric by name.
    values: BTreeMap<String, f64>,
    validation_loss: Option<f64>,
    tokens: f64,
    started: Instant,
}

impl Renderer {
    pub fn new(sender: Sender<Event>) -> Self {
        Self { sender, names: HashMap::new(), values: BTreeMap::new(), validation_loss: None, tokens: 0.0, started: Instant::now() }
    }

    fn value(&self, name: &str) -> f64 {
        self.values.get(name).copied().unwrap_or(f64::NAN)
    }

    /// Name and value of a numeric metric.
    fn numeric(&self, state: &MetricState) -> Option<(&str, f64)> {
        match state {
            MetricState::Numeric(entry, value) => Some((self.names.get(&entry.metric_id)?, value.current())),
            MetricState::Generic(_) => None,
        }
    }
}

impl MetricsRendererTraining for Renderer {
    fn update_train(&mut self, state: MetricState) {
        if let Some((name, value)) = self.numeric(&state) {
            let name = name.to_owned();
            self.values.insert(name, value);
        }
    }

    fn update_valid(&mut self, state: MetricState) {
        if let Some((names::LOSS, value)) = self.numeric(&state) {
            self.validation_loss = Some(value);
        }
    }

    fn render_train(&mut self, item: TrainingProgress, _indicators: Vec<ProgressType>) {
        self.tokens += self.value(names::TOKENS);
        let progress = Progress {
            step: item.global_progress.items_processed,
            steps: item.global_progress.items_total,
            loss: self.value(names::LOSS),
            learning_rate: self.value(names::LEARNING_RATE),
            gradient_norm: self.value(names::GRADIENT_NORM),
            validation_loss: self.validation_loss,
            // The thread that hears of this knows it.
            solve_rate: None,
            tokens_per_second: self.tokens / self.started.elapsed().as_secs_f64(),
        };
        // A caller that no longer listens does not stop the training.
        let _ = self.sender.send(Event::Step(progress));
    }

    fn render_valid(&mut self, _item: TrainingProgress, _indicators: Vec<ProgressType>) {}
}

impl MetricsRendererEvaluation for Renderer {
    fn update_test(&mut self, _name: EvaluationName, _state: MetricState) {}

    fn render_test(&mut self, _item: EvaluationProgress, _indicators: Vec<ProgressType>) {}
}

impl MetricsRenderer for Renderer {
    fn manual_close(&mut self) {}

    fn register_metric(&mut self, definition: MetricDefinition) {
        self.names.insert(definition.metric_id, definition.name);
    }
}
