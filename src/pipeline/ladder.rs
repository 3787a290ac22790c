//! Ways of improving one supervised model, compared at equal sampled tokens over several seeds.

use metacot_envs::SeedTree;

use super::{
    Notice, Run, claims,
    compute::Compute,
    corpora::Data,
    pooled::{Pooled, verdict},
    stages::{Announce, Improved, Standing},
};
use crate::{
    Error, Result,
    eval::{Evaluation, statistics::Bootstrap},
    model::Weights,
    recipe::{LadderRecipe, Recipe, StageRecipe},
    report::{Cell, Report, Section, Table},
};

/// One arm over its seeds.
pub(super) struct Rung {
    pub name: String,
    /// The last evaluation of each seed, by set of problems.
    pub runs: Vec<Vec<Evaluation>>,
    /// What each of these runs cost, with its seed.
    compute: Vec<(u64, Compute)>,
    /// Problems that only a hint unlocked, over all seeds and rounds.
    pub unlocked: usize,
    /// Seeds whose run stopped, and why.
    pub failures: Vec<(u64, String)>,
}

impl Rung {
    fn new(stage: &StageRecipe) -> Self {
        Self { name: stage.name.clone(), runs: Vec::new(), compute: Vec::new(), unlocked: 0, failures: Vec::new() }
    }

    fn costs(&self) -> Vec<Compute> {
        self.compute.iter().map(|(_, compute)| *compute).collect()
    }
}

/// What the arm whose compute supervised arms spend did spend with a seed, in tokens trained; `None` where none is named, or it stopped.
fn spent(ladder: &LadderRecipe, rungs: &[Rung], seed: u64) -> Option<f64> {
    let name = ladder.compute_of.as_ref()?;
    let rung = rungs.iter().find(|rung| rung.name == *name)?;
    rung.compute.iter().find(|(of, _)| *of == seed).map(|(_, compute)| compute.steps())
}

