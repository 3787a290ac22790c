//! `metacot audit`: which statements of traces are false, row by row.

use clap::Args;
use metacot_envs::{Difficulty, Settings};
use metacot_grade::{AuditConfig, audit_stream};

use crate::{Error, Result};

/// Audits traces from stdin step by step and prints one row for each, in input order: {"id", "clean", "solved", "defects"}.
///
/// A row is a record of a corpus, {"id", "problem", "response"}, or {"id", "text"} with the problem in the text; `env`, `format` and
/// `transform` of a row come before the flags. A defect has its kind, the index and byte range of its statement in the whole text, and the
/// statement. A malformed row gives a row with "error", and the rest goes on. Counts by kind go to stderr.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  metacot audit --env countdown --format sos < rows.jsonl
  cat corpus/train-*.jsonl | metacot audit > audited.jsonl
  metacot audit --check < corpus/train-00000-of-00001.jsonl > /dev/null && echo all true

Exit codes:
  0  every row was read and audited or answered with an error, whatever was found
  2  a flag, setting, environment or format that is not allowed
  3  stdin or stdout failed
  4  --check, and some row has a defect or an error")]
pub struct AuditArgs {
    /// Environment of rows that do not name theirs (see `metacot doctor` for all names).
    #[arg(long)]
    env: Option<String>,
    /// Format of rows that do not name theirs.
    #[arg(long)]
    format: Option<String>,
    /// Transform of rows that do not name theirs, with its settings, such as "retry mode=multi"; none reads them as plain texts.
    #[arg(long)]
    transform: Option<String>,
    /// Size of the environment, where a format leaves out what the size says.
    #[arg(long)]
    size: Option<String>,
    /// Setting of the environment; can be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", num_args = 1..)]
    settings: Vec<String>,
    /// Fails with exit code 4 where a row has a defect or an error.
    #[arg(long)]
    check: bool,
    /// Worker threads; all cores where left out.
    #[arg(long)]
    threads: Option<usize>,
}

pub(super) fn run(args: &AuditArgs) -> Result<()> {
    let settings = super::settings(&args.settings)?;
    if args.env.is_none() && (args.size.is_some() || !settings.is_empty()) {
        return Err(Error::Usage("--size and --set are of one environment; give --env too".into()));
    }
    let config = AuditConfig {
        env: args.env.clone(),
        difficulty: Difficulty { size: args.size.clone(), settings },
        format: args.format.clone(),
        format_settings: Settings::default(),
        transform: args.transform.clone(),
    };
    let threads = super::threads(args.threads)?;
    let audits = match audit_stream(&config, std::io::stdin(), &mut std::io::stdout().lock(), threads) {
        // The reader has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => return Err(Error::Usage(error.to_string())),
        outcome => outcome.map_err(Error::io("cannot audit", "stdin"))?,
    };
    let kinds: Vec<String> = audits.defects.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    eprintln!("{} rows: {} clean, {} solved, {} errors", audits.rows, audits.clean, audits.solved, audits.errors);
    if audits.controls > 0 {
        eprintln!("controls, wrong on purpose and clean where nothing else is wrong: {}", audits.controls);
    }
    if !kinds.is_empty() {
        eprintln!("defects: {}", kinds.join(", "));
    }
    if args.check && audits.clean < audits.rows {
        return Err(Error::data("stdin", format!("{} of {} rows have a defect or an error", audits.rows - audits.clean, audits.rows)));
    }
    Ok(())
}
