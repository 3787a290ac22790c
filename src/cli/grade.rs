//! `metacot grade`: rows in, verdict rows out, on stdin and stdout or over HTTP on loopback.

use std::{net::TcpListener, sync::atomic::AtomicBool};

use clap::Args;
use metacot_envs::Difficulty;
use metacot_grade::{Config, Extraction, Grader, Mode, ServeConfig, grade_stream, graders, serve};

use crate::{Error, Result};

/// Grades JSON lines from stdin, {"id", "problem", "answer" or "response"}, and prints one verdict row for each, in input order.
///
/// A malformed row gives a row with "error", and the rest goes on.
#[derive(Debug, Args)]
pub struct GradeArgs {
    /// Environment (see `metacot doctor` for all names).
    #[arg(long, default_value = "countdown")]
    env: String,
    /// Its size, where a format leaves out what the size says.
    #[arg(long)]
    size: Option<String>,
    /// Format of responses; where it is left out, their final answers are graded.
    #[arg(long)]
    format: Option<String>,
    /// strict, or whose score is added: compat-reasoning-gym, compat-tinyzero, compat-sos, compat-searchformer.
    /// No answer is run: names and calls such as sqrt(9), which reasoning-gym hands to SymPy, count as what does not evaluate, and so does a
    /// comment on a line of its own.
    #[arg(long, default_value = "strict")]
    mode: String,
    /// Where the answer of a response stands: auto, answer, boxed, assistant or plain.
    #[arg(long, default_value = "auto")]
    extract: String,
    /// A grader as JSON that gives the score instead of a peer, such as {"type":"constraint",…}.
    #[arg(long)]
    grader: Option<String>,
    /// Asks the oracle for the least cost wherever it is not plain; slow in Sokoban.
    #[arg(long)]
    oracle: bool,
    /// Setting of the environment; can be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", num_args = 1..)]
    settings: Vec<String>,
    /// Worker threads; all cores where left out.
    #[arg(long)]
    threads: Option<usize>,
    /// Serves POST /grade and GET /healthz at this loopback address instead, such as 127.0.0.1:8080.
    #[arg(long, value_name = "ADDRESS")]
    serve: Option<String>,
}

pub(super) fn run(args: &GradeArgs) -> Result<()> {
    let refuse = |what: &str, value: &str, allowed: &str| Error::Usage(format!("{what} `{value}` is not allowed; expected one of {allowed}"));
    let mode = Mode::from_name(&args.mode).ok_or_else(|| refuse("--mode", &args.mode, &Mode::NAMES.join(", ")))?;
    let extraction = Extraction::from_name(&args.extract).ok_or_else(|| refuse("--extract", &args.extract, "auto, answer, boxed, assistant, plain"))?;
    let grader = match &args.grader {
        None => None,
        Some(text) => Some(serde_json::from_str::<graders::Spec>(text).map_err(|error| Error::Usage(format!("--grader: {error}")))?),
    };
    let config = Config {
        difficulty: Difficulty { size: args.size.clone(), settings: super::settings(&args.settings)? },
        format: args.format.clone(),
        mode,
        extraction,
        grader,
        asks_oracle: args.oracle,
        ..Config::new(args.env.as_str())
    };
    let grader = Grader::new(config).map_err(|error| Error::Usage(error.to_string()))?;
    let threads = super::threads(args.threads)?;
    let Some(address) = &args.serve else {
        return match grade_stream(&grader, std::io::stdin(), &mut std::io::stdout().lock(), threads) {
            // The reader has seen enough, as `head` does.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            outcome => outcome.map(drop).map_err(Error::io("cannot grade", "stdin")),
        };
    };
    let listener = TcpListener::bind(address).map_err(Error::io("cannot listen at", address))?;
    let bound = listener.local_addr().map_err(Error::io("cannot listen at", address))?;
    eprintln!("grading at http://{bound}/grade");
    serve(&listener, &grader, &ServeConfig { threads: threads.max(2), ..ServeConfig::default() }, &AtomicBool::new(false))
        .map_err(Error::io("cannot serve at", address))
}
