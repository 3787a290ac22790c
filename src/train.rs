//! Supervised training: examples in, weights out, through burn-train, with a resume that equals an uninterrupted run bit for bit on a CPU.

mod config;
mod fit;
mod metrics;
mod optimizer;
mod progress;
mod schedule;
mod state;
mod step;
mod strategy;

pub use config::TrainConfig;
pub use fit::{Job, fit};
pub use progress::Progress;
pub use schedule::Schedule;
pub use step::Measured;
