//! A recipe from the first problem to the report: stages that each leave a finished file, so that a run goes on wherever it was stopped.

mod claims;
mod compute;
mod corpora;
mod curves;
mod dial;
mod extend;
mod gradients;
mod guided;
mod ladder;
mod measure;
mod notice;
mod pooled;
mod revise;
mod scorecard;
mod self_play;
mod shortened;
mod solving;
mod stages;
mod summary;
mod watch;

use std::path::Path;

use metacot_envs::SeedTree;

use crate::{
    Error, Result, atomic,
    data::Example,
    device::Devices,
    eval::statistics::Bootstrap,
    model::Weights,
    recipe::Recipe,
    report,
    run_dir::{RunDir, RunManifest, RunState},
    tokenizer::Tokenizer,
    train::{self, TrainConfig},
};
pub use extend::{Extended, extend};
pub use notice::Notice;

/// What does not change the numbers of a run.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Worker threads, at least 1. Training takes the threads of rayon's global pool, which the caller sets to as many.
    pub threads: usize,
    /// Where training runs: supervised training on all of them, everything else that learns on the first.
    pub devices: Devices,
    /// Whether another run in the folder may be replaced.
    pub force: bool,
    /// The command line, for the report.
    pub command: String,
    /// The machine in words, for the report.
    pub machine: String,
}

impl RunOptions {
    /// What trains, in words.
    fn trainer(&self) -> String {
        format!("trains on {}; threads of the CPU: {}", self.devices, rayon::current_num_threads())
    }
}

/// Runs a recipe in `root`, or goes on with it. Returns whether it was finished already.
///
/// # Errors
/// Whatever a stage meets; what is finished stays.
pub fn run(recipe: &Recipe, root: &Path, options: &RunOptions, notify: &mut dyn FnMut(Notice)) -> Result<bool> {
    options.devices.check()?;
    // Names and settings fail here, before the folder is touched.
    let task = task(recipe)?;
    recipe.train_configs().try_for_each(|config| config.check_devices(options.devices.count())).map_err(Error::Usage)?;
    let (dir, state) = RunDir::open(root, recipe, options.force)?;
    if state == RunState::Finished {
        return Ok(true);
    }
    let mut run = Run { recipe, dir, options, task, seeds: SeedTree::root(recipe.seed).child("run") };
    run.all(notify)?;
    Ok(false)
}

/// The task of a recipe, with all else that its names and settings open checked.
///
/// # Errors
/// A name or setting that is not allowed.
pub fn task(recipe: &Recipe) -> Result<Box<dyn metacot_traces::task::Task>> {
    let spec = recipe.spec(metacot_traces::corpus::Split::Train, recipe.corpus.train, recipe.seed);
    let task = metacot_traces::task::open(&spec)?;
    if let Some(spec) = recipe.held_out_spec() {
        metacot_traces::task::open(&spec)?;
    }
    if recipe.stages.iter().any(|stage| stage.self_play.is_some()) {
        metacot_traces::task::open_game(&spec)?;
    }
    Ok(task)
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
        let stages = 4 + self.recipe.num_stage_parts();
        let mut number = 0;
        let mut stage = |name: String, notify: &mut dyn FnMut(Notice)| {
            number += 1;
            notify(Notice::Stage { number, stages, name });
        };

        stage("corpus".into(), notify);
        let data = self.corpora(notify)?;

        stage("supervised training".into(), notify);
        notify(Notice::Note(self.options.trainer()));
        let initial = self.recipe.model.from.as_deref().map(|folder| self.initial(folder, &data)).transpose()?;
        let supervised = self.fit("supervised", &self.recipe.train, initial.as_ref(), &data.train, &data, notify)?;

        stage("evaluation of the supervised model".into(), notify);
        let baselines = self.baselines(&data, notify)?;
        let mut evaluations = vec![self.evaluate("supervised", &supervised, &data, notify)?];
        let (improved, rungs) = match &self.recipe.ladder {
            None => (self.stages(&supervised, &data, &mut stage, notify)?, Vec::new()),
            Some(ladder) => self.ladder(ladder, &supervised, &data, &mut stage, notify)?,
        };
        evaluations.extend(improved.evaluations);
        let weights = improved.weights;

        stage("report".into(), notify);
        self.curves(&self.recipe.trainings(), &evaluations, &improved.revised)?;
        let mut report = summary::report(self.recipe, self.options, &data, &baselines, &evaluations, &improved.rounds, weights.config.num_parameters())?;
        if improved.rounds.iter().any(|round| round.shortened.is_some()) {
            report.sections.insert(1, shortened::section(&improved.rounds, self.recipe)?);
        }
        for efforts in improved.efforts.iter().rev() {
            report.sections.insert(1, dial::section(efforts, self.recipe)?);
        }
        if self.recipe.stages.len() > 1 && self.recipe.ladder.is_none() {
            report.sections.insert(0, scorecard::section(&evaluations, self.recipe)?);
        }
        if !improved.guided.is_empty() {
            report.sections.insert(1, guided::section(&improved.guided, self.recipe)?);
        }
        if !improved.played.is_empty() {
            report.sections.insert(1, self_play::section(&improved.played, self.recipe)?);
        }
        if !improved.revised.is_empty() {
            let bootstrap = Bootstrap::new(&SeedTree::root(self.recipe.seed).child("report").child("revisions"));
            report.sections.insert(1, report::revisions(&improved.revised, &bootstrap)?);
        }
        if let Some(ladder) = &self.recipe.ladder {
            ladder::add(&mut report, ladder, self.recipe, &evaluations[0], &rungs)?;
        }
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

    /// The weights of a folder, where they are of the recipe's shape and the run's vocabulary.
    fn initial(&self, folder: &Path, data: &corpora::Data) -> Result<Weights> {
        let path = folder.join("tokenizer.json");
        if Tokenizer::load(&path)?.to_json() != data.tokenizer.to_json() {
            return Err(Error::data(&path, format!("its vocabulary is not that of the task, which has {} ids", data.tokenizer.vocab_size())));
        }
        let path = folder.join("weights.safetensors");
        let weights = Weights::load(&path)?;
        let expected = self.recipe.model_config(&data.tokenizer);
        if weights.config != expected {
            return Err(Error::data(&path, format!("is a model of another shape than the recipe's: {:?}; expected {expected:?}", weights.config)));
        }
        Ok(weights)
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
        let solver = self.solver(config.solve_problems, data)?;
        let solver = solver.as_ref().map(|solver| solver as &dyn train::Solver);
        let devices = &self.options.devices;
        let job = train::Job { config: &config, model: &model, initial, examples, validation: &data.val, folder: &folder, devices, solver };
        train::fit(&job, &mut |progress| notify(Notice::Training(progress)))
    }
}
