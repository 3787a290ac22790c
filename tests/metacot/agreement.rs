//! The trainer and the sampler are the same model: equal logits from the same weights, document by document.

use metacot::{
    data::{Batch, Example},
    device::Cpu,
    model::{Decoder, ModelConfig, Weights},
    sample::{CpuDecoder, DecoderConfig},
};
use metacot_envs::SeedTree;

fn config(kv_heads: usize, tied_embeddings: bool) -> ModelConfig {
    ModelConfig {
        vocab_size: 37,
        width: 48,
        layers: 2,
        heads: 4,
        kv_heads,
        hidden: 56,
        context: 64,
        rope_theta: 10_000.0,
        rope_scaling: None,
        norm_epsilon: 1e-5,
        tied_embeddings,
    }
}

#[test]
fn sampler_logits_equal_those_of_the_trained_module() {
    for (kv_heads, tied_embeddings) in [(4, false), (2, true)] {
        let config = config(kv_heads, tied_embeddings);
        let mut weights = Weights::init(&config, &SeedTree::root(9));
        // Larger weights than at the start, so that attention is far from uniform.
        for layer in &mut weights.layers {
            layer.qkv.iter_mut().for_each(|weight| *weight *= 4.0);
        }
        let documents: [Vec<u32>; 3] = [(1..20).collect(), (5..36).rev().collect(), vec![3; 9]];
        let examples: Vec<Example> = documents.iter().map(|ids| Example { ids: ids.iter().copied().chain([2]).collect(), response_start: 1 }).collect();
        let batch = Batch::new(&examples, &[vec![0, 1], vec![2]], 1.0);
        let module = Decoder::<Cpu>::from_weights(&weights, &Default::default());
        let trained: Vec<f32> = module.forward(&batch.input).into_data().to_vec().unwrap();
        let mut sampler = CpuDecoder::new(&weights, DecoderConfig { threads: 1, ..DecoderConfig::default() });
        for (document, at) in documents.iter().zip([0, documents[0].len(), batch.input.time]) {
            let sampled = sampler.logits(document);
            let trained = &trained[at * config.vocab_size..][..sampled.len()];
            let largest = trained.iter().fold(0.0_f32, |largest, logit| largest.max(logit.abs()));
            let difference = trained.iter().zip(&sampled).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
            assert!(difference < 1e-4 * largest.max(1.0), "{difference} with logits up to {largest}");
        }
    }
}
