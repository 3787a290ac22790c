//! The table that every evaluation ends in: models and baselines on the same problems, side by side.

use serde::{Deserialize, Serialize};

use super::{Axis, BarSeries, Cell, Chart, Measure, Plot, Table};

/// Models and baselines on the same problems at the same budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Which problems, and under which budget.
    pub title: String,
    /// The attempts of pass@k.
    pub k: u32,
    /// One row for each model or baseline, in reading order.
    pub rows: Vec<ComparisonRow>,
}

/// The scores of one model or baseline. Shares are in [0, 1]; what has no meaning for a row (a trace of a random policy) is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRow {
    /// The model or baseline.
    pub name: String,
    /// Share of problems solved by one attempt.
    pub pass_at_1: Option<Measure>,
    /// Share of problems solved by at least one of k attempts.
    pub pass_at_k: Option<Measure>,
    /// Share of completions whose final answer is right.
    pub answer_accuracy: Option<Measure>,
    /// Share of completions whose every step is legal and as claimed.
    pub trace_validity: Option<Measure>,
    /// Tokens generated per problem solved.
    pub tokens_per_solve: Option<Measure>,
    /// Problems.
    pub problems: u64,
    /// Samples drawn for each problem.
    pub samples: u64,
}

impl Comparison {
    /// All scores with their intervals; columns that no row has are left out.
    pub fn table(&self) -> Table {
        type Score = fn(&ComparisonRow) -> Option<Measure>;
        let pass_at_k = format!("pass@{}", self.k);
        let scores: [(&str, Score); 4] = [
            ("pass@1", |row| row.pass_at_1),
            (&pass_at_k, |row| row.pass_at_k),
            ("answer accuracy", |row| row.answer_accuracy),
            ("trace validity", |row| row.trace_validity),
        ];
        let scores: Vec<_> = scores.into_iter().filter(|(_, score)| self.rows.iter().any(|row| score(row).is_some())).collect();
        let has_tokens = self.rows.iter().any(|row| row.tokens_per_solve.is_some());
        let columns = std::iter::once("policy")
            .chain(scores.iter().map(|(name, _)| *name))
            .chain(has_tokens.then_some("tokens per solve"))
            .chain(["problems", "samples"]);
        let is_open = self.rows.iter().any(|row| row.tokens_per_solve.and_then(|measure| measure.interval).is_some_and(|ends| ends.high == f64::INFINITY));
        let open = if is_open { " A – as an upper end: solves are too rare to set one." } else { "" };
        let caption = format!("{}. Brackets hold 95 % intervals.{open}", self.title.trim_end_matches('.'));
        self.rows.iter().fold(Table::new(caption, columns), |table, row| {
            let cells = std::iter::once(Cell::text(&row.name))
                .chain(scores.iter().map(|(_, score)| Cell::maybe(score(row), Cell::percent)))
                .chain(has_tokens.then(|| Cell::maybe(row.tokens_per_solve, |measure| Cell::number(measure, 0, ""))))
                .chain([Cell::integer(row.problems), Cell::integer(row.samples)]);
            table.row(cells)
        })
    }

    /// pass@1 and pass@k as bars with error bars.
    pub fn chart(&self) -> Chart {
        let series = vec![
            BarSeries::new("pass@1", self.rows.iter().map(|row| row.pass_at_1)),
            BarSeries::new(format!("pass@{}", self.k), self.rows.iter().map(|row| row.pass_at_k)),
        ];
        Chart {
            title: self.title.clone(),
            description: format!("Share of problems solved by one attempt and by at least one of {}; whiskers are 95 % intervals.", self.k),
            x: Axis::percent("problems solved"),
            y: Axis::linear("policy", ""),
            plot: Plot::Bars { categories: self.rows.iter().map(|row| row.name.clone()).collect(), series },
            is_tabled: true,
        }
    }
}
