//! Tokens per second of the CPU decoder: sampling at temperature 1 after a prompt of one token, the context full at the end.
//!
//! `cargo bench --bench sample [-- BATCH [NEW_TOKENS [THREADS [SLOTS]]]]`; without a batch all of them. The model has 4 layers of width 128 with 4 heads, 352 hidden
//! units and 128 token ids. One line of JSON a batch: the median and the best of the repetitions, and the process's peak memory in MB.
#![allow(clippy::print_stdout)]

use metacot::bench::{models, timing::peak_memory};
use metacot::model::{ModelConfig, Weights};
use metacot::sample::{CpuDecoder, DecoderConfig, Request, SampleConfig};
use metacot_envs::SeedTree;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REPEATS: usize = 5;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let new_tokens = numbers.get(1).copied().unwrap_or(256);
    let default = DecoderConfig::default();
    let [threads, slots] = [(2, default.threads), (3, default.slots)].map(|(place, default)| numbers.get(place).copied().unwrap_or(default));
    let config = DecoderConfig { threads, slots };
    let mut decoder = CpuDecoder::new(&weights(new_tokens + 1), config);
    let sampling = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: new_tokens, stop: Vec::new(), scored_at: 1.0 };
    let batches = numbers.first().map_or(vec![1, 2, 4, 8, 16, 32, 128], |batch| vec![*batch]);
    for batch in batches {
        let requests = requests(batch);
        let calls = (32 * 256 / (batch * new_tokens)).max(1);
        decoder.complete_masked(&requests, &sampling, None);
        let mut speeds: Vec<f64> = (0..REPEATS)
            .map(|_| {
                let start = Instant::now();
                for _ in 0..calls {
                    let completions = decoder.complete_masked(&requests, &sampling, None);
                    assert!(completions.iter().all(|completion| completion.ids.len() == new_tokens));
                }
                (calls * batch * new_tokens) as f64 / start.elapsed().as_secs_f64()
            })
            .collect();
        speeds.sort_unstable_by(f64::total_cmp);
        let line = serde_json::json!({
            "case": format!("sample {batch} x {new_tokens}"),
            "tokens_per_s": speeds[REPEATS / 2].round(),
            "best_tokens_per_s": speeds[REPEATS - 1].round(),
            "peak_mb": peak_memory().round(),
        });
        println!("{line}");
    }
}

fn requests(count: usize) -> Vec<Request> {
    (0..count).map(|index| Request { prompt: vec![1 + index as u32 % 100], rng: ChaCha8Rng::seed_from_u64(index as u64) }).collect()
}

fn weights(context: usize) -> Weights {
    let model = models::all().into_iter().find(|model| model.name == "i").expect("the list has it");
    Weights::init(&ModelConfig { context, ..model.shape }, &SeedTree::root(7))
}
