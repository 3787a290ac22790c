//! Ways of improving one supervised model, compared at equal sampled tokens over several seeds.

use metacot_envs::SeedTree;

use super::{
    Notice, Run, claims,
    compute::Compute,
    corpora::Data,
    scorecard::points,
    stages::{Announce, Improved, Standing},
};
use crate::{
    Error, Result,
    eval::{
        Evaluation,
        statistics::{Bootstrap, Estimate, Tally, pass_at_k},
    },
    model::Weights,
    recipe::{LadderRecipe, Recipe, StageRecipe},
    report::{Cell, Report, Section, Table},
};

/// One arm over its seeds.
pub(super) struct Rung {
    pub name: String,
    /// The last evaluation of each seed, by set of problems.
    pub runs: Vec<Vec<Evaluation>>,
    /// What each of these runs cost.
    compute: Vec<Compute>,
    /// Problems that only a hint unlocked, over all seeds and rounds.
    pub unlocked: usize,
    /// Seeds whose run stopped, and why.
    pub failures: Vec<(u64, String)>,
}

impl Rung {
    fn new(stage: &StageRecipe) -> Self {
        Self { name: stage.name.clone(), runs: Vec::new(), compute: Vec::new(), unlocked: 0, failures: Vec::new() }
    }
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
            for (arm, rung) in arms.iter().zip(&mut rungs) {
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
                rung.compute.push(self.compute(arm)?);
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
    for (set, title) in ["Arms at equal sampled tokens, unseen problems", "Arms at equal sampled tokens, held-out settings"].into_iter().enumerate() {
        let Some(base) = supervised.get(set) else { continue };
        let [arms, claims] = section(title, ladder, recipe.eval.k, base, rungs, set, &bootstrap)?;
        report.sections.insert(2 * set, arms);
        if set == 0 {
            report.sections.insert(1, claims);
        }
    }
    let changes: Vec<String> = rungs
        .iter()
        .filter(|rung| !rung.runs.is_empty())
        .map(|rung| {
            let runs: Vec<&Evaluation> = rung.runs.iter().map(|sets| &sets[0]).collect();
            let difference = bootstrap.difference(&Pooled::of(&runs, 1)?.solve, &supervised[0].solve_rates())?;
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

fn section(title: &str, ladder: &LadderRecipe, k: u32, base: &Evaluation, rungs: &[Rung], set: usize, bootstrap: &Bootstrap) -> Result<[Section; 2]> {
    let caption = format!(
        "{} problems, {} samples each; means over {} seeds with 95 % intervals over problems; range is that of pass@1 over the seeds; change is paired with the supervised model; a – as an upper end: solves are too rare to set one. Sampled and trained are tokens in millions, means over the seeds; compute is that of as many trained ones: what is only sampled, or read by a reference policy, costs a third.",
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
        let difference = bootstrap.difference(&pooled.solve, &arms[0].1.solve)?;
        table = table.row(pooled.row(&rung.name, Some(&difference), (rung.unlocked > 0).then_some(rung.unlocked), &rung.compute, bootstrap)?);
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
    Ok([section, claims::section(&arms, k, bootstrap)?])
}

fn verdict(difference: &Estimate) -> &'static str {
    match difference {
        Estimate { low, .. } if *low > 0.0 => "higher",
        Estimate { high, .. } if *high < 0.0 => "lower",
        _ => "no change shown",
    }
}

/// The runs of an arm, problem by problem, as means over the runs.
pub(super) struct Pooled {
    pub solve: Vec<f64>,
    pub solve_at_k: Vec<f64>,
    greedy: Vec<f64>,
    valid: Vec<f64>,
    tokens: Vec<f64>,
    correct: Vec<f64>,
    /// Mean pass@1 of each run.
    by_run: Vec<f64>,
}

impl Pooled {
    fn of(runs: &[&Evaluation], k: u32) -> Result<Self> {
        let count = runs.len().max(1) as f64;
        let problems = runs.iter().map(|run| run.problems.len()).min().unwrap_or(0);
        let mean = |read: &dyn Fn(&Evaluation, usize) -> Result<f64>| -> Result<Vec<f64>> {
            (0..problems).map(|problem| Ok(runs.iter().map(|run| read(run, problem)).sum::<Result<f64>>()? / count)).collect()
        };
        let share = |number: u32, run: &Evaluation| f64::from(number) / f64::from(run.samples.max(1));
        Ok(Self {
            solve: mean(&|run, problem| Ok(share(run.problems[problem].correct, run)))?,
            solve_at_k: mean(&|run, problem| Ok(pass_at_k(Tally { samples: run.samples, correct: run.problems[problem].correct }, k)?))?,
            greedy: mean(&|run, problem| Ok(f64::from(u8::from(run.problems[problem].is_greedy_correct))))?,
            valid: mean(&|run, problem| Ok(share(run.problems[problem].valid, run)))?,
            tokens: mean(&|run, problem| Ok(run.problems[problem].tokens as f64))?,
            correct: mean(&|run, problem| Ok(f64::from(run.problems[problem].correct)))?,
            by_run: runs.iter().map(|run| run.solve_rates().iter().sum::<f64>() / problems.max(1) as f64).collect(),
        })
    }

    fn row(&self, name: &str, difference: Option<&Estimate>, unlocked: Option<usize>, compute: &[Compute], bootstrap: &Bootstrap) -> Result<Vec<Cell>> {
        let (low, high) = self.by_run.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), rate| (low.min(*rate), high.max(*rate)));
        let is_solved = self.correct.iter().sum::<f64>() > 0.0;
        let per_solve = if is_solved { Some(bootstrap.ratio(&self.tokens, &self.correct)?) } else { None };
        let millions = |read: fn(&Compute) -> f64| {
            let total: f64 = compute.iter().map(read).sum();
            Cell::maybe((!compute.is_empty()).then_some(total / compute.len() as f64 / 1e6), |mean| Cell::text(format!("{mean:.2}")))
        };
        Ok(vec![
            Cell::text(name),
            Cell::percent(bootstrap.mean(&self.solve)?),
            Cell::text(format!("{:.1} to {:.1} %", 100.0 * low, 100.0 * high)),
            Cell::percent(bootstrap.mean(&self.solve_at_k)?),
            Cell::percent(bootstrap.mean(&self.greedy)?),
            Cell::percent(bootstrap.mean(&self.valid)?),
            Cell::maybe(per_solve, |estimate| Cell::number(estimate, 0, "")),
            Cell::maybe(difference, |difference| Cell::text(points(difference, self.solve.len()))),
            Cell::maybe(difference, |difference| Cell::text(verdict(difference))),
            Cell::maybe(unlocked, Cell::integer),
            millions(|compute| compute.sampled as f64),
            millions(|compute| compute.trained as f64),
            millions(Compute::steps),
        ])
    }
}
