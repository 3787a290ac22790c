//! `metacot stats`: what a corpus is made of, every file checked against its digest on the way.

use std::path::PathBuf;

use clap::Args;
use metacot_traces::{
    corpus,
    stats::{Collector, Spread, Stats},
};

use super::progress::Bar;
use crate::Result;

/// Reads a corpus, checks every file against its digest, and prints what it is made of.
///
/// Memory: one data file, and 16 to 32 bytes for each distinct problem and text.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  metacot stats corpus
  metacot stats corpus --json | jq .solved

Exit codes:
  0  done, and every file is what the manifest says
  3  a file that cannot be read
  4  no corpus, or a file that is damaged, truncated or changed")]
pub struct StatsArgs {
    /// Folder of a finished corpus.
    corpus: PathBuf,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &StatsArgs) -> Result<()> {
    let mut collector = Collector::default();
    let bar = Bar::new("records");
    let mut done = 0;
    let manifest = corpus::read(&args.corpus, |record| {
        collector.add(&record);
        done += 1;
        if done % 1024 == 0 {
            bar.show(done, done);
        }
    })?;
    bar.clear();
    let stats = collector.finish();
    if args.json {
        let mut value = serde_json::to_value(&stats).expect("statistics are plain data");
        value["digest"] = manifest.digest.into();
        println!("{value}");
    } else {
        print!("{}", text(&manifest.digest, &stats));
    }
    Ok(())
}

fn text(digest: &str, stats: &Stats) -> String {
    let mut text = String::new();
    let lines = [
        ("digest", digest.to_string()),
        ("records", stats.records.to_string()),
        ("solved", stats.solved.to_string()),
        ("distinct problems", stats.distinct_problems.to_string()),
        ("repeated texts", stats.repeated_texts.to_string()),
        ("bytes of text", stats.total_text_bytes.to_string()),
    ];
    for (name, value) in lines {
        text += &format!("{name:<18} {value}\n");
    }
    for (split, count) in &stats.by_split {
        text += &format!("  split {split}  {count}\n");
    }
    for (kind, count) in &stats.by_kind {
        text += &format!("  {kind}  {count}\n");
    }
    for (stop, count) in &stats.by_stop {
        let stop = serde_json::to_value(stop).unwrap_or_default();
        text += &format!("  stop {}  {count}\n", stop.as_str().unwrap_or_default());
    }
    text + &spreads([
        ("text, bytes", stats.text_bytes),
        ("prompt, bytes", stats.prompt_bytes),
        ("learned, bytes", stats.loss_bytes),
        ("expanded", stats.expanded),
        ("generated", stats.generated),
        ("plan, steps", stats.plan_steps),
        ("plan, cost", stats.cost),
    ])
}

/// A table of spreads, one line each.
pub(super) fn spreads<'a>(spreads: impl IntoIterator<Item = (&'a str, Spread)>) -> String {
    let mut text = format!("{:<18} {:>12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "", "mean", "min", "p25", "median", "p75", "p95", "max");
    for (name, Spread { mean, min, p25, p50, p75, p95, max }) in spreads {
        text += &format!("{name:<18} {mean:>12.1} {min:>9} {p25:>9} {p50:>9} {p75:>9} {p95:>9} {max:>9}\n");
    }
    text
}
