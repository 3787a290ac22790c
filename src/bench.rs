//! This machine's speed at what the project does, row by row, beside its peak in single precision.
//!
//! A case is one file and one line of [`CASES`]; `benches/` times the same work at other sizes.

mod audit;
mod generate;
mod grade;
mod mcts;
pub mod models;
mod sample;
mod scratch;
pub mod sgemm;
pub mod timing;
mod train;

use serde::Serialize;

use crate::Result;

/// What is measured, in the order of the table.
pub const CASES: &[Case] =
    &[sgemm::ONE, sgemm::ALL, generate::CASE, audit::CASE, grade::CASE, train::SMALL, train::LARGE, sample::ONE, sample::SOME, sample::MANY, mcts::CASE];

/// How the measurements are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Setup {
    /// Worker threads, at least 1. Training and matrix products take the threads of rayon's global pool, which the caller sets to as many.
    pub threads: usize,
    /// Timings of each case, at least 1; their median counts.
    pub repeats: usize,
    /// Least length of a timing in seconds.
    pub seconds: f64,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What is done.
    pub name: &'static str,
    /// What is counted, per second.
    pub unit: &'static str,
    /// Whether a quick run leaves it out.
    pub is_slow: bool,
    /// Whether it runs on one thread whatever the set-up says.
    pub is_single: bool,
    /// Floating-point operations of a unit, where they are counted.
    flops: Option<fn() -> f64>,
    /// Units per second, timing by timing.
    measure: fn(&Setup) -> Result<Vec<f64>>,
}

/// What was measured of a case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// What was done.
    pub name: &'static str,
    /// What was counted, per second.
    pub unit: &'static str,
    /// Threads that worked.
    pub threads: usize,
    /// Number of timings.
    pub repeats: usize,
    /// Units per second of the median timing.
    pub median: f64,
    /// Of the slowest timing.
    pub lowest: f64,
    /// Of the fastest timing.
    pub highest: f64,
    /// GFLOP/s of the median timing, where floating-point operations are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gflops: Option<f64>,
}

impl Case {
    /// Measures the case.
    ///
    /// # Errors
    /// A folder for temporary files that cannot be written.
    pub fn measure(&self, setup: &Setup) -> Result<Measurement> {
        let setup = Setup { threads: if self.is_single { 1 } else { setup.threads.max(1) }, repeats: setup.repeats.max(1), ..*setup };
        let mut speeds = (self.measure)(&setup)?;
        speeds.sort_unstable_by(f64::total_cmp);
        let median = (speeds[(speeds.len() - 1) / 2] + speeds[speeds.len() / 2]) / 2.0;
        Ok(Measurement {
            name: self.name,
            unit: self.unit,
            threads: setup.threads,
            repeats: speeds.len(),
            median,
            lowest: speeds[0],
            highest: speeds[speeds.len() - 1],
            gflops: self.flops.map(|flops| flops() * median / 1e9),
        })
    }
}
