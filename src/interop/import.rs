//! Any Llama checkpoint that fits in memory, as [`Weights`]: one file or shards, single or half precision, tied or not, grouped queries or not.

use super::float::to_f32;
use super::llama::{EMBEDDING, FINAL_NORM, HEAD, INDEX, SINGLE, in_layer, read_config};
use crate::model::{LayerWeights, ModelConfig, Weights};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result, atomic};
use safetensors::SafeTensors;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Names of the files of a checkpoint of ours.
const WEIGHTS: &str = "weights.safetensors";
const TOKENIZER: &str = "tokenizer.json";

/// A checkpoint that was read.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The model.
    pub weights: Weights,
    /// How its text becomes ids.
    pub tokenizer: ImportedTokenizer,
}

/// The tokenizer of a checkpoint.
#[derive(Clone, Debug)]
pub enum ImportedTokenizer {
    /// One that we wrote.
    Closed(Box<Tokenizer>),
    /// Another program's.
    Foreign(Box<tokenizers::Tokenizer>),
    /// There is no `tokenizer.json`.
    Missing,
}

/// Which file holds which tensor.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// A tensor that was read and not yet used.
struct Tensor {
    shape: Vec<usize>,
    numbers: Vec<f32>,
}

/// Reads the Llama checkpoint in `folder`.
///
/// # Errors
/// [`Error::Io`] where a file cannot be read; [`Error::Data`] where one is damaged, a tensor is missing, there twice, too many, of another shape or not of
/// finite numbers, or the model computes something that ours does not.
pub fn import(folder: &Path) -> Result<Imported> {
    let path = folder.join("config.json");
    let config = read_config(&read_text(&path)?).map_err(|reason| Error::data(&path, reason))?;
    let mut tensors = BTreeMap::new();
    for path in shards(folder)? {
        let bytes = fs::read(&path).map_err(Error::io("cannot read", &path))?;
        read_shard(&bytes, &mut tensors).map_err(|reason| Error::data(&path, reason))?;
    }
    let weights = assemble(config, tensors).map_err(|reason| Error::data(folder, reason))?;
    Ok(Imported { weights, tokenizer: read_tokenizer(&folder.join(TOKENIZER))? })
}

/// Reads the Llama checkpoint in `folder` and writes it into `out` as a checkpoint of ours: `weights.safetensors`, and `tokenizer.json` where there is one.
///
/// # Errors
/// As [`import`]; [`Error::Exists`] where there are weights already and `force` does not say to replace them; [`Error::Io`] where `out` cannot be written.
pub fn import_into(folder: &Path, out: &Path, force: bool) -> Result<Imported> {
    let [weights, tokenizer] = [WEIGHTS, TOKENIZER].map(|name| out.join(name));
    if let Some(path) = [&weights, &tokenizer].into_iter().find(|path| path.exists() && !force) {
        return Err(Error::Exists { path: path.clone() });
    }
    let imported = import(folder)?;
    fs::create_dir_all(out).map_err(Error::io("cannot create", out))?;
    if weights.exists() {
        // The weights are written last, so that they never stand beside another model's tokenizer.
        fs::remove_file(&weights).map_err(Error::io("cannot replace", &weights))?;
    }
    match &imported.tokenizer {
        ImportedTokenizer::Closed(closed) => closed.save(&tokenizer)?,
        ImportedTokenizer::Foreign(_) => atomic::write(&tokenizer, read_text(&folder.join(TOKENIZER))?)?,
        ImportedTokenizer::Missing if tokenizer.exists() => fs::remove_file(&tokenizer).map_err(Error::io("cannot replace", &tokenizer))?,
        ImportedTokenizer::Missing => {}
    }
    imported.weights.save(&weights)?;
    Ok(imported)
}

