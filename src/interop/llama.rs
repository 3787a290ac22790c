//! `config.json` of a Llama checkpoint, and the names of its files and tensors.

use crate::model::{ModelConfig, RopeScaling};
use crate::tokenizer::Tokenizer;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

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
    /// Where `transformers` 4 looks for what `rope_parameters` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    rope_scaling: Option<RopeScaling>,
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

/// Base and stretching of the rotary frequencies.
#[derive(Serialize)]
struct RopeParameters {
    #[serde(flatten)]
    scaling: Value,
    rope_theta: f32,
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
    rope_parameters: Option<Map<String, Value>>,
    rope_scaling: Option<Map<String, Value>>,
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
        rope_parameters: RopeParameters {
            scaling: config.rope_scaling.map_or_else(|| json!({ "rope_type": "default" }), |scaling| json!(scaling)),
            rope_theta: config.rope_theta,
        },
        rope_scaling: config.rope_scaling,
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
    let (mut theta, mut scaling) = (read.rope_theta, None);
    for parameters in [read.rope_scaling, read.rope_parameters].into_iter().flatten() {
        theta = parameters.get("rope_theta").and_then(Value::as_f64).map(|theta| theta as f32).or(theta);
        scaling = read_scaling(parameters)?.or(scaling);
    }
    let config = ModelConfig {
        vocab_size: read.vocab_size,
        width: read.hidden_size,
        layers: read.num_hidden_layers,
        heads: read.num_attention_heads,
        kv_heads: read.num_key_value_heads.unwrap_or(read.num_attention_heads),
        hidden: read.intermediate_size,
        context: read.max_position_embeddings,
        rope_theta: theta.unwrap_or(10_000.0),
        rope_scaling: scaling,
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

/// How frequencies are stretched; `None` where they are not.
///
/// # Errors
/// The kind of stretching, where it is none that we compute, or a number that it lacks.
fn read_scaling(mut parameters: Map<String, Value>) -> Result<Option<RopeScaling>, String> {
    let kind = parameters.remove("rope_type").or_else(|| parameters.remove("type")).unwrap_or_else(|| "default".into());
    let names: &[&str] = match kind.as_str().unwrap_or_default() {
        "default" => return Ok(None),
        "linear" => &["factor"],
        "llama3" => &["factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"],
        _ => return Err(format!("rope_type = {kind} is not supported; expected \"default\", \"linear\" or \"llama3\"")),
    };
    // Writers add fields that the kind does not read.
    parameters.retain(|name, _| names.contains(&name.as_str()));
    parameters.insert("rope_type".into(), kind);
    serde_json::from_value(parameters.into()).map(Some).map_err(|error| format!("rope_scaling is not supported: {error}"))
}

/// The file of all tensors, where there is one.
pub(super) const SINGLE: &str = "model.safetensors";
/// The file that says which shard holds which tensor, where there are several.
pub(super) const INDEX: &str = "model.safetensors.index.json";

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
        rope_scaling: None,
        norm_epsilon: 1e-5,
        tied_embeddings: true,
    };

    #[test]
    fn a_written_config_reads_back() {
        let linear = RopeScaling::Linear { factor: 4.0 };
        let llama3 = RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position_embeddings: 32 };
        for rope_scaling in [None, Some(linear), Some(llama3)] {
            let config = ModelConfig { rope_scaling, ..CONFIG };
            assert_eq!(read_config(&write_config(&config)).unwrap(), config);
        }
    }

    #[test]
    fn both_spellings_of_stretching_are_read() {
        let good = write_config(&CONFIG);
        let old = good.replace("\"rope_parameters\"", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}, \"unread\"");
        assert_eq!(read_config(&old).unwrap().rope_scaling, Some(RopeScaling::Linear { factor: 2.0 }));
        assert_eq!(read_config(&old).unwrap().rope_theta, 5000.0);
        let error = read_config(&good.replace("\"default\"", "\"llama3\"")).unwrap_err();
        assert!(error.contains("factor"), "{error}");
    }

    #[test]
    fn what_we_do_not_compute_is_refused_by_name() {
        let good = write_config(&CONFIG);
        for (from, to, reason) in [
            ("\"llama\"", "\"gemma\"", "model_type"),
            ("\"silu\"", "\"gelu\"", "hidden_act"),
            ("\"attention_bias\": false", "\"attention_bias\": true", "attention_bias"),
            ("\"default\"", "\"yarn\"", "rope_type"),
            ("\"head_dim\": 6", "\"head_dim\": 8", "head_dim"),
            ("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 3", "kv_heads"),
            ("\"vocab_size\"", "\"vocabulary\"", "vocab_size"),
        ] {
            let error = read_config(&good.replace(from, to)).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
