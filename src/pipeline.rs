//! A recipe from the first problem to the report: stages that each leave a finished file, so that a run goes on wherever it was stopped.

mod corpora;
mod curves;
mod measure;
mod notice;
mod summary;

use std::path::Path;

use metacot_envs::SeedTree;

use crate::{
    Error, Result, atomic,
    data::Example,
    device::DeviceChoice,
    eval::Evaluation,
    grade::rollouts,
    improve::{keep, load_groups, save_groups},
    model::Weights,
    recipe::{ImproveRecipe, Recipe, Start},
    report,
    run_dir::{RunDir, RunManifest, RunState},
    train::{self, TrainConfig},
};
pub use notice::Notice;

/// What does not change the numbers of a run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Worker threads, at least 1.
    pub threads: usize,
    /// Where training runs.
    pub device: DeviceChoice,
    /// Whether another run in the folder may be replaced.
    pub force: bool,
    /// The command line, for the report.
    pub command: String,
    /// The machine in words, for the report.
    pub machine: String,
}

/// Runs a recipe in `root`, or goes on with it. Returns whether it was finished already.
///
/// # Errors
/// Whatever a stage meets; what is finished stays.
pub fn run(recipe: &Recipe, root: &Path, options: &RunOptions, notify: &mut dyn FnMut(Notice)) -> Result<bool> {
    options.device.check()?;
    // Names and settings fail here, before the folder is touched.
    let task = metacot_traces::task::open(&recipe.spec(metacot_traces::corpus::Split::Train, recipe.corpus.train, recipe.seed))?;
    if let Some(spec) = recipe.held_out_spec() {
        metacot_traces::task::open(&spec)?;
    }
    let (dir, state) = RunDir::open(root, recipe, options.force)?;
    if state == RunState::Finished {
        return Ok(true);
    }
    let mut run = Run { recipe, dir, options, task, seeds: SeedTree::root(recipe.seed).child("run") };
    run.all(notify)?;
    Ok(false)
}

struct Run<'a> {
    recipe: &'a Recipe,
    dir: RunDir,
    options: &'a RunOptions,
    task: Box<dyn metacot_traces::task::Task>,
    seeds: SeedTree,
}

impl Run<'_> {
    fn all(&mut self, notify: &mut dyn FnMut(Notice)) -> Result<()> {
        let rounds = self.recipe.improve.as_ref().map_or(0, |improve| improve.rounds);
        let stages = 4 + 2 * rounds;
        let mut number = 0;
        let mut stage = |name: String, notify: &mut dyn FnMut(Notice)| {
            number += 1;
            notify(Notice::Stage { number, stages, name });
        };

        stage("corpus".into(), notify);
        let data = self.corpora(notify)?;

        stage("supervised training".into(), notify);
        let supervised = self.fit("supervised", &self.recipe.train, None, &data.train, &data, notify)?;

        stage("evaluation of the supervised model".into(), notify);
        let baselines = self.baselines(&data, notify)?;
        let mut evaluations: Vec<Vec<Evaluation>> = vec![self.evaluate("supervised", &supervised, &data, notify)?];

        let mut weights = supervised.clone();
        let mut rounds_kept = Vec::new();
        if let Some(improve) = &self.recipe.improve {
            for round in 1..=improve.rounds {
                let name = format!("round-{round}");
                stage(format!("expert iteration, round {round} of {}", improve.rounds), notify);
                let (trained, kept) = self.round(&name, round, improve, &supervised, &weights, &data, notify)?;
                weights = trained;
                rounds_kept.push(kept);
                stage(format!("evaluation after round {round}"), notify);
                evaluations.push(self.evaluate(&name, &weights, &data, notify)?);
            }
        }

        stage("report".into(), notify);
        let trainings: Vec<String> = std::iter::once("supervised".into()).chain((1..=rounds).map(|round| format!("round-{round}"))).collect();
        self.curves(&trainings, &evaluations)?;
        let report = summary::report(self.recipe, self.options, &data, &baselines, &evaluations, &rounds_kept, weights.config.num_parameters())?;
        let json = report::json(&report);
        atomic::write(self.dir.report("json"), &json)?;
        atomic::write(self.dir.report("md"), report::markdown(&report))?;
        atomic::write(self.dir.report("html"), report::html(&report))?;
        let digest = |text: &str| blake3::hash(text.as_bytes()).to_hex().to_string();
        let manifest = RunManifest {
            tool_version: env!("CARGO_PKG_VERSION").into(),
            recipe_digest: digest(&self.recipe.to_toml()),
            report_digest: digest(&json),
            corpus_digest: data.digest.clone(),
            weights_digest: weights.digest(),
        };
        let mut text = serde_json::to_string_pretty(&manifest).expect("a manifest is plain data");
        text.push('\n');
        atomic::write(self.dir.manifest(), text)
    }

    /// Trains in the checkpoint folder `name`, or takes up what is there.
    fn fit(
        &self,
        name: &str,
        config: &TrainConfig,
        initial: Option<&Weights>,
        examples: &[Example],
        data: &corpora::Data,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<Weights> {
        let config = TrainConfig { seed: self.seeds.child("train").child(name).seed(), ..config.clone() };
        let model = self.recipe.model_config(&data.tokenizer);
        let folder = self.dir.checkpoint(name);
        let job = train::Job { config: &config, model: &model, initial, examples, validation: &data.val, folder: &folder, device: self.options.device };
        train::fit(&job, &mut |progress| notify(Notice::Training(progress)))
    }

    /// One round of expert iteration: samples from `weights`, keeps what is right, trains from `weights` or from `base`.
    #[expect(clippy::too_many_arguments, reason = "one call site; the parts of a round are different things")]
    fn round(
        &self,
        name: &str,
        round: usize,
        improve: &ImproveRecipe,
        base: &Weights,
        weights: &Weights,
        data: &corpora::Data,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<(Weights, summary::RoundCounts)> {
        let path = self.dir.rollouts(name);
        let seeds = self.seeds.child("improve").index(round as u64);
        let groups = if path.exists() {
            load_groups(&path)?
        } else {
            // Rounds take new problems of the training split, after those of the supervised corpus.
            let first = self.recipe.corpus.train + (round as u64 - 1) * improve.problems;
            let problems = (first..first + improve.problems).map(|id| Ok(self.task.draw(id)?)).collect::<Result<Vec<_>>>()?;
            notify(Notice::Note(format!("sampling {} responses to each of {} new training problems", improve.samples, problems.len())));
            let config = self.recipe.sample_config(improve.temperature);
            let mut generator = self.generator(weights);
            let groups = rollouts(self.task.as_ref(), &data.tokenizer, &mut generator, &problems, improve.samples, &config, &seeds.child("sample"));
            save_groups(&path, &groups)?;
            groups
        };
        let kept = keep(&groups, improve, &data.tokenizer, &data.train, &seeds);
        if kept.kept == 0 {
            return Err(Error::Stopped(format!(
                "round {round}: none of {} sampled responses is right, so there is nothing to learn from",
                groups.len() * improve.samples
            )));
        }
        let counts = summary::RoundCounts {
            sampled: groups.iter().map(|group| group.rollouts.len()).sum(),
            correct: kept.correct,
            kept: kept.kept,
            problems: groups.len(),
            solved_problems: kept.problems,
            replayed: kept.replayed,
        };
        notify(Notice::Note(counts.to_string()));
        let initial = if improve.start == Start::Base { base } else { weights };
        let trained = self.fit(name, &improve.train, Some(initial), &kept.examples, data, notify)?;
        Ok((trained, counts))
    }
}
