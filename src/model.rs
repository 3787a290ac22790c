//! The transformer: a Llama-style decoder whose weights the trainer updates and the sampler reads.

mod block;
mod config;
mod convert;
mod decoder;
mod init;
mod rotary;
mod weights;

pub use block::{Block, Pass};
pub use config::ModelConfig;
pub(crate) use convert::floats;
pub use decoder::{Decoder, PackedRows};
pub use rotary::{RopeScaling, rotary_angles};
pub use weights::{LayerWeights, Weights};
