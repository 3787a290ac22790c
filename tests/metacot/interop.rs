//! Export and import of Hugging Face folders, and parity with `transformers` where an interpreter that has it is named.

use crate::reference::{odd_config, random_weights};
use metacot::Error;
use metacot::interop::{ImportedTokenizer, export, import};
use metacot::model::{ModelConfig, RopeScaling, Weights};
use metacot::sample::{CpuDecoder, DecoderConfig, Request, SampleConfig};
use metacot::tokenizer::Tokenizer;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Names a Python interpreter that has `torch` and `transformers`; without it the parity test has nothing to do.
const INTERPRETER: &str = "METACOT_PYTHON";

/// Shape and numbers of each tensor.
type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn tokenizer() -> Tokenizer {
    let phrases = ["Current State: ", "\nExploring Operation: ", ", Resulting Numbers: [", ":[", ", ", "]", "+", "-", "*", "/", "=", "→", "<think>", "\\<"];
    Tokenizer::new(phrases, 0).unwrap()
}

fn data_reason<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result.unwrap_err() {
        Error::Data { reason, .. } => reason,
        other => panic!("expected a data error, not {other}"),
    }
}

/// The tensors of an exported folder.
fn read(folder: &Path) -> Tensors {
    let bytes = fs::read(folder.join("model.safetensors")).unwrap();
    let numbers = |data: &[u8]| data.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
    SafeTensors::deserialize(&bytes).unwrap().iter().map(|(name, view)| (name.to_string(), (view.shape().to_vec(), numbers(view.data())))).collect()
}

/// Writes tensors as little-endian numbers of `dtype`.
fn write(path: &Path, dtype: Dtype, tensors: &Tensors) {
    let convert = |number: &f32| match dtype {
        Dtype::F32 => number.to_le_bytes().to_vec(),
        _ => ((number.to_bits() >> 16) as u16).to_le_bytes().to_vec(),
    };
    let bytes: Vec<Vec<u8>> = tensors.values().map(|(_, numbers)| numbers.iter().flat_map(convert).collect()).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, (shape, _)), bytes)| (name, TensorView::new(dtype, shape.clone(), bytes).unwrap()));
    fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn an_exported_model_imports_back_unchanged() {
    for config in [odd_config(), ModelConfig { tied_embeddings: true, ..odd_config() }, ModelConfig { kv_heads: 4, ..odd_config() }] {
        let folder = tempfile::tempdir().unwrap();
        let weights = random_weights(config, 1);
        export(&weights, &tokenizer(), None, folder.path(), false).unwrap();
        let imported = import(folder.path()).unwrap();
        assert_eq!(imported.weights, weights);
        assert!(matches!(imported.tokenizer, ImportedTokenizer::Closed(found) if found.to_json() == tokenizer().to_json()));
    }
}

#[cfg(unix)]
#[test]
fn exported_files_are_readable_by_everyone_and_complete() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    export(&random_weights(odd_config(), 1), &tokenizer(), None, folder.path(), false).unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o644);
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]);
}

#[test]
fn an_export_is_replaced_only_by_force() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (random_weights(odd_config(), 1), random_weights(odd_config(), 2));
    export(&one, &tokenizer(), None, folder.path(), false).unwrap();
    assert!(matches!(export(&other, &tokenizer(), None, folder.path(), false), Err(Error::Exists { .. })));
    assert_eq!(import(folder.path()).unwrap().weights, one);
    export(&other, &tokenizer(), None, folder.path(), true).unwrap();
    assert_eq!(import(folder.path()).unwrap().weights, other);
}

#[test]
fn an_export_leaves_no_index_or_shard_of_another_model() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let stale = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"].map(place);
    let kept = ["model-card.safetensors", "model-1-of-x.safetensors"].map(place);
    stale.iter().chain(&kept).for_each(|path| fs::write(path, "{}").unwrap());
    let weights = random_weights(odd_config(), 1);
    assert!(matches!(export(&weights, &tokenizer(), None, folder.path(), false), Err(Error::Exists { path }) if path == stale[0]));
    export(&weights, &tokenizer(), None, folder.path(), true).unwrap();
    assert!(stale.iter().all(|path| !path.exists()) && kept.iter().all(|path| path.exists()));
    assert_eq!(import(folder.path()).unwrap().weights, weights);
}

