//! `metacot forensics`: what traces do when they think, over a corpus or the completions of a model.

use std::path::PathBuf;

use clap::Args;
use metacot_traces::{
    forensics::{Style, Summary, Survey, survey},
    label::Label,
};

use super::progress::Bar;
use crate::{Error, Result};

/// Counts what traces do: where they turn back and how far, what they repeat, check and evaluate, and in which style.
///
/// Every text is audited first, and what is counted is the part of its search that is true. With --against, states of traces of the same
/// problem, up to symmetry, are compared: shared states over the larger number of states.
#[derive(Debug, Args)]
#[command(after_help = "\
Styles:
  straight         no turning back
  tree             turning back to nodes in between
  revision         turning back to the start mostly: attempts one after another
  self-evaluation  more values told than nodes visited
  repetition       more than half of the states were there before

Examples:
  metacot forensics corpus
  metacot forensics completions.jsonl --env countdown --format sos --json
  metacot forensics completions.jsonl --env countdown --format sos --against corpus

Exit codes:
  0  done
  2  a flag, environment or format that is not allowed
  3  a file or folder that cannot be read
  4  a corpus or row that is damaged or does not read")]
pub struct ForensicsArgs {
    /// A corpus, a file of JSON lines with `problem` and `response`, or - for stdin.
    corpus: PathBuf,
    /// Another one whose states are compared.
    #[arg(long)]
    against: Option<PathBuf>,
    /// Environment of rows that do not name theirs.
    #[arg(long)]
    env: Option<String>,
    /// Format of rows that do not name theirs.
    #[arg(long)]
    format: Option<String>,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
    /// Worker threads; all cores where left out.
    #[arg(long)]
    threads: Option<usize>,
}

pub(super) fn run(args: &ForensicsArgs) -> Result<()> {
    let formats = metacot_traces::format::NAMES;
    for (flag, name, allowed) in [("--env", &args.env, metacot_envs::registry::NAMES), ("--format", &args.format, formats)] {
        if let Some(name) = name.as_deref().filter(|name| !allowed.contains(&Label::name_of(name))) {
            return Err(Error::Usage(format!("{flag} {name} is not allowed; expected one of {}", allowed.join(", "))));
        }
    }
    let job = Survey {
        input: &args.corpus,
        against: args.against.as_deref(),
        env: args.env.as_deref(),
        format: args.format.as_deref(),
        threads: super::threads(args.threads)?,
    };
    let bar = Bar::new("traces");
    let summary = survey(&job, &mut |done, total| {
        if done % 1024 == 0 {
            bar.show(done, total.unwrap_or(done));
        }
    })?;
    bar.clear();
    if args.json {
        println!("{}", serde_json::to_string(&summary).expect("a summary is plain data"));
        return Ok(());
    }
    print!("{}", text(&summary));
    for (kind, summary) in &summary.by_kind {
        print!("\n{kind}\n{}", text(summary));
    }
    Ok(())
}

fn text(summary: &Summary) -> String {
    let share = |count: u64| format!("{count} ({:.1} %)", 100.0 * count as f64 / summary.traces.max(1) as f64);
    let mut text =
        format!("traces             {}\nclean              {}\nsolved             {}\n", summary.traces, share(summary.clean), share(summary.solved));
    if summary.controls > 0 {
        text += &format!("controls           {}\n", share(summary.controls));
    }
    for (style, count) in &summary.styles {
        text += &format!("  {:<16} {}\n", name(*style), share(*count));
    }
    text += &super::stats::spreads(summary.per_trace.iter().map(|(name, spread)| (*name, *spread)));
    let levels: Vec<String> = summary.backtracks_by_levels.iter().map(|(levels, count)| format!("{levels}: {count}")).collect();
    if !levels.is_empty() {
        text += &format!("backtracks by levels up  {}\n", levels.join("  "));
    }
    if let Some(overlap) = &summary.overlap {
        text += &format!(
            "state overlap      {} pairs, {} unmatched; mean {:.3}, min {:.3}, median {:.3}, max {:.3}\n",
            overlap.pairs, overlap.unmatched, overlap.mean, overlap.min, overlap.p50, overlap.max
        );
    }
    text
}

fn name(style: Style) -> String {
    serde_json::to_value(style).ok().and_then(|name| name.as_str().map(str::to_string)).unwrap_or_default()
}
