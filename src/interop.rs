//! Models in the form that the Hugging Face world reads and writes: a folder with a Llama checkpoint and its tokenizer.
//!
//! Llama is the architecture of [`Weights`](crate::model::Weights): RMSNorm, RoPE with rotated halves, SwiGLU, no biases, grouped queries and tied embeddings as
//! options. Two things differ on disk: projections are stored as `[out, in]`, and the joint ones are apart.

mod card;
mod export;
mod float;
mod import;
mod llama;

pub use card::{Measurement, Origin};
pub use export::export;
pub use import::{Imported, ImportedTokenizer, import, import_into};
