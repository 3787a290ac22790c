//! `metacot solve`: problems on stdin, traces on stdout.

use std::io::{BufRead, Write};

use clap::Args;
use metacot_envs::{SeedTree, World, registry, registry::EnvironmentVisitor};
use metacot_traces::{Budget, Recorder, format, generate::plan_texts, search};
use serde::Serialize;

use super::generate::{Parts, share_out};
use crate::{Error, Result};

/// Solves problems from stdin, one a line (as JSON, or as the format's own prompt), and prints one trace for each, in input order.
#[derive(Debug, Args)]
pub struct SolveArgs {
    /// Environment (see `metacot doctor` for all names).
    #[arg(long, default_value = "countdown")]
    env: String,
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
    /// Setting of the environment, the search or the format; can be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", num_args = 1..)]
    settings: Vec<String>,
}

/// One line of `--json` output.
#[derive(Serialize)]
struct Solution<'a> {
    text: &'a str,
    plan: Option<Vec<String>>,
    cost: Option<u32>,
    stop: metacot_traces::StopReason,
    expanded: u64,
    generated: usize,
}

pub(super) fn run(args: &SolveArgs) -> Result<()> {
    let settings = super::settings(&args.settings)?;
    let parts = share_out(&args.env, None, &args.search, &args.format, &settings)?;
    registry::visit(&args.env, Solve { args, parts }).map_err(|error| Error::Usage(error.to_string()))?
}

struct Solve<'a> {
    args: &'a SolveArgs,
    parts: Parts,
}

impl EnvironmentVisitor for Solve<'_> {
    type Output = Result<()>;

    fn visit<E: World>(self) -> Result<()> {
        let usage = |error: metacot_envs::SettingError| Error::Usage(error.to_string());
        let args = self.args;
        let env = E::configure(&self.parts.difficulty).map_err(usage)?;
        let search = search::build::<E>(&args.search, &env, &self.parts.search).map_err(usage)?;
        let format = format::build::<E>(&args.format, &self.parts.format).map_err(usage)?;
        let budget = Budget { expansions: args.max_expansions.max(1), ..Budget::default() };
        let seeds = SeedTree::root(args.seed).child("solve").child(E::NAME);
        let mut recorder = Recorder::default();
        let stdin = std::io::stdin().lock();
        let mut stdout = std::io::BufWriter::new(std::io::stdout().lock());
        let mut text = String::new();
        let mut num_written = 0;
        for (index, line) in stdin.split(b'\n').enumerate() {
            let bytes = line.map_err(Error::io("cannot read", "stdin"))?;
            let line = String::from_utf8_lossy(&bytes);
            let line = line.trim_end_matches('\r');
            if line.trim().is_empty() {
                continue;
            }
            let problem = read_problem(&env, format.as_ref(), line).map_err(|reason| Error::Usage(format!("stdin line {}: {reason}", index + 1)))?;
            search.run(&env, &problem, budget, &mut seeds.stream(index as u64), &mut recorder);
            let trace = recorder.trace();
            text.clear();
            if format.can_write(trace) {
                format.write(&env, &problem, trace, &mut text);
            }
            let plan = trace.plan();
            let written = if args.json {
                let solution = Solution {
                    text: &text,
                    cost: trace.goal.map(|goal| trace.node(goal).cost),
                    plan: plan.map(|plan| plan_texts(&env, &problem, &plan)),
                    stop: trace.stop,
                    expanded: trace.expanded,
                    generated: trace.nodes.len(),
                };
                serde_json::to_writer(&mut stdout, &solution).map_err(std::io::Error::from).and_then(|()| stdout.write_all(b"\n"))
            } else {
                let gap = if num_written > 0 { "\n" } else { "" };
                write!(stdout, "{gap}{text}\n")
            };
            num_written += 1;
            match written.and_then(|()| stdout.flush()) {
                Ok(()) => {}
                // The reader has seen enough, as `head` does.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => return Err(Error::io("cannot write", "stdout")(error)),
            }
        }
        Ok(())
    }
}

/// Reads a problem as JSON or as the prompt of the format.
fn read_problem<E: World>(env: &E, format: &dyn metacot_traces::TraceFormat<E>, line: &str) -> std::result::Result<E::Problem, String> {
    if line.trim_start().starts_with('{') {
        let problem: E::Problem = serde_json::from_str(line).map_err(|error| format!("not a problem of {}: {error}", E::NAME))?;
        env.validate(&problem)?;
        return Ok(problem);
    }
    let parsed = format.parse(line);
    metacot_traces::audit(env, None, &parsed).problem.ok_or_else(|| format!("neither a JSON problem of {} nor a prompt of the format", E::NAME))
}
