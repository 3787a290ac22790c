//! One row per stage: what each of them did to every measure.

use metacot_envs::SeedTree;

use crate::{
    Result,
    eval::{Evaluation, statistics::Bootstrap},
    recipe::Recipe,
    report::{Cell, Section, Table},
};

/// The scorecard of the stages on unseen problems.
pub(super) fn section(evaluations: &[Vec<Evaluation>], recipe: &Recipe) -> Result<Section> {
    let bootstrap = Bootstrap::new(&SeedTree::root(recipe.seed).child("report").child("scorecard"));
    let k = recipe.eval.k;
    let mut table = Table::new(
        "Unseen problems after each stage, with 95 % intervals; a response is in one dialect where every statement of it reads. Change is that of pass@1, paired with the row above.",
        ["after", "pass@1", "change", &format!("pass@{k}"), "greedy", "validity", "one dialect", "tokens a response", "tokens per solve"],
    );
    let mut before: Option<Vec<f64>> = None;
    for evaluation in evaluations.iter().map(|sets| &sets[0]) {
        let scores = evaluation.scores(k, &bootstrap)?;
        let rates = evaluation.solve_rates();
        let change = before.as_ref().map(|before| bootstrap.difference(&rates, before)).transpose()?;
        let tokens: Vec<f64> = evaluation.problems.iter().map(|problem| problem.tokens as f64 / f64::from(evaluation.samples.max(1))).collect();
        table = table.row([
            Cell::text(evaluation.policy.clone()),
            Cell::percent(scores.pass_at_1),
            Cell::maybe(change, |change| Cell::text(format!("{:+.1} [{:+.1}, {:+.1}]", 100.0 * change.value, 100.0 * change.low, 100.0 * change.high))),
            Cell::percent(scores.pass_at_k),
            Cell::percent(scores.greedy_accuracy),
            Cell::percent(scores.trace_validity),
            Cell::percent(scores.well_formed),
            Cell::number(bootstrap.mean(&tokens)?, 0, ""),
            Cell::maybe(scores.tokens_per_solve, |estimate| Cell::number(estimate, 0, "")),
        ]);
        before = Some(rates);
    }
    Ok(Section::new("Scorecard by stage").table(table))
}
