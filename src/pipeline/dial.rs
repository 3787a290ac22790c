//! The dial of effort: what a model does behind each mark, before policy gradients and after.

use metacot_envs::SeedTree;
use metacot_objectives::reward::EffortDial;

use super::{Notice, Run, corpora::Data};
use crate::{
    Result,
    eval::{
        Evaluation,
        statistics::{Bootstrap, Estimate},
    },
    improve::mark_ids,
    model::Weights,
    recipe::Recipe,
    report::{Cell, Section, Table},
};

/// One level: the same unseen problems behind its mark.
pub(super) struct Level {
    pub gamma: f64,
    pub before: Evaluation,
    pub after: Evaluation,
}

impl Run<'_> {
    /// Evaluates the weights before and after the policy stage `stage` behind each mark. The smallest discount comes first.
    pub(super) fn dial(
        &self,
        stage: &str,
        dial: &EffortDial,
        (before, after): (&Weights, &Weights),
        data: &Data,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<Vec<Level>> {
        let marks = mark_ids(dial, &data.tokenizer).unwrap_or_default();
        let mut levels = Vec::new();
        for level in dial.ascending().into_iter().filter(|level| *level < marks.len()) {
            let name = format!("{stage}-effort-{}", char::from(b'a' + level as u8));
            let before = self.evaluate_behind(marks[level], &format!("{name}-before"), before, data, notify)?;
            let after = self.evaluate_behind(marks[level], &name, after, data, notify)?;
            levels.push(Level { gamma: dial.gammas[level], before, after });
        }
        Ok(levels)
    }
}

/// Whether the mean length rises from each discount to the next larger one, and how the ends differ, paired over problems. `lengths` are by level,
/// the smallest discount first; nothing is said of one level alone.
fn verdict(lengths: &[Vec<f64>], bootstrap: &Bootstrap) -> Result<Option<String>> {
    let [smallest, .., largest] = lengths else { return Ok(None) };
    let means = lengths.iter().map(|lengths| Ok(bootstrap.mean(lengths)?.value)).collect::<Result<Vec<f64>>>()?;
    let rises = means.windows(2).all(|pair| pair[0] <= pair[1]);
    let Estimate { value, low, high } = bootstrap.difference(largest, smallest)?;
    let rises = if rises { "rises" } else { "does not rise" };
    let ratio = means[means.len() - 1] / means[0];
    Ok(Some(format!(
        "mean length {rises} with the discount at every step; its ends differ by {value:+.1} tokens (95 % interval {low:+.1} to {high:+.1}), a factor of {ratio:.2}"
    )))
}

/// What the model of a policy stage does behind each mark.
pub(super) fn section((stage, levels): &(String, Vec<Level>), recipe: &Recipe) -> Result<Section> {
    let bootstrap = Bootstrap::new(&SeedTree::root(recipe.seed).child("report").child("effort"));
    let columns = ["discount", "mean tokens before", "after", "pass@1 before", "after", "trace validity after"];
    let title = format!(
        "Behind each mark of effort, unseen problems, before policy gradients and after; responses cut at {} tokens count as long as that.",
        recipe.eval.max_new_tokens
    );
    let mut table = Table::new(title, columns);
    for level in levels {
        let [before, after] = [&level.before, &level.after].map(|evaluation| evaluation.scores(recipe.eval.k, &bootstrap));
        let (before, after) = (before?, after?);
        table = table.row([
            Cell::text(level.gamma.to_string()),
            Cell::number(bootstrap.mean(&level.before.lengths())?, 1, ""),
            Cell::number(bootstrap.mean(&level.after.lengths())?, 1, ""),
            Cell::percent(before.pass_at_1),
            Cell::percent(after.pass_at_1),
            Cell::percent(after.trace_validity),
        ]);
    }
    let mut section = Section::new(format!("The dial of effort: {stage}"));
    let [before, after] =
        [|level: &Level| level.before.lengths(), |level: &Level| level.after.lengths()].map(|side| levels.iter().map(side).collect::<Vec<_>>());
    if let (Some(before), Some(after)) = (verdict(&before, &bootstrap)?, verdict(&after, &bootstrap)?) {
        section = section.paragraph(format!("Before policy gradients: {before}. After: {after}."));
    }
    Ok(section.table(table))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_looks_at_every_step_and_at_both_ends() {
        let bootstrap = Bootstrap::new(&SeedTree::root(1));
        let said = |means: &[f64]| verdict(&means.iter().map(|mean| vec![mean - 1.0, mean + 1.0]).collect::<Vec<_>>(), &bootstrap).unwrap();
        assert_eq!(said(&[10.0]), None);
        assert_eq!(
            said(&[10.0, 12.0, 15.0]).unwrap(),
            "mean length rises with the discount at every step; its ends differ by +5.0 tokens (95 % interval +5.0 to +5.0), a factor of 1.50"
        );
        assert!(said(&[10.0, 16.0, 15.0]).unwrap().starts_with("mean length does not rise"));
        assert!(said(&[10.0, 9.0]).unwrap().contains("differ by -1.0 tokens"));
    }
}
