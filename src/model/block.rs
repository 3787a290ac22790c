//! One block of the decoder: causal attention and a gated feed-forward layer, each behind an RMSNorm and added to the residual stream.

use burn::{
    module::{Module, Param},
    tensor::{Tensor, backend::Backend},
};

use crate::kernels::{AttentionMap, BlockWeights, Keep, Ops, Precision};

/// How a block is run.
#[derive(Clone, Debug)]
pub struct Pass {
    /// What it keeps for a gradient.
    pub keep: Keep,
    /// What products are computed in.
    pub precision: Precision,
}

/// The parameters of a block; `g` is `kv_heads * head_dim`.
#[derive(Module, Debug)]
pub struct Block<B: Backend> {
    /// Gain of the RMSNorm before attention, `[d]`.
    pub attention_norm: Param<Tensor<B, 1>>,
    /// Joint query, key and value projection, `[d, d + 2g]`.
    pub qkv: Param<Tensor<B, 2>>,
    /// Output projection of attention, `[d, d]`.
    pub output: Param<Tensor<B, 2>>,
    /// Gain of the RMSNorm before the feed-forward layer, `[d]`.
    pub mlp_norm: Param<Tensor<B, 1>>,
    /// Joint gate and up projection, `[d, 2f]`.
    pub gate_up: Param<Tensor<B, 2>>,
    /// Down projection, `[f, d]`.
    pub down: Param<Tensor<B, 2>>,
}

impl<B: Ops> Block<B> {
    /// Adds attention and feed-forward to the residual stream.
    ///
    /// # Shapes
    /// `x: [n, d]` -> `[n, d]`
    pub fn forward(&self, x: Tensor<B, 2>, map: &AttentionMap<B>, epsilon: f32, pass: Pass) -> Tensor<B, 2> {
        let weights = BlockWeights {
            attention_norm: self.attention_norm.val(),
            qkv: pass.precision.of(self.qkv.val()),
            output: pass.precision.of(self.output.val()),
            mlp_norm: self.mlp_norm.val(),
            gate_up: pass.precision.of(self.gate_up.val()),
            down: pass.precision.of(self.down.val()),
        };
        B::block(x, weights, map, epsilon, pass.keep)
    }
}
