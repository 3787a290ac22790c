//! One row per stage: what each of them did to every measure.

use metacot_envs::SeedTree;

use crate::{
    Result,
    eval::{
        Evaluation,
        statistics::{Bootstrap, Estimate},
    },
    recipe::Recipe,
    report::{Cell, Section, Table},
};

/// A paired difference over `problems` in points, with its interval. Where every problem came out the same the interval has no width and says
/// nothing, so there is none.
pub(super) fn points(difference: &Estimate, problems: usize) -> String {
    let Estimate { value, low, high } = *difference;
    if [value, low, high] == [0.0; 3] {
        return format!("no difference seen in {problems}");
    }
    format!("{:+.1} [{:+.1}, {:+.1}]", 100.0 * value, 100.0 * low, 100.0 * high)
}

/// The scorecard of the stages on unseen problems.
pub(super) fn section(evaluations: &[Vec<Evaluation>], recipe: &Recipe) -> Result<Section> {
    let bootstrap = Bootstrap::new(&SeedTree::root(recipe.seed).child("report").child("scorecard"));
    let k = recipe.eval.k;
    let mut table = Table::new(
        "Unseen problems after each stage, with 95 % intervals; a response is in one dialect where every statement of it reads. Change is that of pass@1, paired with the row above. A – as an upper end: solves are too rare to set one.",
        ["after", "pass@1", "change", &format!("pass@{k}"), "greedy", "validity", "one dialect", "tokens a response", "tokens per solve"],
    );
    let mut before: Option<Vec<f64>> = None;
    for evaluation in evaluations.iter().map(|sets| &sets[0]) {
        let scores = evaluation.scores(k, &bootstrap)?;
        let rates = evaluation.solve_rates();
        let change = before.as_ref().map(|before| bootstrap.difference(&rates, before)).transpose()?;
        table = table.row([
            Cell::text(evaluation.policy.clone()),
            Cell::percent(scores.pass_at_1),
            Cell::maybe(change, |change| Cell::text(points(&change, rates.len()))),
            Cell::percent(scores.pass_at_k),
            Cell::percent(scores.greedy_accuracy),
            Cell::percent(scores.trace_validity),
            Cell::percent(scores.well_formed),
            Cell::number(bootstrap.mean(&evaluation.lengths())?, 0, ""),
            Cell::maybe(scores.tokens_per_solve, |estimate| Cell::number(estimate, 0, "")),
        ]);
        before = Some(rates);
    }
    Ok(Section::new("Scorecard by stage").table(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_of_nothing_has_no_interval() {
        assert_eq!(points(&Estimate { value: 0.0, low: 0.0, high: 0.0 }, 50), "no difference seen in 50");
        assert_eq!(points(&Estimate { value: 0.0, low: -0.02, high: 0.02 }, 50), "+0.0 [-2.0, +2.0]");
    }
}
