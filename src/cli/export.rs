//! `metacot export`: a trained model as a folder that `transformers` loads.

use std::path::{Path, PathBuf};

use clap::Args;
use metacot_envs::SeedTree;

use crate::{
    Error, Result,
    eval::{
        Evaluation, SETS,
        statistics::{Bootstrap, Estimate},
    },
    interop::{self, Measurement, Origin},
    model::Weights,
    recipe::Recipe,
    tokenizer::Tokenizer,
};

/// What a card calls the sets of problems.
const TITLES: [&str; SETS.len()] = ["unseen problems", "held-out settings"];

/// Writes the model of a run as a Hugging Face folder (Llama architecture, safetensors, tokenizer.json). Its card (README.md) tells the recipe and what the run
/// measured of the model.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Folder of a run, or of what `metacot import` wrote.
    run: PathBuf,
    /// Which of its trainings: supervised, round-1, …; the last one where it is left out.
    #[arg(long)]
    checkpoint: Option<String>,
    /// Folder to write.
    #[arg(long)]
    out: PathBuf,
    /// Replaces what is there.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &ExportArgs) -> Result<()> {
    let tokenizer = Tokenizer::load(&args.run.join("tokenizer.json"))?;
    let path = checkpoint(&args.run, args.checkpoint.as_deref())?;
    let weights = Weights::load(&path)?;
    let origin = origin(&args.run, &path)?;
    interop::export(&weights, &tokenizer, origin.as_ref(), &args.out, args.force)?;
    eprintln!("{} parameters in {}", weights.config.num_parameters(), args.out.display());
    Ok(())
}

/// What a run tells of the training whose weights are in `weights`; `None` where the folder is no run.
fn origin(run: &Path, weights: &Path) -> Result<Option<Origin>> {
    let path = run.join("recipe.resolved.toml");
    let Some(training) = weights.parent().and_then(Path::file_name).filter(|_| path.exists()) else { return Ok(None) };
    let training = training.to_string_lossy().into_owned();
    let mut recipe = Recipe::load(&path.display().to_string(), &[])?;
    // The streams of the run's report, so that both tell the same intervals; those of a ladder are over its seeds, too.
    let bootstrap = Bootstrap::new(&SeedTree::root(recipe.seed).child("report"));
    let (mut results, mut prompt) = (Vec::new(), None);
    for (set, title) in SETS.into_iter().zip(TITLES) {
        let file = recipe.evaluated_as(&training).map(|name| run.join("eval").join(format!("{name}-{set}.json")));
        let Some(file) = file.filter(|file| file.exists()) else { continue };
        let evaluation = Evaluation::load(&file)?;
        let scores = evaluation.scores(recipe.eval.k, &bootstrap)?;
        let mut named = vec![("pass@1".to_owned(), scores.pass_at_1)];
        named.extend((recipe.eval.k > 1).then(|| (format!("pass@{}", recipe.eval.k), scores.pass_at_k)));
        named.extend([("greedy accuracy".to_owned(), scores.greedy_accuracy), ("trace validity".to_owned(), scores.trace_validity)]);
        let percent = |Estimate { value, low, high }: Estimate| [value, low, high].map(|share| 100.0 * share);
        results.extend(named.into_iter().map(|(name, estimate)| Measurement { set: title.into(), name, percent: percent(estimate) }));
        prompt = prompt.or_else(|| evaluation.examples.first().map(|(prompt, _)| prompt.clone()));
    }
    let from = recipe.model.from.take();
    // Where a checkpoint lay on this machine is nobody's business.
    recipe.model.from = from.as_deref().and_then(Path::file_name).map(PathBuf::from);
    let is_whole = from.is_none();
    Ok(Some(Origin { title: recipe.title.clone(), env: recipe.task.env.clone(), training, recipe: recipe.to_toml(), is_whole, results, prompt }))
}

/// The weights file of a training of a run, or of a folder that was imported.
///
/// # Errors
/// The run has no such training, or it is not finished.
pub(super) fn checkpoint(run: &Path, name: Option<&str>) -> Result<PathBuf> {
    let own = run.join("weights.safetensors");
    if name.is_none() && own.exists() && !run.join("recipe.resolved.toml").exists() {
        return Ok(own);
    }
    let folder = run.join("checkpoints");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .map_err(Error::io("cannot read", &folder))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| folder.join(name).join("weights.safetensors").exists())
        .collect();
    let recipe = Recipe::load(&run.join("recipe.resolved.toml").display().to_string(), &[])?;
    let order = recipe.trainings();
    names.retain(|name| order.contains(name));
    names.sort_by_key(|name| order.iter().position(|other| other == name));
    let chosen = match name {
        None => names.last(),
        Some(name) => names.iter().find(|other| *other == name),
    };
    match chosen {
        Some(chosen) => Ok(folder.join(chosen).join("weights.safetensors")),
        None => Err(Error::data(&folder, format!("no finished training {}; there is: {}", name.unwrap_or("at all"), names.join(", ")))),
    }
}
