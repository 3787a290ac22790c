//! metacot: search, text, weights, better search. The library behind the `metacot` binary.

pub mod atomic_file;
pub mod error;
pub mod interop;
pub mod model;
pub mod sample;
pub mod tokenizer;

pub use error::{Error, Result};
