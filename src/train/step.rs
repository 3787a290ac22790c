//! One forward and backward pass of the decoder, and what burn-train's metrics see of a step.

use burn::{
    backend::Autodiff,
    tensor::{Tensor, TensorData, backend::AutodiffBackend},
};
use burn_train::{
    InferenceStep, ItemLazy, TrainOutput, TrainStep,
    metric::{Adaptor, LossInput, Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes, NumericEntry, SerializedEntry},
};

use super::progress::names;
use crate::{
    data::Batch,
    device::Cpu,
    kernels::{Kernels, Ops},
    model::Decoder,
};

/// The numbers of a pass, or of all the passes of a step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measured {
    /// The weighted sum of the negative log-likelihoods, in nats; over a whole step the mean of its labels.
    pub loss: f64,
    /// Number of positions that hold a document.
    pub tokens: usize,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
}

impl ItemLazy for Measured {
    type ItemSync = Self;

    fn sync(self) -> Self {
        self
    }
}

impl Adaptor<LossInput<Cpu>> for Measured {
    fn adapt(&self) -> LossInput<Cpu> {
        LossInput::new(Tensor::from_data(TensorData::from([self.loss as f32]), &Default::default()))
    }
}

impl Adaptor<Gauge> for Measured {
    fn adapt(&self) -> Gauge {
        Gauge { gradient_norm: self.gradient_norm, tokens: self.tokens }
    }
}

/// The weighted loss of a batch.
fn loss<B: Ops>(model: &Decoder<B>, batch: &Batch) -> Tensor<B, 1> {
    let device = model.embedding.val().device();
    let n = batch.targets.len();
    let targets = Tensor::from_data(TensorData::new(batch.targets.clone(), [n]), &device);
    let weights = Tensor::from_data(TensorData::new(batch.weights.clone(), [n]), &device);
    B::cross_entropy(model.forward(&batch.input), targets, weights)
}

fn number<B: burn::tensor::backend::Backend>(loss: Tensor<B, 1>) -> f64 {
    loss.into_data().iter::<f64>().next().unwrap_or(f64::NAN)
}

impl<B: Kernels> TrainStep for Decoder<Autodiff<B>> {
    type Input = Batch;
    type Output = Measured;

    fn step(&self, batch: Batch) -> TrainOutput<Measured> {
        let loss = loss(self, &batch);
        let measured = Measured { loss: number(loss.clone().inner()), tokens: batch.tokens, gradient_norm: 0.0 };
        TrainOutput::new(self, <Autodiff<B> as AutodiffBackend>::backward(loss.into_primitive().tensor()), measured)
    }
}

impl<B: Kernels> InferenceStep for Decoder<B> {
    type Input = Batch;
    type Output = Measured;

    fn step(&self, batch: Batch) -> Measured {
        Measured { loss: number(loss(self, &batch)), tokens: batch.tokens, gradient_norm: 0.0 }
    }
}

/// What the two metrics below read.
pub(super) struct Gauge {
    gradient_norm: f64,
    tokens: usize,
}

/// A number of a step as a burn-train metric.
#[derive(Clone)]
pub(super) struct GaugeMetric {
    name: &'static str,
    read: fn(&Gauge) -> f64,
    value: f64,
}

impl GaugeMetric {
    /// Norm of the gradient before clipping.
    pub fn gradient_norm() -> Self {
        Self { name: names::GRADIENT_NORM, read: |gauge| gauge.gradient_norm, value: 0.0 }
    }

    /// Positions of a step that hold a document.
    pub fn tokens() -> Self {
        Self { name: names::TOKENS, read: |gauge| gauge.tokens as f64, value: 0.0 }
    }
}

impl Metric for GaugeMetric {
    type Input = Gauge;

    fn name(&self) -> MetricName {
        self.name.to_owned().into()
    }

    fn attributes(&self) -> MetricAttributes {
        NumericAttributes { unit: None, higher_is_better: false }.into()
    }

    fn update(&mut self, gauge: &Gauge, _metadata: &MetricMetadata) -> SerializedEntry {
        self.value = (self.read)(gauge);
        SerializedEntry::new(format!("{:.3}", self.value), self.value.to_string())
    }

    fn clear(&mut self) {}
}

impl Numeric for GaugeMetric {
    fn value(&self) -> NumericEntry {
        NumericEntry::Value(self.value)
    }

    fn running_value(&self) -> NumericEntry {
        NumericEntry::Value(self.value)
    }
}
