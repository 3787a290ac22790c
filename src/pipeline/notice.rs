//! What a run tells the person who watches it.

use crate::{improve::StepReport, train::Progress};

/// Something to show; the command line decides how.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A stage begins.
    Stage {
        /// From 1.
        number: usize,
        /// How many there are.
        stages: usize,
        /// What it does.
        name: String,
    },
    /// Records generated, of how many.
    Generated {
        /// Done.
        done: u64,
        /// In all.
        total: u64,
    },
    /// Completions sampled, of how many.
    Sampled {
        /// Done.
        done: u64,
        /// In all.
        total: u64,
    },
    /// A training step.
    Training(Progress),
    /// A step of policy gradients.
    Improving(Box<StepReport>),
    /// A line worth keeping.
    Note(String),
}
