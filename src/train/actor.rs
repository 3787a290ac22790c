//! The policy with its critic: the decoder, and where an objective asks for values, one more column on the same trunk.

use burn::{
    module::{Module, Param},
    tensor::{Tensor, TensorData, backend::Backend},
};

use metacot_envs::SeedTree;

use super::lora::{LoraConfig, LoraState};
use crate::{
    kernels::{Ops, TapedRows, WeightLayout},
    model::{Decoder, PackedRows, Weights, floats},
};

/// A decoder and the value head on its trunk.
#[derive(Module, Debug)]
pub struct Actor<B: Backend> {
    /// The policy.
    pub decoder: Decoder<B>,
    /// The value head, `[d, 1]`: a value is its product with the residual stream after the last RMSNorm. Zeros at the start.
    pub value: Option<Param<Tensor<B, 2>>>,
}

/// What an actor says at every position.
pub struct Outputs<B: Backend> {
    /// Logits of the next token, `[rows * time, v]`.
    pub logits: Tensor<B, 2>,
    /// Values, where there is a critic, `[rows * time, 1]`.
    pub values: Option<Tensor<B, 2>>,
    /// The residual stream before the first block, `[rows * time, d]`: where a graph begins.
    pub embedded: Tensor<B, 2>,
}

/// An actor and its optimizer at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct ActorState {
    /// The policy.
    pub weights: Weights,
    /// `[d]` the value head, where there is one.
    pub value: Option<Vec<f32>>,
    /// First and second moment by parameter, the value head last; empty before the first update.
    pub moments: Vec<[Vec<f32>; 2]>,
    /// The factors, where only they are trained; `weights` then holds them merged.
    pub lora: Option<LoraState>,
    /// Optimizer steps done.
    pub updates: usize,
}

impl ActorState {
    /// The start of a training from given weights.
    pub fn start(weights: Weights, has_values: bool) -> Self {
        let value = has_values.then(|| vec![0.0; weights.config.width]);
        Self { weights, value, moments: Vec::new(), lora: None, updates: 0 }
    }

    /// The same with fresh factors on the weights, where a configuration asks for them.
    pub fn with_lora(self, config: Option<&LoraConfig>, seeds: &SeedTree) -> Self {
        let lora = config.map(|config| LoraState::start(config, &self.weights, seeds));
        Self { lora, ..self }
    }
}

impl<B: Ops> Actor<B> {
    /// The actor of a state.
    pub fn new(state: &ActorState, device: &B::Device) -> Self {
        let width = state.weights.config.width;
        let value = state.value.as_ref().map(|value| Param::from_data(TensorData::new(value.clone(), [width, 1]), device));
        Self { decoder: Decoder::from_weights(&state.weights, device), value }
    }

    /// What it says of rows; from what the sampler taped, where it did.
    pub fn forward(&self, input: &PackedRows, taped: Option<&TapedRows>) -> Outputs<B> {
        let (hidden, embedded) = self.decoder.hidden(input, taped);
        let values = self.value.as_ref().map(|value| B::project(hidden.clone(), value.val(), WeightLayout::InOut));
        Outputs { logits: self.decoder.logits(hidden), values, embedded }
    }

    /// The value head as plain numbers.
    pub fn value_head(&self) -> Option<Vec<f32>> {
        self.value.as_ref().map(|value| floats(value.val()))
    }
}
