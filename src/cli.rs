//! The command line: arguments to configuration to library calls. The only module that prints.
//!
//! Data goes to stdout, words for people to stderr.
#![expect(clippy::print_stderr, reason = "this is the command line")]

/// Prints a line of data; ends the program quietly where nobody reads on, as `head` makes it.
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::cli::output::line(format_args!($($argument)*))
    };
}

/// As `println`, without a line end.
macro_rules! print {
    ($($argument:tt)*) => {
        $crate::cli::output::text(format_args!($($argument)*))
    };
}

mod audit;
mod bench;
mod contamination;
mod convert;
mod doctor;
mod export;
mod filter;
mod forensics;
mod generate;
mod grade;
mod ids;
mod import;
mod improve;
mod inspect;
mod layout;
mod machine;
mod merge;
mod mix;
mod output;
mod progress;
mod run;
mod sample;
mod solve;
mod stats;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::{Error, Result};
use export::checkpoint;

/// Search, text, weights, better search: a laboratory for Meta-CoT.
#[derive(Debug, Parser)]
#[command(name = "metacot", version, max_term_width = 110, after_help = EXIT_CODES, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  2  a flag, setting, recipe key or input row that is not allowed (grade, audit: \"error\" in its row)
  3  a file or folder that cannot be read or written
  4  a file that is damaged, truncated or of another configuration
  5  something would have been overwritten
  6  no such device
  7  a run that stopped itself";

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a recipe from the first problem to the report; run again, it goes on where it was stopped.
    Run(run::RunArgs),
    /// Generates a corpus of search traces.
    Generate(generate::GenerateArgs),
    /// Puts the shards of one run together.
    Merge(merge::MergeArgs),
    /// Writes a corpus in another layout, or the rows of other tools as a corpus.
    Convert(convert::ConvertArgs),
    /// Solves problems from stdin, one a line, and prints their traces.
    Solve(solve::SolveArgs),
    /// Grades answers or whole responses: strictly, and as peers would score them.
    ///
    /// Rows come from stdin, {"id", "problem", "answer" or "response"}, and each gives a verdict row, in order. A row that is not allowed gives a
    /// row with "error" instead; the rest goes on, and the exit code stays 0.
    Grade(grade::GradeArgs),
    /// Audits traces from stdin, statement by statement.
    Audit(audit::AuditArgs),
    /// Keeps the rows of a corpus that break no rule, with counts per rule.
    Filter(filter::FilterArgs),
    /// Counts what traces do: backtracks, returns, repeats, checks, style, shared states.
    Forensics(forensics::ForensicsArgs),
    /// Shows a corpus, a trace, a run or a checkpoint; draws search trees as HTML.
    Inspect(inspect::InspectArgs),
    /// Checks a corpus and says what it is made of.
    Stats(stats::StatsArgs),
    /// Improves the model of a run by policy gradients.
    Improve(improve::ImproveArgs),
    /// Lets the model of a run answer problems from stdin.
    Sample(sample::SampleArgs),
    /// Writes the model of a run as a folder that Hugging Face transformers loads.
    Export(export::ExportArgs),
    /// Reads the folder of a Hugging Face Llama model as a checkpoint.
    Import(import::ImportArgs),
    /// Measures what this machine does in a second.
    Bench(bench::BenchArgs),
    /// Says what this build and this machine have.
    Doctor(doctor::DoctorArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Run(args) => run::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Merge(args) => merge::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Solve(args) => solve::run(&args),
        Command::Grade(args) => grade::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Filter(args) => filter::run(&args),
        Command::Forensics(args) => forensics::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Stats(args) => stats::run(&args),
        Command::Improve(args) => improve::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Doctor(args) => doctor::run(&args),
    }
}

/// The help text of a subcommand, or of the whole program, as it is printed.
pub fn help(subcommand: Option<&str>) -> String {
    let mut command = Cli::command().term_width(110);
    match subcommand {
        None => command.render_long_help().to_string(),
        Some(name) => match command.find_subcommand_mut(name) {
            Some(found) => found.clone().term_width(110).bin_name(format!("metacot {name}")).render_long_help().to_string(),
            None => String::new(),
        },
    }
}

/// Reads repeated `--set key=value` (several pairs may stand in one) as settings.
fn settings(pairs: &[String]) -> Result<metacot_envs::Settings> {
    pairs_of("--set", "key=value", pairs)
}

/// Reads the repeated pairs of a flag; `expected` is what one looks like.
fn pairs_of(flag: &str, expected: &str, pairs: &[String]) -> Result<metacot_envs::Settings> {
    let mut settings = metacot_envs::Settings::default();
    for pair in pairs.iter().flat_map(|pairs| pairs.split_whitespace()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| Error::Usage(format!("{flag} {pair}: expected {expected}")))?;
        settings.insert(name, value);
    }
    Ok(settings)
}

/// The command line of this process as one line.
fn command_line() -> String {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word: OsString| word.to_string_lossy().into_owned()).collect();
    format!("metacot {}", words.join(" "))
}

/// The number of worker threads: the flag, else all cores.
fn threads(flag: Option<usize>) -> Result<usize> {
    match flag {
        Some(0) => Err(Error::Usage("--threads 0 is not allowed; expected at least 1".into())),
        Some(threads) => Ok(threads.min(1024)),
        None => Ok(std::thread::available_parallelism().map_or(1, usize::from)),
    }
}

/// The same for commands that train or multiply: rayon's global pool, from which these take their threads, gets as many.
fn training_threads(flag: Option<usize>) -> Result<usize> {
    let threads = threads(flag)?;
    // Nothing took the pool up before, so that all that can fail is to start the threads.
    let built = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    built.map_err(|error| Error::Usage(format!("--threads {threads}: the system does not start as many: {error}")))?;
    Ok(threads)
}
