//! Verified solve rate while a model trains: who solves, and how the training asks.
//!
//! The loop runs on burn-train's side and owns what it uses; the solver borrows from the caller. So the loop sends its weights to the
//! thread that called and waits for the counts.

use crossbeam::channel::{Sender, bounded};

use super::Progress;
use crate::{
    error::{Error, Result},
    model::Weights,
};

/// How many of some problems were solved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SolveCount {
    /// Problems that were tried.
    pub problems: usize,
    /// Problems whose answer is right.
    pub solved: usize,
    /// Problems whose response has no false statement.
    pub valid: usize,
}

impl SolveCount {
    /// The share of right answers, in [0, 1].
    pub fn solve_rate(&self) -> f64 {
        self.solved as f64 / self.problems.max(1) as f64
    }

    /// The share of responses without a false statement, in [0, 1].
    pub fn valid_rate(&self) -> f64 {
        self.valid as f64 / self.problems.max(1) as f64
    }
}

/// Something that solves a fixed set of problems with given weights: the same counts for the same weights.
pub trait Solver {
    /// Says which problems these are, and how they are tried; equal for equal measurements.
    fn digest(&self) -> String;

    /// Tries them.
    ///
    /// # Errors
    /// What keeps it from trying.
    fn solve(&self, weights: &Weights) -> Result<SolveCount>;
}

/// What a training tells its caller.
pub(super) enum Event {
    /// A step was done.
    Step(Progress),
    /// These weights are to be tried.
    Solve(Box<Weights>, Sender<Result<SolveCount>>),
}

/// Has weights tried on the thread that called for the training.
pub(super) fn ask(caller: &Sender<Event>, weights: Weights) -> Result<SolveCount> {
    let (reply, answer) = bounded(1);
    let gone = || Error::Stopped("the caller of the training has gone".to_owned());
    caller.send(Event::Solve(Box::new(weights), reply)).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}