#[test]
fn a_vocabulary_that_is_larger_than_the_model_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let weights = random_weights(ModelConfig { vocab_size: 20, ..odd_config() }, 1);
    assert!(matches!(export(&weights, &tokenizer(), None, folder.path(), false), Err(Error::Usage(_))));
}

#[test]
fn shards_and_half_precision_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut weights = random_weights(odd_config(), 1);
    export(&weights, &tokenizer(), None, folder.path(), false).unwrap();
    let mut tensors = read(folder.path());
    fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    // An old checkpoint's buffer, which does not count.
    tensors.insert("model.layers.0.self_attn.rotary_emb.inv_freq".into(), (vec![1], vec![1.0]));
    let second = tensors.split_off("model.layers.1");
    let files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let map: BTreeMap<&String, &str> = tensors.keys().map(|name| (name, files[0])).chain(second.keys().map(|name| (name, files[1]))).collect();
    fs::write(folder.path().join("model.safetensors.index.json"), json!({"metadata": {}, "weight_map": map}).to_string()).unwrap();
    write(&folder.path().join(files[0]), Dtype::BF16, &tensors);
    write(&folder.path().join(files[1]), Dtype::BF16, &second);
    let cut = |numbers: &mut Vec<f32>| numbers.iter_mut().for_each(|number| *number = f32::from_bits(number.to_bits() & 0xFFFF_0000));
    for layer in &mut weights.layers {
        [&mut layer.attention_norm, &mut layer.qkv, &mut layer.output, &mut layer.mlp_norm, &mut layer.gate_up, &mut layer.down].into_iter().for_each(cut);
    }
    [&mut weights.embedding, &mut weights.final_norm, weights.head.as_mut().unwrap()].into_iter().for_each(cut);
    assert_eq!(import(folder.path()).unwrap().weights, weights);
}

#[test]
fn each_fault_of_a_checkpoint_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    export(&random_weights(odd_config(), 1), &tokenizer(), None, folder.path(), false).unwrap();
    let good = read(folder.path());
    let fault = |change: &dyn Fn(&mut Tensors)| {
        let mut tensors = good.clone();
        change(&mut tensors);
        write(&path, Dtype::F32, &tensors);
        data_reason(import(folder.path()))
    };
    let name = "model.layers.1.mlp.up_proj.weight";
    assert!(fault(&|tensors| drop(tensors.remove(name))).contains("up_proj.weight is missing"));
    assert!(fault(&|tensors| tensors.get_mut(name).unwrap().0.reverse()).contains("expected [100, 72]"));
    let bias = "model.layers.0.self_attn.q_proj.bias";
    assert!(fault(&|tensors| drop(tensors.insert(bias.into(), (vec![1], vec![0.0])))).contains("q_proj.bias is not part"));
    fs::write(&path, &fs::read(&path).unwrap()[..1000]).unwrap();
    assert!(data_reason(import(folder.path())).contains("not a safetensors file"));
    assert!(fault(&|tensors| tensors.get_mut(name).unwrap().1[7] = f32::INFINITY).contains("up_proj.weight has a number that is not finite"));
    let index = |map: Value| {
        fs::write(folder.path().join("model.safetensors.index.json"), json!({ "weight_map": map }).to_string()).unwrap();
        data_reason(import(folder.path()))
    };
    assert!(index(json!({"a": "../a"})).contains("plain file name"));
    assert_eq!(index(json!({"a": "b.safetensors"})), "shard \"b.safetensors\" is missing from the folder");
    write(&folder.path().join("b.safetensors"), Dtype::F32, &good);
    assert!(index(json!({"a": "b.safetensors"})).contains("one of the two is left over"));
    write(&path, Dtype::F32, &good);
    assert_eq!(index(json!({"a": "b.safetensors", "b": "model.safetensors"})), "tensor lm_head.weight is in another shard as well");
    assert!(matches!(import(&folder.path().join("missing")), Err(Error::Io { .. })));
}

