//! The models that speed is measured with.

use crate::{data::Example, model::ModelConfig};
use metacot_envs::SeedTree;
use rand::RngExt;

/// A model with the batch that it is trained on.
#[derive(Clone, Debug, PartialEq)]
pub struct BenchModel {
    /// What it is called.
    pub name: &'static str,
    /// Its shape.
    pub shape: ModelConfig,
    /// Rows of a batch, each as long as the context.
    pub rows: usize,
}

/// All models, from `small` to `long`.
pub fn all() -> [BenchModel; 4] {
    let model = |name, rows, [layers, width, heads, hidden, context, vocab_size]: [usize; 6]| {
        let shape = ModelConfig {
            vocab_size,
            width,
            layers,
            heads,
            kv_heads: heads,
            hidden,
            context,
            rope_theta: 10_000.0,
            rope_scaling: None,
            norm_epsilon: 1e-5,
            tied_embeddings: false,
        };
        BenchModel { name, shape, rows }
    };
    [
        model("small", 32, [3, 96, 4, 256, 256, 160]),
        model("i", 32, [4, 128, 4, 352, 256, 128]),
        model("ii", 8, [6, 384, 6, 1024, 512, 128]),
        model("long", 4, [4, 128, 4, 352, 2048, 128]),
    ]
}

impl BenchModel {
    /// The model of a name of the list.
    ///
    /// # Panics
    /// Where the list has no such name.
    pub(super) fn named(name: &str) -> Self {
        all().into_iter().find(|model| model.name == name).expect("the cases name models of the list")
    }

    /// Tokens of a batch.
    pub fn batch_tokens(&self) -> usize {
        self.rows * self.shape.context
    }

    /// Examples for so many steps: every row is one document of full length, so that all positions count.
    pub fn examples(&self, steps: usize) -> Vec<Example> {
        let mut rng = SeedTree::root(1).child("bench").stream(0);
        let mut ids = || (0..=self.shape.context).map(|_| rng.random_range(0..self.shape.vocab_size as u32)).collect();
        (0..self.rows * steps).map(|_| Example { ids: ids(), response_start: 1 }).collect()
    }

    /// Floating-point operations per token of forward and backward: six per weight of a matrix product, and twelve per width, layer and key
    /// that a query sees (half the context on average, as attention is causal).
    pub fn flops_per_token(&self) -> f64 {
        let model = &self.shape;
        let (d, f, v) = (model.width as f64, model.hidden as f64, model.vocab_size as f64);
        let layers = model.layers as f64;
        6.0 * (layers * (4.0 * d * d + 3.0 * d * f) + d * v) + 12.0 * layers * d * (model.context as f64 / 2.0)
    }
}
