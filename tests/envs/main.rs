//! What must hold of every registered environment.

mod conformance;
mod hostile;
mod playthrough;
