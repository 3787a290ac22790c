//! metacot: search, text, weights, better search. The library behind the `metacot` binary.

pub mod atomic;
pub mod checkpoint;
pub mod data;
pub mod device;
pub mod error;
pub mod eval;
pub mod kernels;
pub mod metrics;
pub mod model;
pub mod report;
pub mod sample;
pub mod tokenizer;
pub mod train;

pub use error::{Error, Result};
