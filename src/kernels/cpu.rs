//! The operations of the CPU as functions on slices, each on one thread but for the products that say so;
//! [`flex`](super::flex) spreads them over chunks of rows.
//!
//! Row-major throughout. Vector instructions are chosen at run time; every loop has one order of summation, so results do not depend on
//! the number of threads.

pub mod adamw;
pub mod attention;
pub mod block;
pub mod cross_entropy;
pub mod matmul;
pub mod matrix;
mod paneled;
mod panels;
pub mod pieces;
pub mod rms_norm;
mod simd;
pub mod space;
pub mod sum;
pub mod swiglu;
mod tile;
pub mod transpose;

#[cfg(test)]
pub use simd::{on_every_isa, on_threads};
