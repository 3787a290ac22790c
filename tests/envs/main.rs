//! What must hold of every registered environment.

mod conformance;
mod playthrough;