/// The files that hold the tensors.
fn shards(folder: &Path) -> Result<Vec<PathBuf>> {
    let (single, path) = (folder.join(SINGLE), folder.join(INDEX));
    if !path.exists() {
        return Ok(vec![single]);
    }
    let index: Index = serde_json::from_str(&read_text(&path)?).map_err(|error| Error::data(&path, format!("not an index of shards: {error}")))?;
    let names: BTreeSet<String> = index.weight_map.into_values().collect();
    if let Some(name) = names.iter().find(|name| Path::new(name).file_name() != Some(name.as_ref())) {
        return Err(Error::data(&path, format!("shard {name:?} is not a plain file name")));
    }
    if let Some(name) = names.iter().find(|name| !folder.join(name).exists()) {
        return Err(Error::data(&path, format!("shard {name:?} is missing from the folder")));
    }
    if single.exists() && !names.contains(SINGLE) {
        return Err(Error::data(&path, format!("an index of other files than the {SINGLE} beside it: one of the two is left over; remove it")));
    }
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

fn read_shard(bytes: &[u8], tensors: &mut BTreeMap<String, Tensor>) -> std::result::Result<(), String> {
    let shard = SafeTensors::deserialize(bytes).map_err(|error| format!("not a safetensors file: {error}"))?;
    // By name, so that the first fault is always the same one.
    for (name, view) in shard.iter().collect::<BTreeMap<_, _>>() {
        // Older checkpoints carry the rotary frequencies, which follow from the configuration.
        if name.ends_with("rotary_emb.inv_freq") {
            continue;
        }
        let numbers = to_f32(&view).map_err(|reason| format!("tensor {name}: {reason}"))?;
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(format!("tensor {name} has a number that is not finite"));
        }
        if tensors.insert(name.to_string(), Tensor { shape: view.shape().to_vec(), numbers }).is_some() {
            return Err(format!("tensor {name} is in another shard as well"));
        }
    }
    Ok(())
}

fn assemble(config: ModelConfig, mut tensors: BTreeMap<String, Tensor>) -> std::result::Result<Weights, String> {
    let (v, d, f) = (config.vocab_size, config.width, config.hidden);
    let g = config.kv_heads * config.head_dim();
    let mut take = |name: &str, shape: &[usize]| match tensors.remove(name) {
        Some(tensor) if tensor.shape == shape => Ok(tensor.numbers),
        Some(tensor) => Err(format!("tensor {name} has the shape {:?}; expected {shape:?}", tensor.shape)),
        None => Err(format!("tensor {name} is missing; expected one of shape {shape:?}")),
    };
    let embedding = take(EMBEDDING, &[v, d])?;
    let mut layers = Vec::with_capacity(config.layers);
    for index in 0..config.layers {
        let mut take = |name: &str, shape: &[usize]| take(&in_layer(index, name), shape);
        let queries = take("self_attn.q_proj", &[d, d])?;
        let keys = take("self_attn.k_proj", &[g, d])?;
        let values = take("self_attn.v_proj", &[g, d])?;
        let gates = take("mlp.gate_proj", &[f, d])?;
        let ups = take("mlp.up_proj", &[f, d])?;
        layers.push(LayerWeights {
            attention_norm: take("input_layernorm", &[d])?,
            qkv: joined(d, &[queries, keys, values]),
            output: joined(d, &[take("self_attn.o_proj", &[d, d])?]),
            mlp_norm: take("post_attention_layernorm", &[d])?,
            gate_up: joined(d, &[gates, ups]),
            down: joined(f, &[take("mlp.down_proj", &[d, f])?]),
        });
    }
    let final_norm = take(FINAL_NORM, &[d])?;
    let head = if config.tied_embeddings { None } else { Some(joined(d, &[take(HEAD, &[v, d])?])) };
    if config.tied_embeddings {
        // Some writers store the tied projection once more.
        tensors.remove(HEAD);
    }
    match tensors.keys().next() {
        Some(name) => Err(format!("tensor {name} is not part of a Llama model with this config.json")),
        None => Ok(Weights { config, embedding, layers, final_norm, head }),
    }
}

/// Matrices `[out, inner]` side by side as one `[inner, sum of out]`.
fn joined(inner: usize, matrices: &[Vec<f32>]) -> Vec<f32> {
    let columns: Vec<&[f32]> = matrices.iter().flat_map(|matrix| matrix.chunks_exact(inner)).collect();
    (0..inner).flat_map(|row| columns.iter().map(move |column| column[row])).collect()
}

fn read_tokenizer(path: &Path) -> Result<ImportedTokenizer> {
    if !path.exists() {
        return Ok(ImportedTokenizer::Missing);
    }
    let text = read_text(path)?;
    if let Ok(tokenizer) = Tokenizer::from_json(&text) {
        return Ok(ImportedTokenizer::Closed(Box::new(tokenizer)));
    }
    match text.parse::<tokenizers::Tokenizer>() {
        Ok(tokenizer) => Ok(ImportedTokenizer::Foreign(Box::new(tokenizer))),
        Err(error) => Err(Error::data(path, format!("not a tokenizer.json: {error}"))),
    }
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::io("cannot read", path))
}
