//! Low-rank adaptation (LoRA, 2106.09685): chosen projections move by `alpha / rank · A B` alone, everything else stays as it was.
//!
//! The module always holds merged weights, so that sampler, export and evaluation know nothing of it. The factors' gradients follow from the
//! gradient by the merged weight, `dA = s G Bᵀ` and `dB = s Aᵀ G`; no graph is changed. `A` starts uniform, `B` at zero.

use burn::{
    backend::Autodiff,
    module::Param,
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};
use metacot_envs::SeedTree;
use rand_chacha::rand_core::Rng as _;
use serde::{Deserialize, Serialize};

use super::actor::Actor;
use crate::{
    kernels::{AdamStep, Kernels, WeightLayout},
    model::{Block, Weights, floats},
};

/// What is adapted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoraConfig {
    /// Columns of `A` and rows of `B`, at least 1.
    pub rank: usize,
    /// The product is scaled by `alpha / rank`.
    pub alpha: f32,
    /// The projections of every block that are adapted; at least one.
    pub projections: Vec<Projection>,
}

impl Default for LoraConfig {
    fn default() -> Self {
        Self { rank: 8, alpha: 16.0, projections: vec![Projection::Qkv, Projection::Output] }
    }
}

/// A matrix of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Projection {
    /// Queries, keys and values.
    Qkv,
    /// The output of attention.
    Output,
    /// Gate and up of the feed-forward layer.
    GateUp,
    /// Down of the feed-forward layer.
    Down,
}

/// The factors at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct LoraState {
    /// The weights below the factors.
    pub base: Weights,
    /// `A` and `B` by block and projection.
    pub factors: Vec<[Vec<f32>; 2]>,
    /// First and second moment of `A` and of `B`, in the same order.
    pub moments: Vec<[[Vec<f32>; 2]; 2]>,
}

impl LoraConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// The offending field and what it must satisfy, as a lower-case fragment.
    pub fn validate(&self) -> Result<(), String> {
        if self.rank == 0 || self.projections.is_empty() || !(self.alpha.is_finite() && self.alpha > 0.0) {
            return Err(format!(
                "lora with rank = {}, alpha = {} and {} projections is not allowed; expected a rank of at least 1, alpha above 0 and at least one projection",
                self.rank,
                self.alpha,
                self.projections.len()
            ));
        }
        Ok(())
    }

    /// Rows and columns of every adapted matrix, in the order of the factors.
    pub fn shapes(&self, model: &crate::model::ModelConfig) -> Vec<[usize; 2]> {
        let (d, f) = (model.width, model.hidden);
        let shape = |projection: &Projection| match projection {
            Projection::Qkv => [d, d + 2 * model.kv_heads * model.head_dim()],
            Projection::Output => [d, d],
            Projection::GateUp => [d, 2 * f],
            Projection::Down => [f, d],
        };
        (0..model.layers).flat_map(|_| self.projections.iter().map(shape)).collect()
    }
}

impl LoraState {
    /// The start on given weights: a product of zero.
    pub fn start(config: &LoraConfig, base: &Weights, seeds: &SeedTree) -> Self {
        let factors: Vec<[Vec<f32>; 2]> = config
            .shapes(&base.config)
            .iter()
            .enumerate()
            .map(|(index, &[rows, columns])| {
                let mut rng = seeds.stream(index as u64);
                let reach = (3.0 / rows as f64).sqrt();
                let a = (0..rows * config.rank).map(|_| ((2.0 * f64::from(rng.next_u32()) / f64::from(u32::MAX) - 1.0) * reach) as f32).collect();
                [a, vec![0.0; config.rank * columns]]
            })
            .collect();
        let moments = factors.iter().map(|pair| [0, 1].map(|side| [vec![0.0; pair[side].len()], vec![0.0; pair[side].len()]])).collect();
        Self { base: base.clone(), factors, moments }
    }
}

/// The factors at work.
pub(super) struct Lora<B: Kernels> {
    config: LoraConfig,
    base: Weights,
    below: Vec<Tensor<B, 2>>,
    factors: Vec<[Tensor<B, 2>; 2]>,
    moments: Vec<[[Tensor<B, 1>; 2]; 2]>,
}

