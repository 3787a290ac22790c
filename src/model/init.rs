//! Fresh weights from a seed.

use metacot_envs::SeedTree;
use rand_chacha::rand_core::Rng;

use super::{LayerWeights, ModelConfig, Weights};

/// Standard deviation of the projections and the embedding; those that write into the residual stream are divided by `sqrt(2 layers)`.
const DEVIATION: f64 = 0.02;

impl Weights {
    /// Fresh weights: uniform numbers of standard deviation 0.02, gains of 1.
    ///
    /// Each tensor draws from its own stream under `seeds`. Uniform rather than normal, because a uniform number needs no function whose
    /// last bit depends on the machine.
    pub fn init(config: &ModelConfig, seeds: &SeedTree) -> Self {
        let (d, f, v) = (config.width, config.hidden, config.vocab_size);
        let joint = d + 2 * config.kv_heads * config.head_dim();
        let residual = DEVIATION / (2.0 * config.layers as f64).sqrt();
        let draw = |name: &str, len: usize, deviation: f64| uniform(&seeds.child(name), len, deviation);
        let layers = (0..config.layers)
            .map(|layer| LayerWeights {
                attention_norm: vec![1.0; d],
                qkv: draw(&format!("layers.{layer}.qkv"), d * joint, DEVIATION),
                output: draw(&format!("layers.{layer}.output"), d * d, residual),
                mlp_norm: vec![1.0; d],
                gate_up: draw(&format!("layers.{layer}.gate_up"), d * 2 * f, DEVIATION),
                down: draw(&format!("layers.{layer}.down"), f * d, residual),
            })
            .collect();
        Self {
            config: config.clone(),
            embedding: draw("embedding", v * d, DEVIATION),
            layers,
            final_norm: vec![1.0; d],
            head: (!config.tied_embeddings).then(|| draw("head", d * v, DEVIATION)),
        }
    }
}

/// Uniform numbers of mean 0 and the given standard deviation from stream 0 of `seeds`.
fn uniform(seeds: &SeedTree, len: usize, deviation: f64) -> Vec<f32> {
    let mut rng = seeds.stream(0);
    let reach = deviation * 3.0_f64.sqrt();
    (0..len)
        .map(|_| {
            let unit = f64::from(rng.next_u32()) / f64::from(u32::MAX);
            ((2.0 * unit - 1.0) * reach) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_numbers_have_the_deviation_asked_for() {
        let numbers = uniform(&SeedTree::root(1), 20_000, 0.02);
        let square = numbers.iter().map(|x| f64::from(x * x)).sum::<f64>() / 20_000.0;
        assert!((square.sqrt() - 0.02).abs() < 5e-4, "{}", square.sqrt());
        assert_eq!(numbers, uniform(&SeedTree::root(1), 20_000, 0.02));
    }
}
