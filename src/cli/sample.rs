//! `metacot sample`: a trained model answers problems from stdin.

use std::{
    io::{BufRead, Write},
    path::PathBuf,
};

use clap::Args;
use metacot_envs::SeedTree;
use metacot_traces::{corpus::Split, task};
use serde::Serialize;

use crate::{
    Error, Result,
    grade::{Rollout, prompt_ids, rollouts},
    model::Weights,
    recipe::Recipe,
    sample::{Constrained, CpuDecoder, DecoderConfig, Generator, GrammarMasks, SampleConfig},
    tokenizer::Tokenizer,
};

/// Samples responses of a run's model to problems from stdin, one a line, each judged; prints one JSON object a response.
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// Folder of a run.
    run: PathBuf,
    /// Which of its trainings: supervised, round-1, …; the last one where it is left out.
    #[arg(long)]
    checkpoint: Option<String>,
    /// Responses per problem.
    #[arg(long, default_value_t = 1)]
    samples: usize,
    /// Softmax temperature; 0 takes the likeliest token.
    #[arg(long, default_value_t = 0.0)]
    temperature: f32,
    /// Samples from the likeliest tokens only, so many; 0 from all.
    #[arg(long, default_value_t = 0)]
    top_k: usize,
    /// Samples from the smallest set of likeliest tokens whose probability reaches this; 1 from all.
    #[arg(long, default_value_t = 1.0)]
    top_p: f32,
    /// The most tokens of a response; as in the run's evaluation where left out.
    #[arg(long)]
    max_new_tokens: Option<usize>,
    /// Chooses only tokens with which a response can still end as one that the run's format writes to its problem, and near the limit of
    /// tokens only those that end it in time; a limit too short for any response cuts it. What is written reads, and can be false all the same.
    #[arg(long)]
    grammar: bool,
    /// Root seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints the text of each trace instead of JSON.
    #[arg(long)]
    text: bool,
    /// Worker threads; all cores where left out. No effect on the responses.
    #[arg(long)]
    threads: Option<usize>,
}

#[derive(Serialize)]
struct Row<'a> {
    problem: &'a serde_json::Value,
    prompt: &'a str,
    #[serde(flatten)]
    rollout: &'a Rollout,
}

pub(super) fn run(args: &SampleArgs) -> Result<()> {
    if !(args.temperature.is_finite() && args.temperature >= 0.0) || args.samples == 0 {
        return Err(Error::Usage(format!("--temperature {} --samples {}: expected at least 0 and at least 1", args.temperature, args.samples)));
    }
    if !(args.top_p > 0.0 && args.top_p <= 1.0) || args.max_new_tokens == Some(0) {
        let limit = args.max_new_tokens.map_or("left out".into(), |tokens| tokens.to_string());
        return Err(Error::Usage(format!("--top-p {} --max-new-tokens {limit}: expected above 0 to 1, and at least 1", args.top_p)));
    }
    let recipe = Recipe::load(&args.run.join("recipe.resolved.toml").display().to_string(), &[])?;
    let tokenizer = Tokenizer::load(&args.run.join("tokenizer.json"))?;
    let weights = Weights::load(&super::checkpoint(&args.run, args.checkpoint.as_deref())?)?;
    if weights.config != recipe.model_config(&tokenizer) {
        return Err(Error::data(&args.run, "the checkpoint is of another model than the recipe; run the recipe again"));
    }
    let task = task::open(&recipe.spec(Split::Test, 0, recipe.seed))?;
    let mut problems = Vec::new();
    for (index, line) in std::io::stdin().lock().split(b'\n').enumerate() {
        let bytes = line.map_err(Error::io("cannot read", "stdin"))?;
        let line = String::from_utf8_lossy(&bytes);
        if !line.trim().is_empty() {
            problems.push(task.read_problem(line.trim_end_matches('\r')).map_err(|reason| Error::Usage(format!("stdin line {}: {reason}", index + 1)))?);
        }
    }
    let mut generator = CpuDecoder::new(&weights, DecoderConfig { threads: super::threads(args.threads)?, ..DecoderConfig::default() });
    let defaults = recipe.sample_config(args.temperature);
    let max_new_tokens = args.max_new_tokens.unwrap_or(defaults.max_new_tokens);
    let config = SampleConfig { top_k: args.top_k, top_p: args.top_p, max_new_tokens, ..defaults };
    let seeds = SeedTree::root(args.seed).child("sample");
    let sample = |generator: &mut dyn Generator| rollouts(task.as_ref(), &tokenizer, generator, &problems, args.samples, &config, &seeds);
    let groups = match args.grammar {
        false => sample(&mut generator),
        true => {
            let asked = problems.iter().map(|problem| (prompt_ids(&tokenizer, &problem.prompt), task.responses(problem)));
            let masks = GrammarMasks::new(asked, &tokenizer)?;
            sample(&mut Constrained { decoder: &mut generator, masks: &masks })
        }
    };
    let mut stdout = std::io::stdout().lock();
    for (group, rollout) in groups.iter().flat_map(|group| group.rollouts.iter().map(move |rollout| (group, rollout))) {
        let written = if args.text {
            let verdict = if rollout.is_correct { "right" } else { "not solved" };
            let truth = if rollout.is_valid { "every statement true" } else { "with false statements" };
            writeln!(stdout, "{}{}\n[{verdict}, {truth}, {} tokens]\n", group.prompt, rollout.response, rollout.tokens)
        } else {
            let row = Row { problem: &group.problem, prompt: &group.prompt, rollout };
            serde_json::to_writer(&mut stdout, &row).map_err(std::io::Error::from).and_then(|()| stdout.write_all(b"\n"))
        };
        match written {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            outcome => outcome.map_err(Error::io("cannot write", "stdout"))?,
        }
    }
    Ok(())
}
