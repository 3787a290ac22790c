//! The shape of a model; saved beside its weights and compared before they are used.

use serde::{Deserialize, Serialize};

use super::RopeScaling;

/// Sizes and constants of a Llama-style decoder: RMSNorm before attention and feed-forward, RoPE with rotated halves, SwiGLU, no biases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Number of token ids, `v`.
    pub vocab_size: usize,
    /// Width of the residual stream, `d`; `heads` divides it and `d / heads` is even.
    pub width: usize,
    /// Number of blocks.
    pub layers: usize,
    /// Number of query heads, `h`.
    pub heads: usize,
    /// Number of key and value heads; divides `heads` (grouped-query attention where smaller).
    pub kv_heads: usize,
    /// Width of the feed-forward layer, `f`.
    pub hidden: usize,
    /// The longest sequence in tokens, prompt included.
    pub context: usize,
    /// Base of the rotary frequencies.
    pub rope_theta: f32,
    /// How the rotary frequencies are stretched for contexts longer than those first trained on; our own models never are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_scaling: Option<RopeScaling>,
    /// Epsilon of RMSNorm.
    pub norm_epsilon: f32,
    /// Whether the output projection is the transposed embedding.
    pub tied_embeddings: bool,
}

impl ModelConfig {
    /// Width of one head.
    pub fn head_dim(&self) -> usize {
        self.width / self.heads
    }

    /// Number of trained parameters.
    pub fn num_parameters(&self) -> usize {
        let attention = 2 * self.width * self.width + 2 * self.width * self.kv_heads * self.head_dim();
        let layer = attention + 3 * self.width * self.hidden + 2 * self.width;
        let embeddings = self.vocab_size * self.width * if self.tied_embeddings { 1 } else { 2 };
        self.layers * layer + embeddings + self.width
    }

    /// Checks that the sizes fit together.
    ///
    /// # Errors
    /// The offending field and what it must satisfy, as a lower-case fragment.
    pub fn validate(&self) -> Result<(), String> {
        let positive = [
            ("vocab_size", self.vocab_size),
            ("width", self.width),
            ("layers", self.layers),
            ("heads", self.heads),
            ("kv_heads", self.kv_heads),
            ("hidden", self.hidden),
            ("context", self.context),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("model.{name} = 0 is not allowed; expected at least 1"));
        }
        if !self.width.is_multiple_of(self.heads) || !self.head_dim().is_multiple_of(2) {
            return Err(format!("model.width = {} is not allowed; expected an even multiple of heads = {}", self.width, self.heads));
        }
        if !(self.rope_theta.is_finite() && self.rope_theta > 1.0) {
            return Err(format!("model.rope_theta = {} is not allowed; expected a number above 1", self.rope_theta));
        }
        self.rope_scaling.map_or(Ok(()), RopeScaling::validate)?;
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(format!("model.kv_heads = {} is not allowed; expected a divisor of heads = {}", self.kv_heads, self.heads));
        }
        Ok(())
    }
}
