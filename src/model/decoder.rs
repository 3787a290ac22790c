//! The Llama-style decoder as a burn module.

use burn::{
    module::{Module, Param},
    tensor::{Int, Tensor, TensorData, backend::Backend},
};

use super::{Block, ModelConfig, block::Pass, rotary_angles};
use crate::kernels::{AttentionMap, AttentionShape, Keep, Ops, Precision, TapedRows, WeightLayout};

/// Token embedding, blocks, a last RMSNorm and the output projection.
#[derive(Module, Debug)]
pub struct Decoder<B: Backend> {
    /// Token embedding, `[v, d]`; transposed, also the output projection where there is no head.
    pub embedding: Param<Tensor<B, 2>>,
    /// The blocks, first to last.
    pub blocks: Vec<Block<B>>,
    /// Gain of the last RMSNorm, `[d]`.
    pub final_norm: Param<Tensor<B, 1>>,
    /// Output projection, `[d, v]`.
    pub head: Option<Param<Tensor<B, 2>>>,
    /// The shape that all this has.
    #[module(skip)]
    pub config: ModelConfig,
    /// What each block keeps for the gradient.
    #[module(skip)]
    pub keep: Keep,
    /// What products are computed in.
    #[module(skip)]
    pub precision: Precision,
}

/// Rows of packed documents as the decoder reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedRows {
    /// Number of rows.
    pub rows: usize,
    /// Tokens of a row, padding included.
    pub time: usize,
    /// Token ids, row after row, `[rows * time]`.
    pub ids: Vec<i32>,
    /// Per token, the index within its row of the first token of its document, `[rows * time]`.
    pub starts: Vec<i32>,
}

impl<B: Ops> Decoder<B> {
    /// The logits of the next token at every position; documents of a row do not see each other.
    ///
    /// # Shapes
    /// `[rows * time, v]`
    pub fn forward(&self, input: &PackedRows) -> Tensor<B, 2> {
        self.logits(self.hidden(input, None).0)
    }

    /// What the output projection reads: the residual stream after the last RMSNorm, at every position. Where the sampler computed all of them with the same
    /// weights, blocks read what it taped. Beside it the residual stream before the first block.
    ///
    /// # Shapes
    /// `[rows * time, d]`, twice
    pub fn hidden(&self, input: &PackedRows, taped: Option<&TapedRows>) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let device = self.embedding.val().device();
        let (n, config) = (input.rows * input.time, &self.config);
        let ids = Tensor::<B, 1, Int>::from_data(TensorData::new(input.ids.clone(), [n]), &device);
        let map = AttentionMap {
            shape: AttentionShape { rows: input.rows, time: input.time, heads: config.heads, kv_heads: config.kv_heads, head_dim: config.head_dim() },
            starts: Tensor::from_data(TensorData::new(input.starts.clone(), [n]), &device),
            rotary: Tensor::from_data(TensorData::new(rotary_angles(config, input.time), [2, input.time, config.head_dim() / 2]), &device),
        };
        let embedded = B::embed(self.embedding.val(), ids);
        let mut x = embedded.clone();
        for (layer, block) in self.blocks.iter().enumerate() {
            let keep = taped.map_or(self.keep.clone(), |rows| Keep::Taped(rows.layer(layer)));
            x = block.forward(x, &map, config.norm_epsilon, Pass { keep, precision: self.precision });
        }
        (B::rms_norm(x, self.final_norm.val(), config.norm_epsilon), embedded)
    }

    /// The output projection.
    ///
    /// # Shapes
    /// `hidden: [n, d]` -> `[n, v]`
    pub fn logits(&self, hidden: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.head {
            Some(head) => B::project(hidden, self.precision.of(head.val()), WeightLayout::InOut),
            None => B::project(hidden, self.precision.of(self.embedding.val()), WeightLayout::OutIn),
        }
    }
}