#[test]
fn a_foreign_tokenizer_is_kept_as_such() {
    let folder = tempfile::tempdir().unwrap();
    export(&random_weights(odd_config(), 1), &tokenizer(), None, folder.path(), false).unwrap();
    let path = folder.path().join("tokenizer.json");
    fs::write(&path, r#"{"version":"1.0","added_tokens":[],"model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}"#).unwrap();
    assert!(matches!(import(folder.path()).unwrap().tokenizer, ImportedTokenizer::Foreign(_)));
    fs::write(&path, "{}").unwrap();
    assert!(data_reason(import(folder.path())).contains("not a tokenizer.json"));
    fs::remove_file(&path).unwrap();
    assert!(matches!(import(folder.path()).unwrap().tokenizer, ImportedTokenizer::Missing));
}

#[test]
fn transformers_computes_the_same_logits_generations_and_ids() {
    let Ok(interpreter) = std::env::var(INTERPRETER) else {
        return;
    };
    let llama3 = RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position_embeddings: 24 };
    for config in [odd_config(), ModelConfig { tied_embeddings: true, rope_theta: 500_000.0, rope_scaling: Some(llama3), ..odd_config() }] {
        let folder = tempfile::tempdir().unwrap();
        let weights = random_weights(config, 11);
        export(&weights, &tokenizer(), None, folder.path(), false).unwrap();
        fs::write(folder.path().join("cases.json"), cases(&weights).to_string()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/transformers_parity.py");
        let output = Command::new(&interpreter).arg(script).arg(folder.path()).output().unwrap();
        let report = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_str(&report).unwrap();
        assert!(report["max_logit_difference"].as_f64().unwrap() < 1e-4, "{report}");
        assert_eq!(report["generations"], json!({"compared": 100, "identical": 100}));
        assert_eq!(report["texts"], json!({"compared": TEXTS.len(), "identical": TEXTS.len()}));
        assert_eq!(import(&folder.path().join("resaved")).unwrap().weights, weights);
    }
}

const TEXTS: [&str; 6] =
    ["Current State: 24:[3, 5, 9]", "\nExploring Operation: 3*9=27, Resulting Numbers: [5, 27]", "007 <eos>x→\\<<think>", "é\u{301}\r\n 12", "<pad><bo", ""];

/// What Python must find as well: logits of three sequences, greedy completions of a hundred prompts, ids of some texts.
fn cases(weights: &Weights) -> Value {
    let mut decoder = CpuDecoder::new(weights, DecoderConfig { threads: 2, slots: 32 });
    let v = weights.config.vocab_size;
    let tokens = |seed: usize, count: usize| -> Vec<u32> { (0..count).map(|index| ((seed * 31 + index * index * 7 + index * 5) % v) as u32).collect() };
    let sequences: Vec<Value> = [1, 17, weights.config.context]
        .map(|count| {
            let tokens = tokens(count, count);
            json!({"tokens": tokens, "logits": decoder.logits(&tokens)})
        })
        .to_vec();
    let prompts: Vec<Vec<u32>> = (0..100).map(|index| tokens(index, 1 + index % 7)).collect();
    let requests: Vec<Request> = prompts.iter().map(|prompt| Request { prompt: prompt.clone(), rng: ChaCha8Rng::seed_from_u64(0) }).collect();
    let sampling = SampleConfig { temperature: 0.0, top_k: 0, top_p: 1.0, max_new_tokens: 48, stop: vec![Tokenizer::EOS], scored_at: 1.0 };
    let completions = decoder.complete_masked(&requests, &sampling, None);
    let generations: Vec<Value> = prompts.iter().zip(completions).map(|(prompt, completion)| json!({"prompt": prompt, "completion": completion.ids})).collect();
    let tokenizer = tokenizer();
    let texts: Vec<Value> =
        TEXTS.map(|text| json!({"text": text, "ids": tokenizer.encode(text), "decoded": tokenizer.decode(&tokenizer.encode(text))})).to_vec();
    json!({"sequences": sequences, "max_new_tokens": sampling.max_new_tokens, "generations": generations, "texts": texts})
}
