//! What a policy is worth: measured on problems, with baselines and intervals beside it. Knows nothing of training.

pub mod baseline;
pub mod revisions;
pub mod statistics;
pub mod suite;

/// The sets of problems of an evaluation, as files name them: of the training distribution, and of settings held out of it.
pub const SETS: [&str; 2] = ["unseen", "held-out"];

pub use revisions::{RevisionExam, RevisionScores, Revisions, Tried};
pub use suite::{Evaluation, Exam, ProblemScore, Scores};
