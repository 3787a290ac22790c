//! A model as a folder that `AutoModelForCausalLM` and `AutoTokenizer` of `transformers` load.

use super::card::{Origin, model_card};
use super::float::to_bytes;
use super::llama::{EMBEDDING, FINAL_NORM, HEAD, INDEX, SINGLE, in_layer, write_config};
use crate::model::{ModelConfig, Weights};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, atomic};
use safetensors::{Dtype, tensor::TensorView};
use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The file that is written last: where it stands, the export is whole.
const CONFIG: &str = "config.json";

/// Writes the folder, with `origin` on its card; existing files of an export are replaced only where `force` says so. The index and the shards of another model that stand in their
/// place are then removed: some readers would take them for this one.
///
/// # Errors
/// [`Error::Usage`] where the vocabulary has more ids than the model, [`Error::Exists`] where there is an export already, [`Error::Io`] where it cannot be written.
pub fn export(weights: &Weights, tokenizer: &Tokenizer, origin: Option<&Origin>, folder: &Path, force: bool) -> Result<()> {
    let config = &weights.config;
    if tokenizer.vocab_size() > config.vocab_size {
        let (found, allowed) = (tokenizer.vocab_size(), config.vocab_size);
        return Err(Error::Usage(format!("a vocabulary of {found} ids does not fit the model; expected at most {allowed}")));
    }
    let files = [
        (SINGLE, safetensors(weights)),
        ("tokenizer.json", tokenizer.to_json().into_bytes()),
        ("tokenizer_config.json", tokenizer.config_json(config.context).into_bytes()),
        ("generation_config.json", generation_config(config).into_bytes()),
        ("README.md", model_card(weights, tokenizer, origin).into_bytes()),
        (CONFIG, write_config(config).into_bytes()),
    ];
    fs::create_dir_all(folder).map_err(Error::io("cannot create", folder))?;
    let stale = stale(folder)?;
    let found = files.iter().map(|(name, _)| folder.join(name)).filter(|path| path.exists()).chain(stale.iter().cloned()).next();
    if let Some(path) = found.filter(|_| !force) {
        return Err(Error::Exists { path });
    }
    let config = folder.join(CONFIG);
    if config.exists() {
        fs::remove_file(&config).map_err(Error::io("cannot replace", &config))?;
    }
    for path in &stale {
        fs::remove_file(path).map_err(Error::io("cannot remove", path))?;
    }
    files.iter().try_for_each(|(name, bytes)| atomic::write(folder.join(name), bytes))
}

/// The index of shards and the shards in a folder, `model-00001-of-00002.safetensors` and so on, sorted.
fn stale(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("cannot read", folder))? {
        let entry = entry.map_err(Error::io("cannot read", folder))?;
        if entry.file_name().to_str().is_some_and(|name| name == INDEX || is_shard(name)) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

fn is_shard(name: &str) -> bool {
    let numbers = name.strip_prefix("model-").and_then(|name| name.strip_suffix(".safetensors")).and_then(|numbers| numbers.split_once("-of-"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(number, count)| is_number(number) && is_number(count))
}

/// All tensors, with the metadata by which `transformers` knows PyTorch's layout.
fn safetensors(weights: &Weights) -> Vec<u8> {
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = tensors(weights).into_iter().map(|(name, shape, numbers)| (name, shape, to_bytes(&numbers))).collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).expect("each tensor has the size of its shape");
        (name.as_str(), view)
    });
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    safetensors::serialize(views, Some(metadata)).expect("names are plain text and sizes were just checked")
}

fn tensors(weights: &Weights) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let config = &weights.config;
    let (v, d, f) = (config.vocab_size, config.width, config.hidden);
    let g = config.kv_heads * config.head_dim();
    let mut tensors = vec![(EMBEDDING.to_string(), vec![v, d], weights.embedding.clone())];
    for (index, layer) in weights.layers.iter().enumerate() {
        let norms = [("input_layernorm", &layer.attention_norm), ("post_attention_layernorm", &layer.mlp_norm)];
        tensors.extend(norms.map(|(name, gain)| (in_layer(index, name), vec![d], gain.clone())));
        let projections = [
            ("self_attn.q_proj", &layer.qkv, d, 0..d),
            ("self_attn.k_proj", &layer.qkv, d, d..d + g),
            ("self_attn.v_proj", &layer.qkv, d, d + g..d + 2 * g),
            ("self_attn.o_proj", &layer.output, d, 0..d),
            ("mlp.gate_proj", &layer.gate_up, d, 0..f),
            ("mlp.up_proj", &layer.gate_up, d, f..2 * f),
            ("mlp.down_proj", &layer.down, f, 0..d),
        ];
        tensors
            .extend(projections.map(|(name, matrix, inner, columns)| (in_layer(index, name), vec![columns.len(), inner], transposed(matrix, inner, columns))));
    }
    tensors.push((FINAL_NORM.to_string(), vec![d], weights.final_norm.clone()));
    if let Some(head) = &weights.head {
        tensors.push((HEAD.to_string(), vec![v, d], transposed(head, d, 0..v)));
    }
    tensors
}

/// Some columns of a matrix with `inner` rows, as rows.
fn transposed(matrix: &[f32], inner: usize, columns: Range<usize>) -> Vec<f32> {
    let width = matrix.len() / inner;
    columns.flat_map(|column| (0..inner).map(move |row| matrix[row * width + column])).collect()
}

fn generation_config(config: &ModelConfig) -> String {
    let config = serde_json::json!({
        "bos_token_id": Tokenizer::BOS,
        "eos_token_id": Tokenizer::EOS,
        "pad_token_id": Tokenizer::PAD,
        "max_length": config.context,
    });
    serde_json::to_string_pretty(&config).expect("numbers always serialize")
}
