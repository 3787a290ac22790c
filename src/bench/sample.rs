//! Sampling with the CPU decoder at temperature 1, after a prompt of one token, until the context is full.

use metacot_envs::SeedTree;

use super::{Case, Setup, models::BenchModel, timing};
use crate::{
    Result,
    model::Weights,
    sample::{CpuDecoder, DecoderConfig, Request, SampleConfig},
};

pub(super) const ONE: Case = case("sample, model i, batch 1", |setup| measure(setup, 1));
pub(super) const SOME: Case = case("sample, model i, batch 32", |setup| measure(setup, 32));
pub(super) const MANY: Case = case("sample, model i, batch 128", |setup| measure(setup, 128));

/// The forward pass is a third of what training does.
const fn case(name: &'static str, measure: fn(&Setup) -> Result<Vec<f64>>) -> Case {
    let flops = || BenchModel::named("i").flops_per_token() / 3.0;
    Case { name, unit: "tokens", is_slow: false, is_single: false, flops: Some(flops), measure }
}

fn measure(setup: &Setup, batch: u64) -> Result<Vec<f64>> {
    let shape = BenchModel::named("i").shape;
    let new_tokens = shape.context - 1;
    let weights = Weights::init(&shape, &SeedTree::root(7));
    let default = DecoderConfig::default();
    let slots = default.slots / default.threads * setup.threads;
    let mut decoder = CpuDecoder::new(&weights, DecoderConfig { threads: setup.threads, slots });
    let sampling = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: new_tokens, stop: Vec::new(), scored_at: 1.0 };
    let requests: Vec<Request> = (0..batch).map(|index| Request { prompt: vec![1 + index as u32 % 100], rng: SeedTree::root(8).stream(index) }).collect();
    timing::repeat(setup, || {
        let completions = decoder.complete_masked(&requests, &sampling, None);
        let tokens: usize = completions.iter().map(|completion| completion.ids.len()).sum();
        assert_eq!(tokens, requests.len() * new_tokens, "nothing ends a completion but the context");
        Ok(tokens as f64)
    })
}
