//! Search dynamics bootstrapping (Searchformer, 2402.14083, section 4.3): the traces that a model finds and those of a symbolic A*.

use metacot_envs::SeedTree;

use super::summary::RoundCounts;
use crate::{
    Result,
    eval::statistics::Bootstrap,
    grade::{RolloutGroup, Teacher},
    recipe::Recipe,
    report::{Cell, Section, Table},
};

/// Traces of A* with random orders of ties, the shortest of which a model's traces are compared with.
pub(super) const RANDOM_TIES: u64 = 32;

/// The responses of a round beside a symbolic A*. Lengths are in tokens, the end mark included, by problem with a response that was kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Shortened {
    /// By problem that A* and the model solve: right responses, and those of them whose plan costs no more than A*'s.
    right: Vec<f64>,
    optimal: Vec<f64>,
    /// Lengths of the first response that was kept: the shortest true and optimal one, as bootstrapping has it.
    kept: Vec<f64>,
    /// Of A* with a fixed order of ties.
    fixed: Vec<f64>,
    /// Of the shortest of [`RANDOM_TIES`] A* with random orders.
    random: Vec<f64>,
}

impl Shortened {
    /// Of the responses to all problems of a round, and of what was kept by problem.
    pub fn new(groups: &[RolloutGroup], kept: &[(u64, Teacher)]) -> Self {
        let mut shortened = Self::default();
        for group in groups {
            let Some(teacher) = group.teacher.filter(|_| group.num_correct() > 0) else { continue };
            let optimal = group.rollouts.iter().filter(|rollout| rollout.is_correct && rollout.cost == Some(teacher.cost)).count();
            shortened.right.push(group.num_correct() as f64);
            shortened.optimal.push(optimal as f64);
        }
        for (tokens, teacher) in kept {
            shortened.kept.push(*tokens as f64);
            shortened.fixed.push(teacher.tokens as f64);
            shortened.random.push(teacher.best_tokens as f64);
        }
        shortened
    }
}

impl std::fmt::Display for Shortened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sum = |values: &[f64]| values.iter().sum::<f64>();
        let [kept, fixed, random] = [&self.kept, &self.fixed, &self.random].map(|lengths| sum(lengths) / lengths.len().max(1) as f64);
        let (optimal, right) = (sum(&self.optimal), sum(&self.right));
        write!(
            f,
            "of {right} right plans {optimal} are optimal; tokens of the kept {kept:.1}, of A* {fixed:.1}, of the shortest of {RANDOM_TIES} random A* {random:.1}"
        )
    }
}

/// The rounds that asked a symbolic A*.
pub(super) fn section(rounds: &[RoundCounts], recipe: &Recipe) -> Result<Section> {
    let bootstrap = Bootstrap::new(&SeedTree::root(recipe.seed).child("report").child("shortened"));
    let columns = ["sampled in", "problems", "kept on", "optimal of right", "kept", "A*", "shortest of random A*", "kept less A*", "kept less the shortest"];
    let title = format!("Tokens of the first response kept of each problem, and of A* on the same problems ({RANDOM_TIES} random orders of ties).");
    let mut table = Table::new(title, columns);
    for (round, shortened) in rounds.iter().filter_map(|round| Some((round, round.shortened.as_ref()?))) {
        let Shortened { right, optimal, kept, fixed, random } = shortened;
        if kept.is_empty() {
            continue;
        }
        let mean = |lengths: &[f64]| bootstrap.mean(lengths).map(|mean| Cell::number(mean, 1, ""));
        table = table.row([
            Cell::text(round.name.clone()),
            Cell::integer(round.problems),
            Cell::integer(kept.len()),
            Cell::percent(bootstrap.ratio(optimal, right)?),
            mean(kept)?,
            mean(fixed)?,
            mean(random)?,
            Cell::number(bootstrap.difference(kept, fixed)?, 1, ""),
            Cell::number(bootstrap.difference(kept, random)?, 1, ""),
        ]);
    }
    let text = "Each row is one round, sampled from the model that stood before it. Only problems with a kept response are compared, others in each round: a row is paired \
        within itself, not with the next.";
    Ok(Section::new("Search made shorter").paragraph(text).table(table))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grade::Rollout;

    #[test]
    fn costlier_plans_are_right_and_not_optimal() {
        let rollout = |is_correct: bool, cost: Option<u32>| Rollout { is_correct, cost, ..Rollout::default() };
        let teacher = Teacher { cost: 2, tokens: 9, best_tokens: 7 };
        let rollouts = vec![rollout(true, Some(2)), rollout(true, Some(4)), rollout(false, Some(2)), rollout(true, None)];
        let group = RolloutGroup { rollouts, teacher: Some(teacher), ..RolloutGroup::default() };
        let unsolved = RolloutGroup { rollouts: vec![rollout(false, None)], ..RolloutGroup::default() };
        let without_teacher = RolloutGroup { rollouts: vec![rollout(true, Some(2))], ..RolloutGroup::default() };
        let shortened = Shortened::new(&[group, unsolved, without_teacher], &[(3, teacher), (5, teacher)]);
        assert_eq!((&shortened.right[..], &shortened.optimal[..]), (&[3.0][..], &[1.0][..]));
        assert_eq!(shortened.to_string(), "of 3 right plans 1 are optimal; tokens of the kept 4.0, of A* 9.0, of the shortest of 32 random A* 7.0");
    }
}
