//! `metacot filter`: a funnel of rules over a corpus, with what each of them dropped.

use std::path::PathBuf;

use clap::Args;
use metacot_traces::corpus::filter::{FUNNEL, FilterJob, RULES, RuleCount, filter};

use super::progress::Bar;
use crate::{Error, Result};

/// Keeps the rows that break no rule and writes them as a corpus, with the counts per rule in funnel.json.
///
/// Rules are asked in this order, each of the rows that the ones before let through; rules that compare rows compare with kept rows.
///   duplicate            a kept row has the same text
///   canonical-duplicate  a kept row has the same problem up to symmetry, or the same question up to spelling
///   leak                 the problem or question occurs in a corpus given by --against
///   multiple-choice      the question offers its answers
///   yes-no               one of two answers is right
///   solve-rate           the row's solve rate lies outside of --set min_rate=… max_rate=…
///   guessable            random play solves it with more than --set guess_above=0.25, exactly (guess_tries=1 guess_depth=64)
///   not-unique           it has several answers, by the exact oracle; asked only by name
///   near-duplicate       a kept row is one step away (a number, target, goal, box or clue), or has similar words
///                        (near_similarity=0.8 of near_words=3 successive words)
///
/// The order of input decides the outcome and the number of threads does not. Memory: one data file, and per kept row 16 to 32 bytes for each
/// rule that compares, or about half a kilobyte where questions are compared by words.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Examples:
  metacot filter corpus --out clean --against test-corpus
  metacot filter corpus --out unique --rules canonical-duplicate,not-unique
  metacot filter questions.jsonl --out clean --graded graded.jsonl --set min_rate=0.1 max_rate=0.9
  metacot filter rows.jsonl --env countdown --out clean --rules guessable --set guess_above=0.5 --json

Exit codes:
  0  done
  2  a rule, setting or flag that is not allowed
  3  a file or folder that cannot be read or written
  4  a corpus or row that is damaged or does not read
  5  --out holds a corpus already"
)]
pub struct FilterArgs {
    /// A corpus, a file of JSON lines with `question` (or `problem`, `prompt` …) and `answer`, or - for stdin.
    input: PathBuf,
    /// Folder of the kept corpus.
    #[arg(long)]
    out: PathBuf,
    /// Rules to ask, comma-separated; those that have what they need where left out.
    #[arg(long, value_delimiter = ',')]
    rules: Option<Vec<String>>,
    /// A corpus or file of JSON lines of which nothing may be kept; can be given again.
    #[arg(long)]
    against: Vec<PathBuf>,
    /// Rows as `metacot grade` writes them, by id: their mean is the solve rate of rows that carry none.
    #[arg(long)]
    graded: Option<PathBuf>,
    /// Environment of rows whose `problem` is an object and that do not name theirs.
    #[arg(long)]
    env: Option<String>,
    /// Setting of a rule; can be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", num_args = 1..)]
    settings: Vec<String>,
    /// Prints one JSON object.
    #[arg(long)]
    json: bool,
    /// Worker threads; all cores where left out.
    #[arg(long)]
    threads: Option<usize>,
    /// Replaces a finished corpus in the folder.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &FilterArgs) -> Result<()> {
    if let Some(env) = args.env.as_deref().filter(|env| !metacot_envs::registry::NAMES.contains(env)) {
        return Err(Error::Usage(metacot_envs::registry::UnknownEnvironment { name: env.into() }.to_string()));
    }
    let job = FilterJob {
        input: args.input.clone(),
        out: args.out.clone(),
        rules: args.rules.clone(),
        settings: super::settings(&args.settings)?,
        env: args.env.clone(),
        against: args.against.clone(),
        graded: args.graded.clone(),
        threads: super::threads(args.threads)?,
        force: args.force,
    };
    let bar = Bar::new("rows");
    let (rows, kept, counts) = filter(&job, &mut |done, total| {
        if done % 1024 == 0 {
            bar.show(done, total.unwrap_or(done));
        }
    })?;
    bar.clear();
    if args.json {
        println!("{}", serde_json::json!({ "rows": rows, "kept": kept, "rules": counts }));
    } else {
        print!("{}", table(rows, kept, &counts));
    }
    eprintln!("{kept} of {rows} rows kept in {}; counts in {}", args.out.display(), args.out.join(FUNNEL).display());
    Ok(())
}

/// The funnel as a table: what each rule was asked, dropped, could not judge and let through.
fn table(rows: u64, kept: u64, counts: &[RuleCount]) -> String {
    let width = RULES.iter().map(|kind| kind.name.len()).max().unwrap_or(0);
    let mut text = format!("{:<width$} {:>12} {:>12} {:>14} {:>12}\n", "rule", "asked", "dropped", "not applicable", "left");
    for RuleCount { rule, asked, dropped, not_applicable } in counts {
        text += &format!("{rule:<width$} {asked:>12} {dropped:>12} {not_applicable:>14} {:>12}\n", asked - dropped);
    }
    text + &format!("{:<width$} {rows:>12} {:>12} {:>14} {kept:>12}\n", "all", rows - kept, "")
}
