//! The data of a block of the decoder: its parameters, and what its forward pass keeps for its gradient.

use burn::tensor::{Tensor, backend::Backend};

use super::TapedLayer;

/// The parameters of a block of the decoder, or their gradients.
#[derive(Clone, Debug)]
pub struct BlockWeights<B: Backend> {
    /// Gain of the RMSNorm before attention, `[d]`.
    pub attention_norm: Tensor<B, 1>,
    /// Joint query, key and value projection, `[d, (h + 2k) e]`.
    pub qkv: Tensor<B, 2>,
    /// Output projection of attention, `[h e, d]`.
    pub output: Tensor<B, 2>,
    /// Gain of the RMSNorm before the feed-forward layer, `[d]`.
    pub mlp_norm: Tensor<B, 1>,
    /// Joint gate and up projection, `[d, 2f]`.
    pub gate_up: Tensor<B, 2>,
    /// Down projection, `[f, d]`.
    pub down: Tensor<B, 2>,
}

/// What the forward pass of a block keeps for its gradient.
#[derive(Clone, Debug, Default)]
pub enum Keep {
    /// The intermediate results that are dear to make.
    #[default]
    Activations,
    /// The input alone: the backward pass runs the block again, with the same bits (gradient checkpointing, Chen et al. 2016).
    Input,
    /// The input, and where all else was computed before: a backend that can reads output and intermediate results there in place of computing them, and agrees
    /// with one that cannot but for rounding.
    Taped(TapedLayer),
}

/// What the forward pass of a block kept.
#[derive(Clone, Debug)]
pub struct BlockSaved<B: Backend> {
    /// Input, `[n, d]`.
    pub x: Tensor<B, 2>,
    /// The rest of what the gradient needs.
    pub rest: Kept<B>,
}

/// What the forward pass of a block kept beside its input.
#[derive(Clone, Debug)]
pub enum Kept<B: Backend> {
    /// Nothing: the backward pass makes it again.
    Nothing,
    /// The intermediate results.
    Activations(BlockActivations<B>),
    /// Where they were computed before.
    Taped(TapedLayer),
}

/// The intermediate results of a block that its gradient needs; the rest is always made again.
#[derive(Clone, Debug)]
pub struct BlockActivations<B: Backend> {
    /// Joint projection, `[n, (h + 2k) e]`.
    pub qkv: Tensor<B, 2>,
    /// Output of attention, `[n, h e]`.
    pub attended: Tensor<B, 2>,
    /// Logarithms of the denominators of attention, `[n, h]`.
    pub log_sum: Tensor<B, 2>,
    /// Residual stream between attention and feed-forward layer, `[n, d]`.
    pub middle: Tensor<B, 2>,
    /// Joint gate and up projection, `[n, 2f]`.
    pub gate_up: Tensor<B, 2>,
}
