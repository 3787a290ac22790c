//! The runs of an arm of a ladder, with what they are worth over problems and seeds.

use super::{compute::Compute, scorecard::points};
use crate::{
    Result,
    eval::{
        Evaluation,
        statistics::{Bootstrap, Estimate, Tally, pass_at_k},
    },
    report::Cell,
};

/// The runs of an arm.
pub(super) struct Pooled {
    /// By run and problem.
    pub solve: Vec<Vec<f64>>,
    /// By run and problem.
    pub solve_at_k: Vec<Vec<f64>>,
    greedy: Vec<Vec<f64>>,
    valid: Vec<Vec<f64>>,
    /// By problem, means over the runs.
    tokens: Vec<f64>,
    correct: Vec<f64>,
    /// Mean pass@1 of each run.
    by_run: Vec<f64>,
}

impl Pooled {
    pub fn of(runs: &[&Evaluation], k: u32) -> Result<Self> {
        let count = runs.len().max(1) as f64;
        let problems = runs.iter().map(|run| run.problems.len()).min().unwrap_or(0);
        let mean = |read: &dyn Fn(&Evaluation, usize) -> Result<f64>| -> Result<Vec<f64>> {
            (0..problems).map(|problem| Ok(runs.iter().map(|run| read(run, problem)).sum::<Result<f64>>()? / count)).collect()
        };
        let by_run = |read: &dyn Fn(&Evaluation, usize) -> Result<f64>| -> Result<Vec<Vec<f64>>> {
            runs.iter().map(|run| (0..problems).map(|problem| read(run, problem)).collect()).collect()
        };
        let share = |number: u32, run: &Evaluation| f64::from(number) / f64::from(run.samples.max(1));
        Ok(Self {
            solve: by_run(&|run, problem| Ok(share(run.problems[problem].correct, run)))?,
            solve_at_k: by_run(&|run, problem| Ok(pass_at_k(Tally { samples: run.samples, correct: run.problems[problem].correct }, k)?))?,
            greedy: by_run(&|run, problem| Ok(f64::from(u8::from(run.problems[problem].is_greedy_correct))))?,
            valid: by_run(&|run, problem| Ok(share(run.problems[problem].valid, run)))?,
            tokens: mean(&|run, problem| Ok(run.problems[problem].tokens as f64))?,
            correct: mean(&|run, problem| Ok(f64::from(run.problems[problem].correct)))?,
            by_run: runs.iter().map(|run| run.solve_rates().iter().sum::<f64>() / problems.max(1) as f64).collect(),
        })
    }

    /// Problems of each run.
    pub fn num_problems(&self) -> usize {
        self.correct.len()
    }

    /// The row of a table.
    pub fn row(&self, name: &str, difference: Option<&Estimate>, unlocked: Option<usize>, compute: &[Compute], bootstrap: &Bootstrap) -> Result<Vec<Cell>> {
        let (low, high) = self.by_run.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        let is_solved = self.correct.iter().sum::<f64>() > 0.0;
        let per_solve = if is_solved { Some(bootstrap.ratio(&self.tokens, &self.correct)?) } else { None };
        let millions = |read: fn(&Compute) -> f64| {
            let total: f64 = compute.iter().map(read).sum();
            Cell::maybe((!compute.is_empty()).then_some(total / compute.len() as f64 / 1e6), |mean| Cell::text(format!("{mean:.2}")))
        };
        Ok(vec![
            Cell::text(name),
            Cell::percent(bootstrap.mean_of_runs(&self.solve)?),
            Cell::text(format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high)),
            Cell::percent(bootstrap.mean_of_runs(&self.solve_at_k)?),
            Cell::percent(bootstrap.mean_of_runs(&self.greedy)?),
            Cell::percent(bootstrap.mean_of_runs(&self.valid)?),
            Cell::maybe(per_solve, |estimate| Cell::number(estimate, 0, "")),
            Cell::maybe(difference, |difference| Cell::text(points(difference, self.num_problems()))),
            Cell::maybe(difference, |difference| Cell::text(verdict(difference))),
            Cell::maybe(unlocked, Cell::integer),
            millions(|compute| compute.sampled as f64),
            millions(|compute| compute.trained as f64),
            millions(Compute::steps),
        ])
    }
}

/// A difference in words.
pub(super) fn verdict(difference: &Estimate) -> &'static str {
    match difference {
        Estimate { low, .. } if *low > 0.0 => "higher",
        Estimate { high, .. } if *high < 0.0 => "lower",
        _ => "no change shown",
    }
}
