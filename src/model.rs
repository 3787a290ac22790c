//! The transformer: a Llama-style decoder whose weights the trainer updates and the sampler reads.

mod config;
mod weights;

pub use config::ModelConfig;
pub use weights::{LayerWeights, Weights};