impl Run<'_> {
    /// Runs every arm with every seed, each from the supervised model. A run that stops (nothing to learn from, numbers that are not finite) ends
    /// nothing but itself.
    pub(super) fn ladder(
        &self,
        ladder: &LadderRecipe,
        base: &Weights,
        data: &Data,
        announce: &mut Announce<'_>,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<(Improved, Vec<Rung>)> {
        let mut rungs: Vec<Rung> = self.recipe.stages.iter().map(Rung::new).collect();
        let mut all = Improved::start(base);
        for seed in 1..=ladder.seeds {
            let arms = ladder.arms(&self.recipe.stages, seed, self.recipe.model.context);
            for (index, mut arm) in arms.into_iter().enumerate() {
                if let (Some(train), Some(spent)) = (&mut arm.supervise, spent(ladder, &rungs, seed)) {
                    train.max_steps = Some(self.supervised_steps(train, spent)?);
                }
                let (arm, rung) = (&arm, &mut rungs[index]);
                let mut own = Improved::start(base);
                let seeds = self.seeds.child("ladder").index(seed);
                let mut standing = Standing::start(base, self.recipe.corpus.train, seeds);
                standing.evaluates_rounds = false;
                match self.stage(arm, &mut standing, &mut own, data, announce, notify) {
                    Ok(()) => {}
                    Err(Error::Stopped(reason)) => {
                        notify(Notice::Note(format!("{} stopped: {reason}", arm.name)));
                        let root = format!("{}/", self.dir.root().display());
                        rung.failures.push((seed, reason.replace(&root, "")));
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                rung.runs.extend(own.evaluations.pop());
                rung.compute.push((seed, self.compute(arm)?));
                rung.unlocked += own.rounds.iter().map(|round| round.unlocked).sum::<usize>();
                all.rounds.extend(own.rounds);
                all.weights = standing.weights;
            }
        }
        Ok((all, rungs))
    }
}

/// Puts the comparison before all other sections of a report.
pub(super) fn add(report: &mut Report, ladder: &LadderRecipe, recipe: &Recipe, supervised: &[Evaluation], rungs: &[Rung]) -> Result<()> {
    let bootstrap = Bootstrap::new(&SeedTree::root(recipe.seed).child("report").child("ladder"));
    let mut sections = Vec::new();
    for (set, title) in ["Arms at equal sampled tokens, unseen problems", "Arms at equal sampled tokens, held-out settings"].into_iter().enumerate() {
        let Some(base) = supervised.get(set) else { continue };
        let (arms, claims) = section(title, ladder, recipe.eval.k, base, rungs, set, &bootstrap)?;
        sections.push(arms);
        sections.extend(claims.filter(|_| set == 0));
    }
    report.sections.splice(0..0, sections);
    let changes: Vec<String> = rungs
        .iter()
        .filter(|rung| !rung.runs.is_empty())
        .map(|rung| {
            let runs: Vec<&Evaluation> = rung.runs.iter().map(|sets| &sets[0]).collect();
            let difference = bootstrap.difference_of_runs(&Pooled::of(&runs, 1)?.solve, &[supervised[0].solve_rates()])?;
            Ok(format!("{} {:+.1} ({})", rung.name, 100.0 * difference.value, verdict(&difference)))
        })
        .collect::<Result<_>>()?;
    report.summary = format!(
        "From one supervised model, {} sampled tokens an arm, {} seeds: points of pass@1 on unseen problems against the supervised model: {}.",
        ladder.tokens,
        ladder.seeds,
        changes.join(", ")
    );
    Ok(())
}

fn section(
    title: &str,
    ladder: &LadderRecipe,
    k: u32,
    base: &Evaluation,
    rungs: &[Rung],
    set: usize,
    bootstrap: &Bootstrap,
) -> Result<(Section, Option<Section>)> {
    let caption = format!(
        "{} problems, {} samples each; means over {} seeds with 95 % intervals over problems and seeds (over problems alone for the supervised model, and for tokens per solve); range is that of pass@1 over the seeds; change is paired with the supervised model; a – as an upper end: solves are too rare to set one. Sampled and trained are tokens in millions, means over the seeds; compute is that of as many trained ones: what is only sampled, or read by a reference policy, costs a third.",
        base.problems.len(),
        base.samples,
        ladder.seeds
    );
    let columns = [
        "arm",
        "pass@1",
        "range",
        &format!("pass@{k}"),
        "greedy",
        "validity",
        "tokens per solve",
        "change",
        "verdict",
        "unlocked",
        "sampled",
        "trained",
        "compute",
    ]
    .map(str::to_owned);
    let mut table = Table::new(caption, columns);
    let supervised = Pooled::of(&[base], k)?;
    table = table.row(supervised.row("supervised", None, None, &[], bootstrap)?);
    let mut arms = vec![("supervised".to_owned(), supervised)];
    for rung in rungs.iter().filter(|rung| !rung.runs.is_empty()) {
        let runs: Vec<&Evaluation> = rung.runs.iter().map(|sets| &sets[set]).collect();
        let pooled = Pooled::of(&runs, k)?;
        let difference = bootstrap.difference_of_runs(&pooled.solve, &arms[0].1.solve)?;
        table = table.row(pooled.row(&rung.name, Some(&difference), (rung.unlocked > 0).then_some(rung.unlocked), &rung.costs(), bootstrap)?);
        arms.push((rung.name.clone(), pooled));
    }
    for rung in rungs.iter().filter(|rung| rung.runs.is_empty()) {
        let missing = std::iter::repeat_with(|| Cell::Missing).take(7);
        table = table.row(
            [Cell::text(rung.name.clone())].into_iter().chain(missing).chain([Cell::text("stopped")]).chain(std::iter::repeat_with(|| Cell::Missing).take(4)),
        );
    }
    let mut section = Section::new(title).table(table);
    for (name, (seed, reason)) in rungs.iter().flat_map(|rung| rung.failures.iter().map(move |failure| (&rung.name, failure))) {
        section = section.paragraph(format!("{name} stopped with seed {seed}, which the row leaves out: {reason}."));
    }
    let arms: Vec<(&str, &Pooled)> = arms.iter().map(|(name, pooled)| (name.as_str(), pooled)).collect();
    Ok((section, claims::section(&arms, k, bootstrap)?))
}
