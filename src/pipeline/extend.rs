//! Policy gradients from a checkpoint of a run, in a folder of their own: what `metacot improve` does.

use std::{
    fs::{self, File},
    path::Path,
};

use metacot_envs::SeedTree;
use metacot_traces::{corpus::Split, task};

use super::{Notice, RunOptions, stages::distinct_problems};
use crate::{
    Error, Result, atomic,
    eval::{Evaluation, Exam, Scores, statistics::Bootstrap},
    improve::{PolicyConfig, PolicyJob, policy_gradient},
    model::Weights,
    recipe::Recipe,
    run_dir::{lock, only_lock},
    sample::{CpuDecoder, DecoderConfig},
    tokenizer::Tokenizer,
};

/// The settings of the folder as they were resolved; its presence says that the folder is ours.
const SETTINGS: &str = "improve.toml";

/// What improving a checkpoint gave: both models on the unseen problems of its run.
#[derive(Clone, Debug, PartialEq)]
pub struct Extended {
    /// The model that it started from.
    pub before: Scores,
    /// The model that it ended with.
    pub after: Scores,
    /// Digest of the weights that it ended with.
    pub weights_digest: String,
}

/// Improves the weights of a run by policy gradients, or goes on with it; the result lies in `out`.
///
/// # Errors
/// The run or its checkpoint cannot be read; `out` holds something else; and all that [`policy_gradient`] meets.
pub fn extend(run: &Path, checkpoint: &Path, config: &PolicyConfig, out: &Path, options: &RunOptions, notify: &mut dyn FnMut(Notice)) -> Result<Extended> {
    config.validate().map_err(|reason| Error::Usage(format!("--set: {reason}")))?;
    let recipe = Recipe::load(&run.join("recipe.resolved.toml").display().to_string(), &[])?;
    let tokenizer = Tokenizer::load(&run.join("tokenizer.json"))?;
    let initial = Weights::load(checkpoint)?;
    if initial.config != recipe.model_config(&tokenizer) {
        return Err(Error::data(checkpoint, "the checkpoint is of another model than the recipe; run the recipe again"));
    }
    let _lock = claim(out, config, options.force)?;
    let task = task::open(&recipe.spec(Split::Train, recipe.corpus.train, recipe.seed))?;
    let pool = distinct_problems(config.pool, recipe.corpus.train, |id| Ok(task.draw(id)?))?;
    let sample = recipe.sample_config(config.temperature);
    let job = PolicyJob {
        config,
        initial: &initial,
        task: task.as_ref(),
        tokenizer: &tokenizer,
        pool: &pool,
        sample: &sample,
        folder: out,
        device: options.devices.first(),
        threads: options.threads,
    };
    notify(Notice::Note(options.trainer()));
    notify(Notice::Note(job.plan()));
    let weights = policy_gradient(&job, &mut |report| notify(Notice::Improving(Box::new(report))))?;

    let unseen_spec = recipe.spec(Split::Test, recipe.eval.problems, recipe.seed);
    let unseen_task = task::open(&unseen_spec)?;
    let unseen = distinct_problems(unseen_spec.count, 0, |id| Ok(unseen_task.draw(id)?))?;
    let seeds = SeedTree::root(recipe.seed).child("run").child("eval").child("unseen");
    let sample = recipe.sample_config(recipe.eval.temperature);
    let exam = Exam { task: task.as_ref(), tokenizer: &tokenizer, problems: &unseen, samples: recipe.eval.samples, config: &sample, seeds: &seeds };
    let bootstrap = Bootstrap::new(&SeedTree::root(recipe.seed).child("report"));
    let mut scores = |name: &str, weights: &Weights| -> Result<Scores> {
        let path = out.join(format!("eval-{name}.json"));
        let evaluation = if path.exists() {
            Evaluation::load(&path)?
        } else {
            notify(Notice::Note(format!("evaluation of the model {name}: {} unseen problems, {} samples each", unseen.len(), recipe.eval.samples)));
            let mut generator = CpuDecoder::new(weights, DecoderConfig { threads: options.threads, ..DecoderConfig::default() });
            let evaluation = exam.take(name, &mut generator);
            evaluation.save(&path)?;
            evaluation
        };
        evaluation.scores(recipe.eval.k, &bootstrap)
    };
    Ok(Extended { before: scores("before", &initial)?, after: scores("after", &weights)?, weights_digest: weights.digest() })
}

/// Makes the folder ours, or finds that it is, and keeps other processes out until the lock is dropped.
fn claim(out: &Path, config: &PolicyConfig, force: bool) -> Result<File> {
    let wanted = toml::to_string_pretty(config).map_err(|error| Error::Usage(format!("settings: {error}")))?;
    let path = out.join(SETTINGS);
    let is_occupied = fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) && !only_lock(out);
    if is_occupied && !path.exists() {
        return Err(Error::Exists { path: out.to_path_buf() });
    }
    fs::create_dir_all(out).map_err(Error::io("cannot create", out))?;
    let held = lock(out)?;
    let found = if path.exists() { Some(fs::read_to_string(&path).map_err(Error::io("cannot read", &path))?) } else { None };
    match found {
        Some(found) if found == wanted => return Ok(held),
        Some(_) if !force => return Err(Error::data(out, "holds a run of other settings; give another --out, or --force to replace it")),
        Some(_) => clear(out)?,
        None => {}
    }
    atomic::write(&path, wanted)?;
    Ok(held)
}

/// Removes the files of another run, all but the lock.
fn clear(out: &Path) -> Result<()> {
    for entry in fs::read_dir(out).map_err(Error::io("cannot read", out))? {
        let path = entry.map_err(Error::io("cannot read", out))?.path();
        if path.is_file() && path.file_name().is_some_and(|name| name != ".lock") {
            fs::remove_file(&path).map_err(Error::io("cannot remove", &path))?;
        }
    }
    Ok(())
}
