//! `metacot import`: the folder of a Llama checkpoint as a checkpoint of ours.

use std::path::PathBuf;

use clap::Args;

use crate::{
    Result,
    interop::{self, ImportedTokenizer},
};

/// Reads a Hugging Face folder of a Llama model (config.json, safetensors in one file or shards, tokenizer.json) into a checkpoint: weights.safetensors and
/// tokenizer.json. Prints the digest of the weights.
///
/// Half precision becomes single. A model that computes anything else than ours (biases, another activation, other rotary scalings than linear and llama3) is
/// refused by name. `metacot export` writes a checkpoint with our own tokenizer back.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Folder to read.
    folder: PathBuf,
    /// Folder to write.
    out: PathBuf,
    /// Replaces what is there.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &ImportArgs) -> Result<()> {
    let imported = interop::import_into(&args.folder, &args.out, args.force)?;
    let config = &imported.weights.config;
    let tokenizer = match &imported.tokenizer {
        ImportedTokenizer::Closed(tokenizer) => format!("our own tokenizer of {} ids", tokenizer.vocab_size()),
        ImportedTokenizer::Foreign(_) => "another program's tokenizer, kept as it is: recipes, which train on closed vocabularies, cannot use it".into(),
        ImportedTokenizer::Missing => "no tokenizer".into(),
    };
    eprintln!("{} parameters, {} layers of width {}; {tokenizer}", config.num_parameters(), config.layers, config.width);
    println!("{}", imported.weights.digest());
    Ok(())
}
