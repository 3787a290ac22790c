//! metacot: search, text, weights, better search. The library behind the `metacot` binary.

pub mod atomic;
pub mod attempts;
pub mod bench;
pub mod checkpoint;
pub mod cli;
pub mod data;
pub mod device;
pub mod error;
pub mod eval;
pub mod grade;
pub mod improve;
pub mod inspect;
pub mod interop;
pub mod kernels;
pub mod metrics;
pub mod model;
pub mod pipeline;
pub mod recipe;
pub mod report;
pub mod run_dir;
pub mod sample;
pub mod tokenizer;
pub mod train;

pub use error::{Error, Result};
