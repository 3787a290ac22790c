//! metacot: search, text, weights, better search. The library behind the `metacot` binary.

pub mod atomic;
pub mod error;
pub mod eval;
pub mod metrics;
pub mod model;
pub mod report;
pub mod sample;
pub mod tokenizer;

pub use error::{Error, Result};
