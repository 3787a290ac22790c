//! The number that a peer's scorer would give, its quirks included and its faults left out: nothing is run, nothing hangs, nothing crashes.
//!
//! Where a peer hands the answer to Python, the arithmetic of Python is worked out here within bounds. What lies beyond arithmetic, or
//! beyond the bounds, scores as what the peer could not evaluate.

mod builtin;
mod complex;
mod integer;
mod python;
pub mod reasoning_gym;
pub mod searchformer;
pub mod sos;
mod symbolic;
pub mod tinyzero;
