//! The report of a run: what was measured, in the order in which a person asks.

use metacot_envs::SeedTree;

use super::{RunOptions, corpora::Data, shortened::Shortened};
use crate::{
    Result,
    eval::{Evaluation, Scores, baseline::Baseline, statistics::Bootstrap},
    recipe::Recipe,
    report::{Axis, BarSeries, Cell, Chart, Comparison, ComparisonRow, Highlight, LineSeries, Plot, Provenance, Report, Section, Table},
};

/// The counts of a round of imitation; those of its last improve step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RoundCounts {
    pub name: String,
    pub sampled: usize,
    /// Responses to hinted prompts.
    pub hinted: usize,
    pub correct: usize,
    pub kept: usize,
    pub problems: usize,
    pub solved_problems: usize,
    /// Problems that only a hint unlocked.
    pub unlocked: usize,
    /// Problems that a second try without the hint solved, where it was asked.
    pub second_try: Option<usize>,
    pub replayed: usize,
    /// What was kept beside a symbolic A*, where it was asked.
    pub shortened: Option<Shortened>,
}

impl std::fmt::Display for RoundCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { sampled, hinted, correct, kept, problems, solved_problems, unlocked, replayed, .. } = self;
        write!(f, "{correct} of {sampled} responses are good enough, on {solved_problems} of {problems} problems; ")?;
        write!(f, "{kept} kept, {replayed} supervised ones replayed")?;
        if *hinted > 0 {
            write!(f, "; {hinted} responses to hinted prompts unlocked {unlocked} of the problems")?;
        }
        if let Some(second_try) = self.second_try {
            write!(f, ", a second try without the hint {second_try}")?;
        }
        if let Some(shortened) = &self.shortened {
            write!(f, "; {shortened}")?;
        }
        Ok(())
    }
}

/// Titles of the sets of problems, in the order of the evaluations.
const SETS: [&str; 2] = ["Unseen problems", "Held-out settings"];

