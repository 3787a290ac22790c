//! `config.json` of a Llama checkpoint, and the names of its tensors.

use crate::model::ModelConfig;
use crate::tokenizer::Tokenizer;
use serde::{Deserialize, Serialize};

/// What we write. Both spellings of the rotary base are there: `transformers` 5 reads the second, everyone else the first.
#[derive(Serialize)]
struct Written<'a> {
    architectures: [&'a str; 1],
    model_type: &'a str,
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: usize,
    head_dim: usize,
    intermediate_size: usize,
    max_position_embeddings: usize,
    rope_theta: f32,
    rope_parameters: RopeParameters,
    rms_norm_eps: f32,
    tie_word_embeddings: bool,
    hidden_act: &'a str,
    attention_bias: bool,
    mlp_bias: bool,
    attention_dropout: f32,
    bos_token_id: u32,
    eos_token_id: u32,
    pad_token_id: u32,
    torch_dtype: &'a str,
}

#[derive(Serialize, Deserialize)]
struct RopeParameters {
    #[serde(default = "default_rope_type", alias = "type")]
    rope_type: String,
    rope_theta: Option<f32>,
}

/// What we understand; fields that do not change the computation are ignored.
#[derive(Deserialize)]
struct Read {
    model_type: String,
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    intermediate_size: usize,
    #[serde(default = "default_context")]
    max_position_embeddings: usize,
    rope_theta: Option<f32>,
    rope_parameters: Option<RopeParameters>,
    rope_scaling: Option<RopeParameters>,
    #[serde(default = "default_epsilon")]
    rms_norm_eps: f32,
    #[serde(default)]
    tie_word_embeddings: bool,
    #[serde(default = "default_activation")]
    hidden_act: String,
    #[serde(default)]
    attention_bias: bool,
    #[serde(default)]
    mlp_bias: bool,
}

fn default_rope_type() -> String {
    "default".into()
}

fn default_context() -> usize {
    2048
}

fn default_epsilon() -> f32 {
    1e-6
}

fn default_activation() -> String {
    "silu".into()
}

/// The text of `config.json`.
pub(super) fn write_config(config: &ModelConfig) -> String {
    let written = Written {
        architectures: ["LlamaForCausalLM"],
        model_type: "llama",
        vocab_size: config.vocab_size,
        hidden_size: config.width,
        num_hidden_layers: config.layers,
        num_attention_heads: config.heads,
        num_key_value_heads: config.kv_heads,
        head_dim: config.head_dim(),
        intermediate_size: config.hidden,
        max_position_embeddings: config.context,
        rope_theta: config.rope_theta,
        rope_parameters: RopeParameters { rope_type: default_rope_type(), rope_theta: Some(config.rope_theta) },
        rms_norm_eps: config.norm_epsilon,
        tie_word_embeddings: config.tied_embeddings,
        hidden_act: "silu",
        attention_bias: false,
        mlp_bias: false,
        attention_dropout: 0.0,
        bos_token_id: Tokenizer::BOS,
        eos_token_id: Tokenizer::EOS,
        pad_token_id: Tokenizer::PAD,
        torch_dtype: "float32",
    };
    serde_json::to_string_pretty(&written).expect("strings and numbers always serialize")
}

/// The shape that the text of a `config.json` describes.
///
/// # Errors
/// What is missing, or what this model does not compute in the way our decoder does, as a lower-case fragment.
pub(super) fn read_config(text: &str) -> Result<ModelConfig, String> {
    let read: Read = serde_json::from_str(text).map_err(|error| format!("not the config.json of a Llama model: {error}"))?;
    let expect = |field: &str, found: &str, expected: &str| {
        if found == expected { Ok(()) } else { Err(format!("{field} = {found:?} is not supported; expected {expected:?}")) }
    };
    expect("model_type", &read.model_type, "llama")?;
    expect("hidden_act", &read.hidden_act, "silu")?;
    expect("attention_bias", &read.attention_bias.to_string(), "false")?;
    expect("mlp_bias", &read.mlp_bias.to_string(), "false")?;
    for rope in [&read.rope_parameters, &read.rope_scaling].into_iter().flatten() {
        expect("rope_type", &rope.rope_type, "default")?;
    }
    let config = ModelConfig {
        vocab_size: read.vocab_size,
        width: read.hidden_size,
        layers: read.num_hidden_layers,
        heads: read.num_attention_heads,
        kv_heads: read.num_key_value_heads.unwrap_or(read.num_attention_heads),
        hidden: read.intermediate_size,
        context: read.max_position_embeddings,
        rope_theta: read.rope_parameters.and_then(|rope| rope.rope_theta).or(read.rope_theta).unwrap_or(10_000.0),
        norm_epsilon: read.rms_norm_eps,
        tied_embeddings: read.tie_word_embeddings,
    };
    config.validate()?;
    match read.head_dim {
        Some(head_dim) if head_dim != config.head_dim() => {
            Err(format!("head_dim = {head_dim} is not supported; expected hidden_size / num_attention_heads = {}", config.head_dim()))
        }
        _ => Ok(config),
    }
}

/// Name of the embedding, `[v, d]`.
pub(super) const EMBEDDING: &str = "model.embed_tokens.weight";
/// Name of the last norm, `[d]`.
pub(super) const FINAL_NORM: &str = "model.norm.weight";
/// Name of the output projection, `[v, d]`.
pub(super) const HEAD: &str = "lm_head.weight";

/// Name of a tensor of block `index`.
pub(super) fn in_layer(index: usize, name: &str) -> String {
    format!("model.layers.{index}.{name}.weight")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: ModelConfig = ModelConfig {
        vocab_size: 50,
        width: 24,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        hidden: 40,
        context: 64,
        rope_theta: 5000.0,
        norm_epsilon: 1e-5,
        tied_embeddings: true,
    };

    #[test]
    fn a_written_config_reads_back() {
        assert_eq!(read_config(&write_config(&CONFIG)).unwrap(), CONFIG);
    }

    #[test]
    fn what_we_do_not_compute_is_refused_by_name() {
        let good = write_config(&CONFIG);
        for (from, to, reason) in [
            ("\"llama\"", "\"gemma\"", "model_type"),
            ("\"silu\"", "\"gelu\"", "hidden_act"),
            ("\"attention_bias\": false", "\"attention_bias\": true", "attention_bias"),
            ("\"default\"", "\"llama3\"", "rope_type"),
            ("\"head_dim\": 6", "\"head_dim\": 8", "head_dim"),
            ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "kv_heads"),
            ("\"vocab_size\"", "\"vocabulary\"", "vocab_size"),
        ] {
            let error = read_config(&good.replace(from, to)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
