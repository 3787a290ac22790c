//! What a policy is worth: measured on problems, with baselines and intervals beside it. Knows nothing of training.

pub mod baseline;
pub mod revisions;
pub mod statistics;
pub mod suite;

pub use revisions::{RevisionExam, RevisionScores, Revisions, Tried};
pub use suite::{Evaluation, Exam, ProblemScore, Scores};
