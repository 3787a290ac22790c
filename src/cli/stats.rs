//! `metacot stats`: what a corpus is made of, every file checked against its digest on the way.

use std::path::PathBuf;

use clap::Args;
use metacot_traces::{
    corpus,
    stats::{Collector, Spread},
};

use crate::Result;

/// Reads a corpus, checks every file against its digest, and prints what it is made of.
#[derive(Debug, Args)]
pub struct StatsArgs {
    /// Folder of a finished corpus.
    corpus: PathBuf,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &StatsArgs) -> Result<()> {
    let mut collector = Collector::default();
    let manifest = corpus::read(&args.corpus, |record| collector.add(&record))?;
    let stats = collector.finish();
    if args.json {
        println!("{}", serde_json::to_string(&stats).expect("statistics are plain data"));
        return Ok(());
    }
    println!("digest             {}", manifest.digest);
    println!("records            {}", stats.records);
    println!("solved             {}", stats.solved);
    println!("distinct problems  {}", stats.distinct_problems);
    for (kind, count) in &stats.by_kind {
        println!("  {kind}  {count}");
    }
    println!("{:<18} {:>12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}", "", "mean", "min", "p25", "median", "p75", "p95", "max");
    for (name, spread) in [("bytes of text", stats.text_bytes), ("expanded", stats.expanded), ("generated", stats.generated), ("cost", stats.cost)] {
        let Spread { mean, min, p25, p50, p75, p95, max } = spread;
        println!("{name:<18} {mean:>12.1} {min:>9} {p25:>9} {p50:>9} {p75:>9} {p95:>9} {max:>9}");
    }
    Ok(())
}
