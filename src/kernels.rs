//! The operations that training spends its time in, behind a trait that each backend implements or inherits.
//!
//! [`Kernels`] is what a plain backend offers: each operation with its gradient, by default composed of the backend's own tensor
//! operations; the CPU backend replaces them by functions on slices. [`Ops`] is what the model calls: the same operations on a plain
//! backend, and on `Autodiff` with the gradient recorded.
//!
//! Letters of shapes: `n` tokens (rows times time), `d` width, `i` and `o` inputs and outputs of a projection, `f` feed-forward width,
//! `v` vocabulary, `h` query heads, `k` key and value heads, `e` width of a head.

mod autodiff;
mod block;
mod composed;
mod cpu;
mod flex;
mod link;
mod tape;
#[cfg(test)]
mod tests;

use burn::tensor::{FloatDType, Int, Tensor, backend::Backend};
use serde::{Deserialize, Serialize};

pub use autodiff::Ops;
pub use block::{BlockActivations, BlockSaved, BlockWeights, Keep, Kept};
pub(crate) use cpu::{
    matmul::{matmul, matmul_parallel},
    matrix::Matrix,
};
pub use link::Link;
pub use tape::{Reel, Tape, TapeRow, TapeShape, TapedLayer, TapedRows, TapedToken, Track};

/// In which data type the products of activations and weights are computed. Parameters, their moments, and all else are single.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single precision.
    #[default]
    Single,
    /// bfloat16, as the matrix units of GPUs like it; on a CPU slower than single.
    Bfloat16,
}

impl Precision {
    /// Whether nothing is rounded further than parameters are.
    pub fn is_single(&self) -> bool {
        *self == Self::Single
    }

    /// A parameter as products read it.
    pub(crate) fn of<B: Backend>(self, weight: Tensor<B, 2>) -> Tensor<B, 2> {
        match self {
            Self::Single => weight,
            Self::Bfloat16 => weight.cast(FloatDType::BF16),
        }
    }
}

/// How the weight of a projection is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightLayout {
    /// `[i, o]`: the product is `x · w`.
    InOut,
    /// `[o, i]`: the product is `x · wᵀ`, as with an embedding that is also the output projection.
    OutIn,
}

/// The sizes of a causal attention over packed rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Number of rows; rows never see each other.
    pub rows: usize,
    /// Tokens of a row.
    pub time: usize,
    /// Number of query heads, `h`.
    pub heads: usize,
    /// Number of key and value heads, `k`; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head, `e`; even.
    pub head_dim: usize,
}

impl AttentionShape {
    /// Columns of the joint projection: queries, then keys, then values.
    pub fn columns(&self) -> usize {
        (self.heads + 2 * self.kv_heads) * self.head_dim
    }
}

/// What attention must know of a batch beside the projections.
#[derive(Clone, Debug)]
pub struct AttentionMap<B: Backend> {
    /// The sizes.
    pub shape: AttentionShape,
    /// Per token, the index within its row of the first token that it may see: the start of its document, `[n]`. Its rotary position is
    /// its index less this start.
    pub starts: Tensor<B, 1, Int>,
    /// Cosines, then sines, of the rotary angles by position, `[2, time, e / 2]`.
    pub rotary: Tensor<B, 3>,
}

/// One step of AdamW, as numbers that hold for all parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Learning rate of this step.
    pub learning_rate: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the square root of the second moment.
    pub epsilon: f32,
    /// Weight decay, decoupled: multiplied by the learning rate.
    pub weight_decay: f32,
    /// Number of this step, from 1, for the correction of the moments' bias.
    pub step: i32,
    /// The gradient is multiplied by this first (clipping by global norm).
    pub gradient_scale: f32,
}

/// The operations of a plain backend, each with its gradient.
///
/// Every default is a composition of the backend's own operations and serves as the reference that faster versions are tested against.
pub trait Kernels: Backend {
    /// The product of activations and weight, computed in the data type of the weight and given in that of the activations.
    ///
    /// # Shapes
    /// `x: [n, i]`, `weight: [i, o]` or `[o, i]` -> `[n, o]`
    fn project(x: Tensor<Self, 2>, weight: Tensor<Self, 2>, layout: WeightLayout) -> Tensor<Self, 2> {
        composed::project(x, weight, layout)
    }

