//! `metacot run`: a recipe from the first problem to the report.

use std::{
    fs::OpenOptions,
    io::Write as _,
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;

use super::{machine, progress::Bar};
use crate::{
    Result,
    pipeline::{self, Notice, RunOptions},
    recipe::{BUILT_IN, Recipe, built_in},
};

/// Runs a recipe: generate, train, improve, evaluate, report. Run again, it goes on where it was stopped; finished, it says so.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A built-in name or the path of a TOML file.
    #[arg(required_unless_present = "list")]
    recipe: Option<String>,
    /// Folder of the run; runs/NAME where it is left out.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Changes a value of the recipe, as in `--set train.epochs=2` or `--set stage.round.imitate.rounds=2`; can be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Device of the training: cpu, cuda or cuda:N; or several GPUs, as in cuda:0,1.
    ///
    /// Several share every step of supervised training and of imitation; policy gradients and all else that learns run on the first. Their
    /// number has no effect on the numbers where a step has at least a batch for each (train.accumulation); else batches are cut, and a
    /// training that was stopped goes on with as many only.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Worker threads; all cores where left out. No effect on the numbers.
    #[arg(long)]
    threads: Option<usize>,
    /// Replaces another run in the folder.
    #[arg(long)]
    force: bool,
    /// Prints the recipe and runs nothing.
    #[arg(long)]
    print: bool,
    /// Lists the built-in recipes.
    #[arg(long)]
    list: bool,
}

pub(super) fn run(args: &RunArgs) -> Result<()> {
    if args.list {
        for (name, text) in BUILT_IN {
            println!("{name:<12} {}", text.lines().next().unwrap_or_default().trim_start_matches("# "));
        }
        return Ok(());
    }
    let name = args.recipe.as_deref().unwrap_or_default();
    if args.print
        && args.set.is_empty()
        && let Some(text) = built_in(name)
    {
        print!("{text}");
        return Ok(());
    }
    let recipe = Recipe::load(name, &args.set)?;
    if args.print {
        pipeline::task(&recipe)?;
        print!("{}", recipe.to_toml());
        return Ok(());
    }
    let default_out = Path::new("runs").join(Path::new(name).file_stem().unwrap_or_default());
    let out = args.out.clone().unwrap_or(default_out);
    let options = RunOptions {
        threads: super::training_threads(args.threads)?,
        devices: args.device.parse()?,
        force: args.force,
        command: super::command_line(),
        machine: machine::describe(),
    };
    let started = Instant::now();
    let mut teller = Teller::new(started, out.join("log.txt"));
    if pipeline::run(&recipe, &out, &options, &mut |notice| teller.tell(&notice))? {
        eprintln!("finished already: {}", out.join("report.html").display());
        return Ok(());
    }
    teller.line(&format!("done in {:.0} s", started.elapsed().as_secs_f64()));
    print!("{}", std::fs::read_to_string(out.join("report.md")).map_err(crate::Error::io("cannot read", out.join("report.md")))?);
    eprintln!("report: {}", out.join("report.html").display());
    Ok(())
}

/// Shows what a run says.
pub(super) struct Teller {
    started: Instant,
    bar: Option<Bar>,
    log: PathBuf,
    step: usize,
}

impl Teller {
    pub fn new(started: Instant, log: PathBuf) -> Self {
        Self { started, bar: None, log, step: 0 }
    }

    pub fn tell(&mut self, notice: &Notice) {
        match notice {
            Notice::Stage { number, stages, name } => {
                self.end_bar();
                self.line(&format!("[{number}/{stages}] {name}"));
            }
            Notice::Note(text) => {
                self.end_bar();
                self.line(&format!("  {text}"));
            }
            Notice::Generated { done, total } => self.bar.get_or_insert_with(|| Bar::new("records")).show(*done, *total),
            Notice::Sampled { done, total } => self.bar.get_or_insert_with(|| Bar::new("responses")).show(*done, *total),
            Notice::Improving(report) => {
                self.bar.get_or_insert_with(|| Bar::new("steps")).message(report.step as u64, report.steps as u64, &report.to_string());
                if report.step == report.steps {
                    self.end_bar();
                    self.line(&format!("  {report}"));
                }
            }
            Notice::Training(progress) => {
                self.bar.get_or_insert_with(|| Bar::new("steps")).message(progress.step as u64, progress.steps as u64, &progress.to_string());
                if progress.step == progress.steps && self.step != progress.step {
                    self.end_bar();
                    self.line(&format!("  {progress}"));
                }
                self.step = progress.step;
            }
        }
    }

    /// Prints a line and keeps it in the log; a log that cannot be written does not stop a run.
    fn line(&self, text: &str) {
        eprintln!("{text}");
        if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(&self.log) {
            let _ = writeln!(file, "{:8.1} s  {text}", self.started.elapsed().as_secs_f64());
        }
    }

    fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.clear();
        }
    }
}
