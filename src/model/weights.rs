//! The weights of a model as plain rows of numbers: what the sampler, the checkpoint and the exports read.

use super::ModelConfig;

/// All weights of a model, row-major `f32`. Projections are `[in, out]` (burn's layout; PyTorch stores the transpose).
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// The shape that the numbers below have.
    pub config: ModelConfig,
    /// Token embedding, `[v, d]`.
    pub embedding: Vec<f32>,
    /// The blocks, first to last.
    pub layers: Vec<LayerWeights>,
    /// Gain of the last RMSNorm, `[d]`.
    pub final_norm: Vec<f32>,
    /// Output projection, `[d, v]`; `None` where it is the transposed embedding.
    pub head: Option<Vec<f32>>,
}

impl Weights {
    /// Checks that every number is finite.
    ///
    /// # Errors
    /// The first tensor with one that is not, as a lower-case fragment.
    pub fn check_finite(&self) -> Result<(), String> {
        let shapes = Self::shapes(&self.config);
        // Stretches without an early end, which a processor checks many numbers at a time.
        let is_finite = |stretch: &[f32]| stretch.iter().fold(true, |is_finite, number| is_finite & number.is_finite());
        match shapes.iter().zip(self.tensors()).find(|(_, tensor)| !tensor.chunks(4096).all(is_finite)) {
            Some(((name, _), _)) => Err(format!("tensor {name} has a number that is not finite")),
            None => Ok(()),
        }
    }
}

/// The weights of one block; `g` is `kv_heads * head_dim`.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerWeights {
    /// Gain of the RMSNorm before attention, `[d]`.
    pub attention_norm: Vec<f32>,
    /// Joint query, key and value projection, `[d, d + 2g]`: the columns of q, then k, then v.
    pub qkv: Vec<f32>,
    /// Output projection of attention, `[d, d]`.
    pub output: Vec<f32>,
    /// Gain of the RMSNorm before the feed-forward layer, `[d]`.
    pub mlp_norm: Vec<f32>,
    /// Joint gate and up projection, `[d, 2f]`: the columns of gate, then up.
    pub gate_up: Vec<f32>,
    /// Down projection, `[f, d]`.
    pub down: Vec<f32>,
}
