//! Random weights, and the forward pass written down once more without any cache or cleverness, in double precision.

use metacot::model::{LayerWeights, ModelConfig, Weights};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A small shape with nothing round about it: grouped queries, a vocabulary and widths that fill no vector.
pub fn odd_config() -> ModelConfig {
    ModelConfig {
        vocab_size: 53,
        width: 72,
        layers: 3,
        heads: 4,
        kv_heads: 2,
        hidden: 100,
        context: 96,
        rope_theta: 10_000.0,
        rope_scaling: None,
        norm_epsilon: 1e-5,
        tied_embeddings: false,
    }
}

pub fn random_weights(config: ModelConfig, seed: u64) -> Weights {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut matrix = |rows: usize, columns: usize, scale: f32| -> Vec<f32> {
        let bound = scale * (3.0 / rows as f32).sqrt();
        (0..rows * columns).map(|_| rng.random_range(-bound..bound)).collect()
    };
    let (v, d, f, g) = (config.vocab_size, config.width, config.hidden, config.kv_heads * config.head_dim());
    let mut gain = |count: usize| matrix(1, count, 0.2).into_iter().map(|x| 1.0 + x).collect();
    let gains: Vec<Vec<f32>> = (0..2 * config.layers + 1).map(|_| gain(d)).collect();
    let mut layer = |index: usize| LayerWeights {
        attention_norm: gains[2 * index].clone(),
        qkv: matrix(d, d + 2 * g, 1.0),
        output: matrix(d, d, 1.0),
        mlp_norm: gains[2 * index + 1].clone(),
        gate_up: matrix(d, 2 * f, 1.0),
        down: matrix(f, d, 1.0),
    };
    let layers = (0..config.layers).map(&mut layer).collect();
    let final_norm = gains[2 * config.layers].clone();
    let head = (!config.tied_embeddings).then(|| matrix(d, v, 1.0));
    Weights { embedding: matrix(v, d, 2.0), layers, final_norm, head, config }
}

/// The logits after each token, `[t][v]`.
pub fn reference_logits(weights: &Weights, tokens: &[u32]) -> Vec<Vec<f64>> {
    let config = &weights.config;
    let (d, h, hd, f) = (config.width, config.heads, config.head_dim(), config.hidden);
    let (g, group) = (config.kv_heads * hd, config.heads / config.kv_heads);
    let mut x: Vec<Vec<f64>> = tokens.iter().map(|token| widen(&weights.embedding[*token as usize * d..][..d])).collect();
    for layer in &weights.layers {
        let mut qkv: Vec<Vec<f64>> = x.iter().map(|x| times(&norm(x, &layer.attention_norm, config), &layer.qkv)).collect();
        for (position, row) in qkv.iter_mut().enumerate() {
            row[..d + g].chunks_exact_mut(hd).for_each(|head| rotate(head, position, config));
        }
        for t in 0..tokens.len() {
            let mut context = vec![0.0; d];
            for head in 0..h {
                let key = d + head / group * hd;
                let score = |s: usize| (0..hd).map(|i| qkv[t][head * hd + i] * qkv[s][key + i]).sum::<f64>() / (hd as f64).sqrt();
                let weights: Vec<f64> = (0..=t).map(|s| score(s).exp()).collect();
                let total: f64 = weights.iter().sum();
                for i in 0..hd {
                    context[head * hd + i] = (0..=t).map(|s| weights[s] * qkv[s][key + g + i]).sum::<f64>() / total;
                }
            }
            add(&mut x[t], &times(&context, &layer.output));
            let gate_up = times(&norm(&x[t], &layer.mlp_norm, config), &layer.gate_up);
            let hidden: Vec<f64> = (0..f).map(|i| gate_up[i] / (1.0 + (-gate_up[i]).exp()) * gate_up[f + i]).collect();
            add(&mut x[t], &times(&hidden, &layer.down));
        }
    }
    let finish = |x: &Vec<f64>| {
        let x = norm(x, &weights.final_norm, config);
        match &weights.head {
            Some(head) => times(&x, head),
            None => weights.embedding.chunks_exact(d).map(|row| row.iter().zip(&x).map(|(a, b)| f64::from(*a) * b).sum()).collect(),
        }
    };
    x.iter().map(finish).collect()
}

/// Natural logarithm of the softmax.
pub fn log_softmax(logits: &[f64]) -> Vec<f64> {
    let total = logits.iter().map(|logit| logit.exp()).sum::<f64>().ln();
    logits.iter().map(|logit| logit - total).collect()
}

fn widen(row: &[f32]) -> Vec<f64> {
    row.iter().map(|x| f64::from(*x)).collect()
}

fn norm(x: &[f64], gain: &[f32], config: &ModelConfig) -> Vec<f64> {
    let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    x.iter().zip(gain).map(|(x, gain)| x / (mean + f64::from(config.norm_epsilon)).sqrt() * f64::from(*gain)).collect()
}

fn times(x: &[f64], matrix: &[f32]) -> Vec<f64> {
    let columns = matrix.len() / x.len();
    (0..columns).map(|column| x.iter().enumerate().map(|(row, x)| x * f64::from(matrix[row * columns + column])).sum()).collect()
}

fn rotate(head: &mut [f64], position: usize, config: &ModelConfig) {
    let half = head.len() / 2;
    for pair in 0..half {
        // Rounded where `transformers` rounds.
        let frequency = (1.0 / f64::from(config.rope_theta).powf(pair as f64 / half as f64)) as f32;
        let angle = f64::from(position as f32 * frequency);
        let (x, y) = (head[pair], head[pair + half]);
        head[pair] = x * angle.cos() - y * angle.sin();
        head[pair + half] = y * angle.cos() + x * angle.sin();
    }
}

fn add(x: &mut [f64], more: &[f64]) {
    x.iter_mut().zip(more).for_each(|(x, more)| *x += more);
}