impl<B: Kernels> Lora<B> {
    /// The factors of a state on a device.
    pub fn new(config: LoraConfig, state: LoraState, device: &B::Device) -> Self {
        let shapes = config.shapes(&state.base.config);
        let matrix = |numbers: Vec<f32>, shape: [usize; 2]| Tensor::<B, 2>::from_data(TensorData::new(numbers, shape), device);
        let of_layer = |layer: &crate::model::LayerWeights, projection: &Projection| match projection {
            Projection::Qkv => layer.qkv.clone(),
            Projection::Output => layer.output.clone(),
            Projection::GateUp => layer.gate_up.clone(),
            Projection::Down => layer.down.clone(),
        };
        let numbers = state.base.layers.iter().flat_map(|layer| config.projections.iter().map(move |projection| of_layer(layer, projection)));
        let below = numbers.zip(&shapes).map(|(numbers, shape)| matrix(numbers, *shape)).collect();
        let rank = config.rank;
        let factors = state.factors.into_iter().zip(&shapes).map(|([a, b], [rows, columns])| [matrix(a, [*rows, rank]), matrix(b, [rank, *columns])]).collect();
        let moments = state.moments.into_iter().map(|pair| pair.map(|two| two.map(|moment| Tensor::from_data(moment.as_slice(), device)))).collect();
        Self { config, base: state.base, below, factors, moments }
    }

    /// The gradients of the factors, and the norm of all of them together.
    pub fn gradients(&self, actor: &Actor<Autodiff<B>>, grads: &GradientsParams) -> (Vec<[Tensor<B, 2>; 2]>, f64) {
        let scale = self.scale();
        let mut all = Vec::with_capacity(self.factors.len());
        for (index, [a, b]) in self.factors.iter().enumerate() {
            let (layer, projection) = (index / self.config.projections.len(), self.config.projections[index % self.config.projections.len()]);
            let param = adapted(&actor.decoder.blocks[layer], projection);
            let pair = match grads.get::<B, 2>(param.id) {
                Some(grad) => {
                    let (by_a, by_b) = B::project_backward(grad, a.clone(), b.clone(), WeightLayout::InOut);
                    [by_a.mul_scalar(scale), by_b.mul_scalar(scale)]
                }
                None => [a.zeros_like(), b.zeros_like()],
            };
            all.push(pair);
        }
        let squares = B::square_sums(all.iter().flatten().cloned().map(flat).collect());
        let of_pairs = squares.chunks(2).map(|pair| pair.iter().sum::<f64>());
        let norm = of_pairs.sum::<f64>().sqrt();
        (all, norm)
    }

    /// Steps the factors and puts the merged weights into the actor.
    pub fn step(&mut self, mut actor: Actor<Autodiff<B>>, gradients: Vec<[Tensor<B, 2>; 2]>, step: &AdamStep) -> Actor<Autodiff<B>> {
        let scale = self.scale();
        for (index, pair) in gradients.into_iter().enumerate() {
            for (side, gradient) in pair.into_iter().enumerate() {
                let factor = self.factors[index][side].clone();
                let shape = factor.dims();
                let (updated, moments) = B::adamw(flat(factor), flat(gradient), self.moments[index][side].clone(), step);
                self.factors[index][side] = updated.reshape(shape);
                self.moments[index][side] = moments;
            }
            let [a, b] = self.factors[index].clone();
            let merged = self.below[index].clone() + B::project(a, b, WeightLayout::InOut).mul_scalar(scale);
            let (layer, projection) = (index / self.config.projections.len(), self.config.projections[index % self.config.projections.len()]);
            let param = adapted_mut(&mut actor.decoder.blocks[layer], projection);
            *param = param.clone().map(|_| Tensor::from_inner(merged).require_grad());
        }
        actor
    }

    /// The factors at rest.
    pub fn state(&self) -> LoraState {
        LoraState {
            base: self.base.clone(),
            factors: self.factors.iter().map(|pair| pair.clone().map(floats)).collect(),
            moments: self.moments.iter().map(|pair| pair.clone().map(|two| two.map(floats))).collect(),
        }
    }

    fn scale(&self) -> f32 {
        self.config.alpha / self.config.rank as f32
    }
}

fn flat<B: Kernels>(tensor: Tensor<B, 2>) -> Tensor<B, 1> {
    let [rows, columns] = tensor.dims();
    tensor.reshape([rows * columns])
}

fn adapted<B: Kernels>(block: &Block<Autodiff<B>>, projection: Projection) -> &Param<Tensor<Autodiff<B>, 2>> {
    match projection {
        Projection::Qkv => &block.qkv,
        Projection::Output => &block.output,
        Projection::GateUp => &block.gate_up,
        Projection::Down => &block.down,
    }
}

fn adapted_mut<B: Kernels>(block: &mut Block<Autodiff<B>>, projection: Projection) -> &mut Param<Tensor<Autodiff<B>, 2>> {
    match projection {
        Projection::Qkv => &mut block.qkv,
        Projection::Output => &mut block.output,
        Projection::GateUp => &mut block.gate_up,
        Projection::Down => &mut block.down,
    }
}
