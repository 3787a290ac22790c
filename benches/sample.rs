//! Tokens per second of the CPU decoder: 256 new tokens after a short prompt, for batches of 1, 32 and 128 requests.
//!
//! `cargo bench --bench sample [-- THREADS [SLOTS]]`; the model has 4 layers of width 128 with 4 heads, 352 hidden units, a context of 256 and 128 token ids.
#![allow(clippy::print_stdout)]

use metacot::model::{LayerWeights, ModelConfig, Weights};
use metacot::sample::{CpuDecoder, DecoderConfig, Request, SampleConfig};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::time::Instant;

const CONTEXT: usize = 257;
const REPEATS: usize = 5;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let default = DecoderConfig::default();
    let config = DecoderConfig { threads: numbers.next().unwrap_or(default.threads), slots: numbers.next().unwrap_or(default.slots) };
    let mut decoder = CpuDecoder::new(&weights(), config);
    let sampling = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 256, stop: Vec::new() };
    let reference = decoder.complete_masked(&requests(128), &sampling, None);
    assert_eq!(decoder.complete_masked(&requests(1), &sampling, None), reference[..1], "the batch changed a completion");
    println!("{} threads, {} slots; best of {REPEATS}", config.threads, config.slots);
    for batch in [1, 2, 4, 8, 16, 32, 128] {
        let requests = requests(batch);
        let calls = (32 / batch).max(1);
        let mut best = 0f64;
        for _ in 0..REPEATS {
            let start = Instant::now();
            for _ in 0..calls {
                let completions = decoder.complete_masked(&requests, &sampling, None);
                assert!(completions.iter().all(|completion| completion.ids.len() == 256));
            }
            best = best.max((calls * batch * 256) as f64 / start.elapsed().as_secs_f64());
        }
        println!("batch {batch:4}: {best:8.0} tokens/s");
    }
}

fn requests(count: usize) -> Vec<Request> {
    (0..count).map(|index| Request { prompt: vec![1 + index as u32 % 100], rng: ChaCha8Rng::seed_from_u64(index as u64) }).collect()
}

fn weights() -> Weights {
    let config = ModelConfig {
        vocab_size: 128,
        width: 128,
        layers: 4,
        heads: 4,
        kv_heads: 4,
        hidden: 352,
        context: CONTEXT,
        rope_theta: 10_000.0,
        norm_epsilon: 1e-5,
        tied_embeddings: false,
    };
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut matrix = |rows: usize, columns: usize| -> Vec<f32> {
        let scale = (3.0 / rows as f32).sqrt();
        (0..rows * columns).map(|_| rng.random_range(-scale..scale)).collect()
    };
    let (v, d, f) = (config.vocab_size, config.width, config.hidden);
    let mut layer = || LayerWeights {
        attention_norm: vec![1.0; d],
        qkv: matrix(d, 3 * d),
        output: matrix(d, d),
        mlp_norm: vec![1.0; d],
        gate_up: matrix(d, 2 * f),
        down: matrix(f, d),
    };
    let layers = (0..config.layers).map(|_| layer()).collect();
    Weights { embedding: matrix(v, d), layers, final_norm: vec![1.0; d], head: Some(matrix(d, v)), config }
}
