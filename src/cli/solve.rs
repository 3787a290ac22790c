//! `metacot solve`: problems on stdin, traces on stdout.

use std::{
    io::{BufRead, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use metacot_envs::{SeedTree, Settings};
use metacot_traces::{
    Budget, StopReason,
    generate::Spec,
    settings::{Names, share_out},
    task::{self, Solution, Task},
};

use crate::{
    Error, Result,
    improve::ModelGuide,
    model::Weights,
    sample::{CpuDecoder, DecoderConfig},
    tokenizer::Tokenizer,
};

/// Solves problems from stdin, one a line (as JSON, or as the format's own prompt), and prints one trace for each, in input order; `no plan`
/// and the reason where a format of solutions has nothing to show.
#[derive(Debug, Args)]
pub struct SolveArgs {
    /// Environment (see `metacot doctor` for all names).
    #[arg(long, default_value = "countdown")]
    env: String,
    /// Size of the problems, where prompts leave it unsaid: a maze's is 10x10 without it.
    #[arg(long)]
    size: Option<String>,
    /// Search to run.
    #[arg(long, default_value = "dfs")]
    search: String,
    /// Text format of the traces.
    #[arg(long, default_value = "sos")]
    format: String,
    /// Prints one JSON object a line: text, plan, cost, stop, expanded, generated.
    #[arg(long)]
    json: bool,
    /// Root seed of searches that draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Most expansions of one search.
    #[arg(long, default_value_t = Budget::default().expansions)]
    max_expansions: u64,
    /// Folder of a run whose model guides the search (mcts, best-first) with its policy, and with its value where it was taught one.
    #[arg(long, value_name = "RUN")]
    policy: Option<PathBuf>,
    /// Which of its trainings; the last one where it is left out.
    #[arg(long, requires = "policy")]
    checkpoint: Option<String>,
    /// Setting of the environment, the search or the format; can be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", num_args = 1..)]
    settings: Vec<String>,
}

pub(super) fn run(args: &SolveArgs) -> Result<()> {
    let settings = super::settings(&args.settings)?;
    let names = Names { env: &args.env, size: None, search: &args.search, format: &args.format, transform: "none" };
    let parts = share_out(names, &settings)?;
    let budget = Budget { expansions: args.max_expansions.max(1), ..Budget::default() };
    let spec = Spec {
        difficulty: parts.difficulty,
        search_settings: parts.search.clone(),
        format_settings: parts.format,
        budget,
        seed: args.seed,
        ..Spec::new(&args.env, &args.search, &args.format)
    };
    let task = match &args.size {
        None => task::open(&spec)?,
        Some(size) => task::open_sized(&spec, size)?,
    };
    let mut unsaid_size = task.unsaid_size().filter(|_| args.size.is_none());
    let seeds = SeedTree::root(args.seed).child("solve").child(&args.env);
    let search = Searched { task: task.as_ref(), name: &args.search, settings: &parts.search, budget, seeds: &seeds };
    if let Some(run) = &args.policy {
        return guided(args, &search, run);
    }
    let stdin = std::io::stdin().lock();
    let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
    let mut num_written = 0;
    for (index, line) in stdin.split(b'\n').enumerate() {
        let bytes = line.map_err(Error::io("cannot read", "stdin"))?;
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches('\r');
        if line.trim().is_empty() {
            continue;
        }
        let problem = task.read_problem(line).map_err(|reason| Error::Usage(format!("stdin line {}: {reason}", index + 1)))?;
        if !line.trim_start().starts_with('{')
            && !line.contains("size ")
            && let Some(size) = unsaid_size.take()
        {
            eprintln!("note: the prompt on line {} does not say its size and is read as {size}; give --size for another", index + 1);
        }
        let solution = task.search(&args.search, &parts.search, &problem, budget, &mut seeds.stream(index as u64))?;
        if !write(&mut stdout, &solution, (args.json, budget), num_written)? {
            return Ok(());
        }
        num_written += 1;
    }
    Ok(())
}

/// Writes a solution; `false` where the reader has seen enough, as `head` does.
fn write(stdout: &mut impl Write, solution: &Solution, (is_json, budget): (bool, Budget), num_written: usize) -> Result<bool> {
    let written = if is_json {
        serde_json::to_writer(&mut *stdout, solution).map_err(std::io::Error::from).and_then(|()| stdout.write_all(b"\n"))
    } else {
        let gap = if num_written > 0 { "\n" } else { "" };
        match no_plan(solution, budget) {
            Some(reason) => writeln!(stdout, "{gap}no plan: {reason}"),
            None => writeln!(stdout, "{gap}{}", solution.text),
        }
    };
    match written.and_then(|()| stdout.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Error::io("cannot write", "stdout")(error)),
    }
}

/// What is run on every problem.
struct Searched<'a> {
    task: &'a dyn Task,
    name: &'a str,
    settings: &'a Settings,
    budget: Budget,
    seeds: &'a SeedTree,
}

/// Problems of stdin that are searched together, so that one call of the model serves them all.
const PART: usize = 64;

/// Solves the problems of stdin by searches that a model of a run guides.
fn guided(args: &SolveArgs, search: &Searched<'_>, run: &Path) -> Result<()> {
    let path = super::export::checkpoint(run, args.checkpoint.as_deref())?;
    let tokenizer = Tokenizer::load(&run.join("tokenizer.json"))?;
    let mut decoder = CpuDecoder::new(&Weights::load(&path)?, DecoderConfig::default());
    let mut guide = ModelGuide::new(&mut decoder, &tokenizer);
    // PUCT reads priors; UCT, the default elsewhere, does not.
    let settings = match search.settings.get("selection") {
        None if search.name == "mcts" => search.settings.clone().with("selection", "puct"),
        _ => search.settings.clone(),
    };
    let mut problems = Vec::new();
    for (index, line) in std::io::stdin().lock().split(b'\n').enumerate() {
        let bytes = line.map_err(Error::io("cannot read", "stdin"))?;
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches('\r');
        if !line.trim().is_empty() {
            problems.push(search.task.read_problem(line).map_err(|reason| Error::Usage(format!("stdin line {}: {reason}", index + 1)))?);
        }
    }
    let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
    let mut num_written = 0;
    for (index, part) in problems.chunks(PART).enumerate() {
        for found in search.task.guided((search.name, &settings, search.budget), part, &search.seeds.index(index as u64), &mut guide)? {
            if !write(&mut stdout, &found.solution, (args.json, search.budget), num_written)? {
                return Ok(());
            }
            num_written += 1;
        }
    }
    Ok(())
}

/// Why there is nothing to print of a search.
fn no_plan(solution: &Solution, budget: Budget) -> Option<String> {
    if !solution.text.is_empty() {
        return None;
    }
    Some(match solution.stop {
        StopReason::Budget => format!("the budget of {} expansions is spent", budget.expansions),
        _ => format!("the search is exhausted after {} expansions", solution.expanded),
    })
}
