//! `metacot merge`: the shards of a run as one corpus.

use std::path::PathBuf;

use clap::Args;
use metacot_traces::corpus::merge;

use super::{generate::Report, progress::Bar};
use crate::Result;

/// Puts the shards of one run (`metacot generate --shard i/n`, layout jsonl or shard) together: the same files, byte for byte, and the same
/// digest as of the run made in one piece. A shard that is missing, doubled, damaged or of another run is refused.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Folders of all shards of the run, in any order.
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    /// Folder of the corpus.
    #[arg(long)]
    out: PathBuf,
    /// Replaces a finished corpus in the folder.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &MergeArgs) -> Result<()> {
    let bar = Bar::new("shards");
    let manifest = merge(&args.shards, &args.out, args.force, &mut |done, total| bar.show(done, total))?;
    bar.clear();
    Report::from(manifest).print();
    Ok(())
}