    /// The gradients of [`Kernels::project`] by input and by weight.
    ///
    /// # Shapes
    /// `grad: [n, o]` -> `[n, i]` and the shape of `weight`
    fn project_backward(grad: Tensor<Self, 2>, x: Tensor<Self, 2>, weight: Tensor<Self, 2>, layout: WeightLayout) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        composed::project_backward(grad, x, weight, layout)
    }

    /// RMSNorm with a gain; also gives the inverse root mean square of each token for the gradient.
    ///
    /// # Shapes
    /// `x: [n, d]`, `gain: [d]` -> `[n, d]`, `[n]`
    fn rms_norm(x: Tensor<Self, 2>, gain: Tensor<Self, 1>, epsilon: f32) -> (Tensor<Self, 2>, Tensor<Self, 1>) {
        composed::rms_norm(x, gain, epsilon)
    }

    /// The gradients of [`Kernels::rms_norm`] by input and by gain.
    ///
    /// # Shapes
    /// `grad: [n, d]`, `inverse: [n]` -> `[n, d]`, `[d]`
    fn rms_norm_backward(grad: Tensor<Self, 2>, x: Tensor<Self, 2>, gain: Tensor<Self, 1>, inverse: Tensor<Self, 1>) -> (Tensor<Self, 2>, Tensor<Self, 1>) {
        composed::rms_norm_backward(grad, x, gain, inverse)
    }

    /// SiLU of the gate half times the up half.
    ///
    /// # Shapes
    /// `gate_up: [n, 2f]` -> `[n, f]`
    fn swiglu(gate_up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        composed::swiglu(gate_up)
    }

    /// The gradient of [`Kernels::swiglu`].
    ///
    /// # Shapes
    /// `grad: [n, f]`, `gate_up: [n, 2f]` -> `[n, 2f]`
    fn swiglu_backward(grad: Tensor<Self, 2>, gate_up: Tensor<Self, 2>) -> Tensor<Self, 2> {
        composed::swiglu_backward(grad, gate_up)
    }

    /// Causal attention within documents, with the rotary embedding inside; also gives the logarithm of each softmax's denominator.
    ///
    /// # Shapes
    /// `qkv: [n, (h + 2k) e]` -> `[n, h e]`, `[n, h]`
    fn attend(qkv: Tensor<Self, 2>, map: &AttentionMap<Self>) -> (Tensor<Self, 2>, Tensor<Self, 2>) {
        composed::attend(qkv, map, composed::queries_at_a_time(map.shape))
    }

    /// The gradient of [`Kernels::attend`] from its input and its two outputs.
    ///
    /// # Shapes
    /// `grad: [n, h e]`, `qkv: [n, (h + 2k) e]`, `output: [n, h e]`, `log_sum: [n, h]` -> `[n, (h + 2k) e]`
    fn attend_backward(
        grad: Tensor<Self, 2>,
        qkv: Tensor<Self, 2>,
        output: Tensor<Self, 2>,
        log_sum: Tensor<Self, 2>,
        map: &AttentionMap<Self>,
    ) -> Tensor<Self, 2> {
        composed::attend_backward(grad, qkv, output, log_sum, map, composed::queries_at_a_time(map.shape))
    }

    /// A block of the decoder: attention and feed-forward layer, each behind an RMSNorm and added to its input.
    ///
    /// # Shapes
    /// `x: [n, d]` -> `[n, d]`
    fn block(x: Tensor<Self, 2>, weights: &BlockWeights<Self>, map: &AttentionMap<Self>, epsilon: f32, keep: Keep) -> (Tensor<Self, 2>, BlockSaved<Self>) {
        composed::block(x, weights, map, epsilon, keep)
    }

    /// The gradients of [`Kernels::block`] by input and by weights.
    ///
    /// # Shapes
    /// `grad: [n, d]` -> `[n, d]` and the shapes of the weights
    fn block_backward(
        grad: Tensor<Self, 2>,
        weights: &BlockWeights<Self>,
        saved: BlockSaved<Self>,
        map: &AttentionMap<Self>,
        epsilon: f32,
    ) -> (Tensor<Self, 2>, BlockWeights<Self>) {
        composed::block_backward(grad, weights, saved, map, epsilon)
    }

    /// The rows of a table.
    ///
    /// # Shapes
    /// `table: [v, d]`, `ids: [n]` -> `[n, d]`
    fn embed(table: Tensor<Self, 2>, ids: Tensor<Self, 1, Int>) -> Tensor<Self, 2> {
        composed::embed(table, ids)
    }

    /// The gradient of [`Kernels::embed`] by the table of `vocabulary` rows.
    ///
    /// # Shapes
    /// `grad: [n, d]`, `ids: [n]` -> `[v, d]`
    fn embed_backward(grad: Tensor<Self, 2>, ids: Tensor<Self, 1, Int>, vocabulary: usize) -> Tensor<Self, 2> {
        composed::embed_backward(grad, ids, vocabulary)
    }

    /// The weighted sum of the negative log-likelihoods of the targets, in nats, and its gradient by the logits.
    ///
    /// A token of weight 0 has no part in either.
    ///
    /// # Shapes
    /// `logits: [n, v]`, `targets: [n]`, `weights: [n]` -> `[1]`, `[n, v]`
    fn cross_entropy(logits: Tensor<Self, 2>, targets: Tensor<Self, 1, Int>, weights: Tensor<Self, 1>) -> (Tensor<Self, 1>, Tensor<Self, 2>) {
        composed::cross_entropy(logits, targets, weights)
    }

    /// Gives space that only waits for its next use back, before something else needs memory.
    fn trim() {}

    /// Takes a tensor that is no longer needed, for its space to be used again where nothing else refers to it.
    fn recycle(_x: Tensor<Self, 1>) {}

    /// How tensors get from one device of the backend to another.
    fn link() -> Link {
        Link::Direct
    }

    /// The sum of the squares of the elements of each tensor: on the CPU totalled in double precision, else in that of the tensor; read from the device at once.
    fn square_sums(tensors: Vec<Tensor<Self, 1>>) -> Vec<f64> {
        composed::square_sums(tensors)
    }

    /// One AdamW step: the parameter, the first and the second moment after it.
    ///
    /// # Shapes
    /// All of one length, here and after.
    fn adamw(parameter: Tensor<Self, 1>, gradient: Tensor<Self, 1>, moments: [Tensor<Self, 1>; 2], step: &AdamStep) -> (Tensor<Self, 1>, [Tensor<Self, 1>; 2]) {
        composed::adamw(parameter, gradient, moments, step)
    }
}
