//! `metacot inspect`: corpora, traces, runs and checkpoints, for eyes.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use metacot_traces::{
    Budget,
    corpus::{Split, SplitShares},
    generate::Spec,
    settings::{Names, share_out},
    view::{SearchSource, View, of_search},
};

use crate::{
    Error, Result, atomic,
    inspect::{Reading, Rows, Target, view_text},
    report,
};

/// Shows a corpus, a record, a run or a checkpoint; with --html, draws the search tree of a trace beside its text as one HTML file.
///
/// Without PATH a problem is drawn, or taken from --problem, and searched. Rows of a file or of stdin (PATH `-`) have `text` or `response`,
/// and may have `problem`, `env`, `format`, `search` and `id`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Folder of a corpus, run or training; a jsonl, shard or safetensors file; or - for rows on stdin.
    path: Option<PathBuf>,
    /// Shows one record by its id, or one row by its number from 0.
    #[arg(long, value_name = "ID")]
    record: Option<String>,
    /// Writes the tree viewer as an HTML file that needs nothing else.
    #[arg(long)]
    html: bool,
    /// The HTML file; named after the trace where it is left out, - for stdout.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Replaces the file.
    #[arg(long)]
    force: bool,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
    /// Environment (see `metacot doctor` for all names).
    #[arg(long, default_value = "countdown")]
    env: String,
    /// Its size.
    #[arg(long)]
    size: Option<String>,
    /// Search to run, where no PATH is given.
    #[arg(long, default_value = "dfs")]
    search: String,
    /// Text format.
    #[arg(long, default_value = "sos")]
    format: String,
    /// The problem to search, as JSON or as the format's own prompt.
    #[arg(long)]
    problem: Option<String>,
    /// Root seed, as in `metacot generate`: record N of a corpus is --seed and --record N here.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Most expansions of the search.
    #[arg(long, default_value_t = Budget::default().expansions)]
    max_expansions: u64,
    /// Most nodes of a tree that is printed as text.
    #[arg(long, default_value_t = 200)]
    max_nodes: usize,
    /// Setting of the environment, the search or the format; can be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", num_args = 1..)]
    settings: Vec<String>,
}

pub(super) fn run(args: &InspectArgs) -> Result<()> {
    let settings = super::settings(&args.settings)?;
    let names = Names { env: &args.env, size: args.size.as_deref(), search: &args.search, format: &args.format, transform: "none" };
    let parts = share_out(names, &settings)?;
    let reading = Reading { env: args.env.clone(), difficulty: parts.difficulty.clone(), format: args.format.clone(), format_settings: parts.format.clone() };
    let record = args.record.as_deref();
    let view = match &args.path {
        None => {
            let spec = Spec {
                difficulty: parts.difficulty,
                search_settings: parts.search,
                format_settings: parts.format,
                budget: Budget { expansions: args.max_expansions.max(1), ..Budget::default() },
                split: Split::Train,
                shares: SplitShares::default(),
                seed: args.seed,
                ..Spec::new(&args.env, &args.search, &args.format)
            };
            let id = record.unwrap_or("0").parse().map_err(|_| Error::Usage(format!("--record {}: expected a number", record.unwrap_or_default())))?;
            of_search(&SearchSource { spec: &spec, id, problem: args.problem.as_deref() })?
        }
        Some(path) if path == Path::new("-") => Rows::Stream.view(record.unwrap_or("0"), &reading)?,
        Some(path) => {
            let target = Target::of(path)?;
            if record.is_none() && !args.html {
                let summary = target.summary()?;
                let text = if args.json { serde_json::to_string(&summary)? + "\n" } else { summary.text() };
                return print(&text);
            }
            Rows::Target(&target).view(record.unwrap_or("0"), &reading)?
        }
    };
    match (args.html, args.json) {
        (true, _) => write_html(args, &view),
        (false, true) => print(&(serde_json::to_string(&view)? + "\n")),
        (false, false) => print(&view_text(&view, args.max_nodes)),
    }
}

fn write_html(args: &InspectArgs, view: &View) -> Result<()> {
    let page = report::viewer(view);
    let out = match &args.out {
        Some(out) if out == Path::new("-") => return print(&page),
        Some(out) => out.clone(),
        None => PathBuf::from(format!("{}.html", file_name(&view.title))),
    };
    if out.exists() && !args.force {
        return Err(Error::Exists { path: out });
    }
    atomic::write(&out, page)?;
    eprintln!("{} nodes, {} events, {} bytes of text: open it in a browser", view.nodes.len(), view.events.len(), view.text.len());
    print(&format!("{}\n", out.display()))
}

/// A title as the name of a file.
fn file_name(title: &str) -> String {
    let words: Vec<String> = title.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_string).collect();
    let name = words.join("-");
    if name.is_empty() { "trace".into() } else { name.chars().take(80).collect() }
}

fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // The reader has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Error::io("cannot write", "stdout")),
    }
}
