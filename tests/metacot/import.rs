//! Checkpoints of others as ours: through the command line and back, and random models that `transformers` made.

use crate::reference::{odd_config, random_weights};
use crate::support::{error_line, output, stdout};
use metacot::interop::import;
use metacot::model::{ModelConfig, Weights};
use metacot::sample::{CpuDecoder, DecoderConfig, Request, SampleConfig};
use metacot::tokenizer::Tokenizer;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn export_and_import_give_back_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (ours, theirs, back) = (path("ours"), path("theirs"), path("back"));
    let weights = random_weights(ModelConfig { tied_embeddings: true, ..odd_config() }, 3);
    fs::create_dir(&ours).unwrap();
    weights.save(&Path::new(&ours).join("weights.safetensors")).unwrap();
    Tokenizer::new(["[", "]", ", ", "+", "→"], 0).unwrap().save(&Path::new(&ours).join("tokenizer.json")).unwrap();
    stdout(&output(&["export", &ours, "--out", &theirs]));
    let digest = stdout(&output(&["import", &theirs, &back]));
    assert_eq!(digest.trim_end(), weights.digest());
    for name in ["weights.safetensors", "tokenizer.json"] {
        assert!(fs::read(Path::new(&ours).join(name)).unwrap() == fs::read(Path::new(&back).join(name)).unwrap(), "{name} differs");
    }
    assert!(stdout(&output(&["inspect", &back])).contains("rope theta"));

    let refused = |args: &[&str]| error_line(&output(args), folder.path());
    assert_eq!(refused(&["import", &theirs, &back]), "5 error: DIR/back/weights.safetensors exists already; give --force to replace it, or another --out");
    stdout(&output(&["import", &theirs, &back, "--force"]));
    let config = Path::new(&theirs).join("config.json");
    fs::write(&config, fs::read_to_string(&config).unwrap().replace("\"silu\"", "\"gelu\"")).unwrap();
    assert_eq!(refused(&["import", &theirs, &path("gelu")]), "4 error: DIR/theirs/config.json: hidden_act = \"gelu\" is not supported; expected \"silu\"");
    assert!(!folder.path().join("gelu").exists());
    assert!(refused(&["import", &path("none"), &back, "--force"]).starts_with("3 error: cannot read DIR/none/config.json"));
    assert_eq!(Weights::load(&Path::new(&back).join("weights.safetensors")).unwrap(), weights);
}

#[test]
fn random_models_of_transformers_compute_the_same_here() {
    let Ok(interpreter) = std::env::var("METACOT_PYTHON") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python/transformers_random.py");
    let made = Command::new(&interpreter).arg(script).arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let names = String::from_utf8(made.stdout).unwrap();
    assert_eq!(names.lines().count(), 3);
    for name in names.lines() {
        let weights = import(&folder.path().join(name)).unwrap().weights;
        let cases: Value = serde_json::from_str(&fs::read_to_string(folder.path().join(format!("{name}.json"))).unwrap()).unwrap();
        let mut decoder = CpuDecoder::new(&weights, DecoderConfig { threads: 2, slots: 32 });
        for case in cases["sequences"].as_array().unwrap() {
            let expected: Vec<f32> = serde_json::from_value(case["logits"].clone()).unwrap();
            let found = decoder.logits(&ids(&case["tokens"]));
            assert_eq!(found.len(), expected.len());
            let largest = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs()).fold(0.0, f32::max);
            assert!(largest < 1e-4, "{name}: {largest}");
        }
        let generations = cases["generations"].as_array().unwrap();
        assert_eq!(generations.len(), 100);
        let requests: Vec<Request> = generations.iter().map(|case| Request { prompt: ids(&case["prompt"]), rng: ChaCha8Rng::seed_from_u64(0) }).collect();
        let max_new_tokens = cases["new_tokens"].as_u64().unwrap() as usize;
        let sampling = SampleConfig { temperature: 0.0, top_k: 0, top_p: 1.0, max_new_tokens, stop: vec![Tokenizer::EOS], scored_at: 1.0 };
        let completions = decoder.complete_masked(&requests, &sampling, None);
        let identical = completions.iter().zip(generations).filter(|(completion, case)| completion.ids == ids(&case["completion"])).count();
        assert_eq!(identical, 100, "{name}");
    }
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}
