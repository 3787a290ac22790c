//! `metacot export`: a trained model as a folder that `transformers` loads.

use std::path::PathBuf;

use clap::Args;

use crate::{Error, Result, interop, model::Weights, recipe::Recipe, tokenizer::Tokenizer};

/// Writes the model of a run as a Hugging Face folder (Llama architecture, safetensors, tokenizer.json).
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
    let weights = Weights::load(&super::checkpoint(&args.run, args.checkpoint.as_deref())?)?;
    interop::export(&weights, &tokenizer, &args.out, args.force)?;
    eprintln!("{} parameters in {}", weights.config.num_parameters(), args.out.display());
    Ok(())
}

/// The weights file of a training of a run, or of a folder that was imported.
///
/// # Errors
/// The run has no such training, or it is not finished.
pub(super) fn checkpoint(run: &std::path::Path, name: Option<&str>) -> Result<PathBuf> {
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
