//! metacot: search, text, weights, better search. The library behind the `metacot` binary.

pub mod checkpoint;
pub mod data;
pub mod device;
pub mod error;
pub mod kernels;
pub mod model;
pub mod sample;
pub mod train;

pub use error::{Error, Result};