/// Composes the report.
pub(super) fn report(
    recipe: &Recipe,
    options: &RunOptions,
    data: &Data,
    baselines: &[Vec<Baseline>],
    evaluations: &[Vec<Evaluation>],
    rounds: &[RoundCounts],
    parameters: usize,
) -> Result<Report> {
    let bootstrap = Bootstrap::new(&SeedTree::root(recipe.seed).child("report"));
    let k = recipe.eval.k;
    let scores = evaluations
        .iter()
        .map(|sets| sets.iter().map(|evaluation| evaluation.scores(k, &bootstrap)).collect::<Result<Vec<Scores>>>())
        .collect::<Result<Vec<_>>>()?;
    let mut sections = Vec::new();
    for (set, title) in SETS.iter().enumerate().take(evaluations[0].len()) {
        let comparison = comparison(title, k, recipe, set, baselines, evaluations, &scores, &bootstrap)?;
        let chart = Chart { title: format!("{title}: share solved by one attempt and by {k}"), ..comparison.chart() };
        sections.push(Section::new(*title).chart(chart).table(comparison.table()));
    }
    if evaluations.len() > 1 {
        sections.push(improvement(evaluations, &scores, rounds, &bootstrap)?);
    }
    sections.push(searches(evaluations));
    sections.push(examples(evaluations));
    sections.push(method(recipe, data, parameters));
    let (first, last) = (&scores[0][0], &scores[scores.len() - 1][0]);
    let floor = baselines[0][0].pass_at(1, &bootstrap)?;
    let summary = if evaluations.len() > 1 {
        let verdict = if last.pass_at_1.low > first.pass_at_1.high {
            "the 95 % intervals are apart"
        } else if last.pass_at_1.is_apart_from(&first.pass_at_1) {
            "it fell, and the 95 % intervals are apart"
        } else {
            "the 95 % intervals overlap, so no change is shown"
        };
        format!(
            "On unseen problems one sampled response solves {} after supervised training and {} after improvement; {verdict}. Random play solves {}.",
            percent(first.pass_at_1.value),
            percent(last.pass_at_1.value),
            percent(floor.value)
        )
    } else {
        format!("On unseen problems one sampled response solves {}. Random play solves {}.", percent(first.pass_at_1.value), percent(floor.value))
    };
    let mut highlights = vec![Highlight::new("pass@1, supervised", Cell::percent(first.pass_at_1), "unseen problems")];
    if evaluations.len() > 1 {
        highlights.push(Highlight::new("pass@1, improved", Cell::percent(last.pass_at_1), "unseen problems, after the last stage"));
    }
    highlights.push(Highlight::new("random policy", Cell::percent(floor), "exact, unseen problems"));
    highlights.push(Highlight::new("trace validity", Cell::percent(last.trace_validity), "every statement of a response is true"));
    let digest = blake3::hash(recipe.to_toml().as_bytes()).to_hex().to_string();
    let provenance = Provenance {
        command: options.command.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        seeds: vec![("run".into(), recipe.seed)],
        device: options.devices.to_string(),
        machine: options.machine.clone(),
        recipe_digest: digest,
        facts: vec![("corpus digest".into(), data.digest.clone())],
    };
    Ok(Report { title: recipe.title.clone(), summary, provenance, highlights, sections })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

#[expect(clippy::too_many_arguments, reason = "one call site; the parts of a comparison are different things")]
fn comparison(
    title: &str,
    k: u32,
    recipe: &Recipe,
    set: usize,
    baselines: &[Vec<Baseline>],
    evaluations: &[Vec<Evaluation>],
    scores: &[Vec<Scores>],
    bootstrap: &Bootstrap,
) -> Result<Comparison> {
    let mut rows = Vec::new();
    for (sets, scores) in evaluations.iter().zip(scores) {
        let (evaluation, scores) = (&sets[set], &scores[set]);
        rows.push(ComparisonRow {
            name: evaluation.policy.clone(),
            pass_at_1: Some(scores.pass_at_1.into()),
            pass_at_k: Some(scores.pass_at_k.into()),
            answer_accuracy: Some(scores.greedy_accuracy.into()),
            trace_validity: Some(scores.trace_validity.into()),
            tokens_per_solve: scores.tokens_per_solve.map(Into::into),
            problems: evaluation.problems.len() as u64,
            samples: u64::from(evaluation.samples),
        });
    }
    for baseline in &baselines[set] {
        rows.push(ComparisonRow {
            name: baseline.policy.clone(),
            pass_at_1: Some(baseline.pass_at(1, bootstrap)?.into()),
            pass_at_k: if baseline.is_random { Some(baseline.pass_at(k, bootstrap)?.into()) } else { None },
            tokens_per_solve: baseline.tokens_per_solve(bootstrap)?.map(Into::into),
            problems: baseline.solve.len() as u64,
            samples: 1,
            ..ComparisonRow::default()
        });
    }
    let title = format!(
        "{title}, responses of at most {} tokens, temperature {}; answer accuracy is of the greedy response",
        recipe.eval.max_new_tokens, recipe.eval.temperature
    );
    Ok(Comparison { title, k, rows })
}

fn improvement(evaluations: &[Vec<Evaluation>], scores: &[Vec<Scores>], rounds: &[RoundCounts], bootstrap: &Bootstrap) -> Result<Section> {
    let (first, last) = (&evaluations[0][0], &evaluations[evaluations.len() - 1][0]);
    let difference = bootstrap.difference(&last.solve_rates(), &first.solve_rates())?;
    let tries = rounds.iter().any(|round| round.second_try.is_some());
    let caption = "Rounds of imitation: what was sampled on training problems, and what was kept; good are responses that are good enough to keep, unlocked are problems that only a hint solved";
    let more = if tries { ", second try those of the problems asked with a hint that another try without it solved." } else { "." };
    let columns = ["round", "sampled", "good", "problems", "solved", "unlocked"].into_iter().chain(tries.then_some("second try")).chain(["kept", "replayed"]);
    let mut table = Table::new([caption, more].concat(), columns);
    for round in rounds {
        let before = [round.sampled, round.correct, round.problems, round.solved_problems, round.unlocked].map(Cell::integer);
        let second_try = tries.then(|| Cell::maybe(round.second_try, Cell::integer));
        let after = [round.kept, round.replayed].map(Cell::integer);
        table = table.row(std::iter::once(Cell::text(round.name.clone())).chain(before).chain(second_try).chain(after));
    }
    let points = |score: fn(&Scores) -> crate::eval::statistics::Estimate| scores.iter().enumerate().map(move |(round, sets)| (round as f64, score(&sets[0])));
    let chart = Chart {
        title: "Improvement on unseen problems".into(),
        description: "0 is the supervised model, then each round or stage in order; bands are 95 % intervals.".into(),
        x: Axis::linear("round or stage", ""),
        y: Axis::percent("share"),
        plot: Plot::Lines {
            series: vec![
                LineSeries::new("pass@1", points(|scores| scores.pass_at_1)),
                LineSeries::new("trace validity", points(|scores| scores.trace_validity)),
            ],
        },
        is_tabled: false,
    };
    let text = if [difference.value, difference.low, difference.high] == [0.0; 3] {
        format!("Paired over the same {} unseen problems, no difference in pass@1 was seen.", first.problems.len())
    } else {
        format!(
            "Paired over the same {} unseen problems, pass@1 changed by {:+.1} points (95 % interval {:+.1} to {:+.1}).",
            first.problems.len(),
            100.0 * difference.value,
            100.0 * difference.low,
            100.0 * difference.high
        )
    };
    let section = Section::new("Improvement").paragraph(text);
    let section = if rounds.is_empty() { section } else { section.table(table) };
    Ok(section.chart(chart))
}

/// Where searches go wrong.
fn searches(evaluations: &[Vec<Evaluation>]) -> Section {
    let kinds: std::collections::BTreeSet<&str> = evaluations.iter().flat_map(|sets| sets[0].defects.keys().map(String::as_str)).collect();
    let names = evaluations.iter().map(|sets| sets[0].policy.clone());
    let mut table = Table::new("False statements per 100 sampled responses on unseen problems, by kind.", std::iter::once("defect".to_string()).chain(names));
    let rate = |evaluation: &Evaluation, kind: &str| {
        let responses = evaluation.problems.len() as f64 * f64::from(evaluation.samples);
        100.0 * evaluation.defects.get(kind).copied().unwrap_or(0) as f64 / responses.max(1.0)
    };
    for kind in &kinds {
        let rates = evaluations.iter().map(|sets| Cell::number(rate(&sets[0], kind), 1, ""));
        table = table.row(std::iter::once(Cell::text(*kind)).chain(rates));
    }
    let series = evaluations.iter().map(|sets| BarSeries::new(sets[0].policy.clone(), kinds.iter().map(|kind| Some(rate(&sets[0], kind)))));
    let chart = Chart {
        title: "Defects of the search by kind".into(),
        description: "False statements per 100 sampled responses on unseen problems.".into(),
        x: Axis::linear("per 100 responses", ""),
        y: Axis::linear("defect", ""),
        plot: Plot::Bars { categories: kinds.iter().map(ToString::to_string).collect(), series: series.collect() },
        is_tabled: true,
    };
    let text = "Every statement of a response is replayed against the environment. An answer can be right after a false search, and wrong after a true one: the two are counted apart.";
    Section::new("Is the search itself true?").paragraph(text).chart(chart).table(table)
}

fn examples(evaluations: &[Vec<Evaluation>]) -> Section {
    let mut section = Section::new("Responses to look at");
    if let Some(sets) = evaluations.last() {
        for (prompt, rollout) in sets[0].examples.iter().take(2) {
            let verdict = if rollout.is_correct { "right answer" } else { "wrong or no answer" };
            let truth = if rollout.is_valid { "every statement true" } else { "with false statements" };
            section = section.listing(format!("{}: {verdict}, {truth}, {} tokens", sets[0].policy, rollout.tokens), format!("{prompt}{}", rollout.response));
        }
    }
    section
}

fn method(recipe: &Recipe, data: &Data, parameters: usize) -> Section {
    let model = &recipe.model;
    let text = format!(
        "Corpus: {}. Model: Llama-style decoder, {} layers of width {}, {} heads, feed-forward {}, context {}: {parameters} parameters. Loss on the response only; the end mark is a label. \
         Numbers up to {} are one token each, larger ones are written digit by digit: {:.0} tokens a trace, against {:.0} with digits alone.",
        data.facts,
        model.layers,
        model.width,
        model.heads,
        model.hidden,
        model.context,
        recipe.task.whole_numbers_up_to,
        data.facts.mean_tokens,
        data.facts.mean_digit_tokens
    );
    let text2 = "Intervals are percentile bootstraps over problems. The random policy's success is computed exactly per problem; symbolic searches run once per problem, and a solve counts if its text fits the models' budget.";
    Section::new("What was run").paragraph(text).paragraph(text2).listing("Resolved recipe", recipe.to_toml())
}
