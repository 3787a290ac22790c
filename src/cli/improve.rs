//! `metacot improve`: policy gradients from a checkpoint of a run.

use std::{path::PathBuf, time::Instant};

use clap::Args;

use super::{machine, run::Teller};
use crate::{
    Error, Result,
    device::{DeviceChoice, Devices},
    eval::statistics::Estimate,
    improve::PolicyConfig,
    pipeline::{self, RunOptions},
    recipe,
};

/// Improves the model of a run by policy gradients on new training problems, then measures both models on its unseen problems; prints one JSON
/// object. Run again, it goes on where it was stopped.
#[derive(Debug, Args)]
pub struct ImproveArgs {
    /// Folder of a run.
    run: PathBuf,
    /// Which of its trainings to start from: supervised, round-1, …; the last one where it is left out.
    #[arg(long)]
    checkpoint: Option<String>,
    /// Objective: grpo, ppo, rloo, dr-grpo, dapo, gspo, apa, ….
    #[arg(long, default_value = "grpo")]
    objective: String,
    /// Changes a setting of the loop, as in `--set steps=50 --set plan.prompts=32`; can be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder of checkpoints, metrics, evaluations and the final weights.
    #[arg(long, required_unless_present = "print")]
    out: Option<PathBuf>,
    /// Device of the training: cpu, cuda or cuda:N; policy gradients run on one.
    #[arg(long, default_value = "cpu")]
    device: String,
    /// Worker threads; all cores where left out. No effect on the numbers.
    #[arg(long)]
    threads: Option<usize>,
    /// Replaces a run of other settings in the folder.
    #[arg(long)]
    force: bool,
    /// Prints the settings with every default and runs nothing.
    #[arg(long)]
    print: bool,
}

pub(super) fn run(args: &ImproveArgs) -> Result<()> {
    let mut changes = vec![format!("objective.name=\"{}\"", args.objective)];
    changes.extend_from_slice(&args.set);
    let config = recipe::changed_from(&PolicyConfig::default(), &changes)?;
    config.validate().map_err(Error::Usage)?;
    let Some(out) = args.out.as_ref().filter(|_| !args.print) else {
        print!("{}", toml::to_string_pretty(&config).map_err(|error| Error::Usage(format!("settings: {error}")))?);
        return Ok(());
    };
    let devices = one_device(&args.device)?;
    let checkpoint = super::checkpoint(&args.run, args.checkpoint.as_deref())?;
    let options = RunOptions {
        threads: super::training_threads(args.threads)?,
        devices,
        force: args.force,
        command: super::command_line(),
        machine: machine::describe(),
    };
    let mut teller = Teller::new(Instant::now(), out.join("log.txt"));
    let result = pipeline::extend(&args.run, &checkpoint, &config, out, &options, &mut |notice| teller.tell(&notice))?;
    let estimate = |estimate: Estimate| serde_json::json!({ "value": estimate.value, "low": estimate.low, "high": estimate.high });
    let scores = |scores: &crate::eval::Scores| {
        serde_json::json!({
            "pass_at_1": estimate(scores.pass_at_1), "pass_at_k": estimate(scores.pass_at_k), "greedy_accuracy": estimate(scores.greedy_accuracy),
            "trace_validity": estimate(scores.trace_validity), "tokens_per_solve": scores.tokens_per_solve.map(estimate),
        })
    };
    println!("{}", serde_json::json!({ "before": scores(&result.before), "after": scores(&result.after), "weights_digest": result.weights_digest }));
    Ok(())
}

/// The device of a text that must name one.
fn one_device(text: &str) -> Result<Devices> {
    if text.parse::<Devices>().is_ok_and(|devices| devices.count() > 1) {
        return Err(Error::Usage(format!("device {text} is not allowed: policy gradients run on one device; expected cpu, cuda or cuda:N")));
    }
    Ok(text.parse::<DeviceChoice>()?.into())
}
