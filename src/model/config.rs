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

/// Most parameters of a model: 32 GiB of single-precision weights.
const MAX_PARAMETERS: usize = 1 << 33;
/// Longest context in tokens.
const MAX_CONTEXT: usize = 1 << 24;
/// Most blocks; the deepest published models have some hundreds.
const MAX_LAYERS: usize = 1 << 12;

impl ModelConfig {
    /// Width of one head.
    pub fn head_dim(&self) -> usize {
        self.width / self.heads
    }

    /// Number of trained parameters; `usize::MAX` where there are more, or where the sizes do not fit together.
    pub fn num_parameters(&self) -> usize {
        self.count_parameters().unwrap_or(usize::MAX)
    }

    /// Number of trained parameters, or `None` beyond the range of `usize` and without heads.
    fn count_parameters(&self) -> Option<usize> {
        let product = |factors: &[usize]| factors.iter().try_fold(1, |product: usize, factor| product.checked_mul(*factor));
        let sum = |terms: &[Option<usize>]| terms.iter().try_fold(0, |sum: usize, term| sum.checked_add((*term)?));
        let layer = sum(&[
            product(&[2, self.width, self.width]),
            product(&[2, self.width, self.kv_heads, self.width.checked_div(self.heads)?]),
            product(&[3, self.width, self.hidden]),
            product(&[2, self.width]),
        ])?;
        let embeddings = if self.tied_embeddings { 1 } else { 2 };
        sum(&[product(&[self.layers, layer]), product(&[self.vocab_size, self.width, embeddings]), Some(self.width)])
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
        if !(self.norm_epsilon.is_finite() && self.norm_epsilon > 0.0) {
            return Err(format!("model.norm_epsilon = {} is not allowed; expected a number above 0", self.norm_epsilon));
        }
        self.rope_scaling.map_or(Ok(()), RopeScaling::validate)?;
        if !self.heads.is_multiple_of(self.kv_heads) {
            return Err(format!("model.kv_heads = {} is not allowed; expected a divisor of heads = {}", self.kv_heads, self.heads));
        }
        for (name, value, most) in [("context", self.context, MAX_CONTEXT), ("layers", self.layers, MAX_LAYERS)] {
            if value > most {
                return Err(format!("model.{name} = {value} is not allowed; expected at most {most}"));
            }
        }
        match self.count_parameters() {
            Some(count) if count <= MAX_PARAMETERS => {}
            count => {
                return Err(format!(
                    "a model of {} parameters (model.layers = {}, model.width = {}, model.hidden = {}, {} tokens) is not allowed; expected at most {MAX_PARAMETERS} parameters",
                    count.map_or("more than can be counted".to_owned(), |count| count.to_string()),
                    self.layers,
                    self.width,
                    self.hidden,
                    self.vocab_size
                ));
            }
        }
        // The table of rotary angles.
        if self.context.checked_mul(self.head_dim()).is_none_or(|angles| angles > MAX_PARAMETERS) {
            let (context, head_dim) = (self.context, self.head_dim());
            return Err(format!("model.context = {context} is not allowed with heads of width {head_dim}; expected a product of at most {MAX_PARAMETERS}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(width: usize, layers: usize, context: usize) -> ModelConfig {
        ModelConfig {
            vocab_size: 128_256,
            width,
            layers,
            heads: 32,
            kv_heads: 8,
            hidden: 14_336,
            context,
            rope_theta: 10_000.0,
            rope_scaling: None,
            norm_epsilon: 1e-5,
            tied_embeddings: false,
        }
    }

    #[test]
    fn models_beyond_the_bound_are_refused_before_anything_is_made() {
        // Llama 3.1 8B, whose parameters are published as 8 030 261 248.
        assert_eq!((config(4096, 32, 131_072).num_parameters(), config(4096, 32, 131_072).validate()), (8_030_261_248, Ok(())));
        let error = config(4096, 64, 131_072).validate().unwrap_err();
        assert!(error.starts_with("a model of 15009845248 parameters (model.layers = 64, ") && error.ends_with("at most 8589934592 parameters"), "{error}");
        let error = config(1 << 62, 1, 8).validate().unwrap_err();
        assert!(error.starts_with("a model of more than can be counted parameters"), "{error}");
        assert_eq!(config(4096, 1, 1 << 40).validate().unwrap_err(), "model.context = 1099511627776 is not allowed; expected at most 16777216");
        // Few parameters, and yet more blocks than there is memory for their names.
        let thin = ModelConfig { vocab_size: 1, heads: 1, kv_heads: 1, hidden: 1, ..config(2, 300_000_000, 8) };
        assert!(thin.num_parameters() < MAX_PARAMETERS);
        assert_eq!(thin.validate().unwrap_err(), "model.layers = 300000000 is not allowed; expected at most 4096");
        let wide = ModelConfig { vocab_size: 1, heads: 1, kv_heads: 1, hidden: 1, ..config(32_768, 1, 1 << 24) };
        let reason = "model.context = 16777216 is not allowed with heads of width 32768; expected a product of at most 8589934592";
        assert_eq!(wide.validate().unwrap_err(), reason);
    }

    #[test]
    fn impossible_numbers_are_refused_and_never_divided_by() {
        let without = ModelConfig { heads: 0, ..config(4096, 1, 8) };
        assert_eq!((without.validate().unwrap_err(), without.num_parameters()), ("model.heads = 0 is not allowed; expected at least 1".to_owned(), usize::MAX));
        for number in [f32::NAN, f32::INFINITY, 0.0, -1e-5] {
            let error = ModelConfig { norm_epsilon: number, ..config(4096, 1, 8) }.validate().unwrap_err();
            assert!(error.starts_with("model.norm_epsilon = "), "{error}");
            let error = ModelConfig { rope_theta: number, ..config(4096, 1, 8) }.validate().unwrap_err();
            assert!(error.starts_with("model.rope_theta = "), "{error}");
        }
    }
}
