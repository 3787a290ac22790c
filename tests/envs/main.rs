//! What must hold of every registered environment.

mod conformance;
mod hostile;
mod language;
mod playthrough;
