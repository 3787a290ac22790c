//! The solve rate of a model in training: validation problems, greedily, judged as everywhere.

use metacot_envs::SeedTree;
use metacot_traces::{
    corpus::Split,
    task::{self, Problem, Task},
};

use super::{Run, corpora::Data, stages::distinct_problems};
use crate::{
    Result,
    grade::rollouts,
    model::Weights,
    sample::{CpuDecoder, DecoderConfig, SampleConfig},
    tokenizer::Tokenizer,
    train::{SolveCount, Solver},
};

/// Tries validation problems with one greedy response each.
pub(super) struct Greedy<'a> {
    task: &'a dyn Task,
    tokenizer: &'a Tokenizer,
    problems: Vec<Problem>,
    config: SampleConfig,
    threads: usize,
}

impl Run<'_> {
    /// The solver of so many problems of the validation split, fewer where it does not have as many; `None` where none are asked for.
    pub(super) fn solver<'a>(&'a self, problems: usize, data: &'a Data) -> Result<Option<Greedy<'a>>> {
        if problems == 0 {
            return Ok(None);
        }
        let split = task::open(&self.recipe.spec(Split::Val, problems as u64, self.recipe.seed))?;
        let problems = distinct_problems(problems as u64, 0, |id| Ok(split.draw(id)?))?;
        let config = self.recipe.sample_config(0.0);
        Ok(Some(Greedy { task: self.task.as_ref(), tokenizer: &data.tokenizer, problems, config, threads: self.options.threads }))
    }
}

impl Solver for Greedy<'_> {
    fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for problem in &self.problems {
            hasher.update(&(problem.prompt.len() as u64).to_le_bytes());
            hasher.update(problem.prompt.as_bytes());
        }
        hasher.update(&(self.config.max_new_tokens as u64).to_le_bytes());
        hasher.finalize().to_hex().to_string()
    }

    fn solve(&self, weights: &Weights) -> Result<SolveCount> {
        let mut decoder = CpuDecoder::new(weights, DecoderConfig { threads: self.threads, ..DecoderConfig::default() });
        // Greedy choices draw nothing.
        let groups = rollouts(self.task, self.tokenizer, &mut decoder, &self.problems, 1, &self.config, &SeedTree::root(0));
        let responses = || groups.iter().flat_map(|group| &group.rollouts);
        Ok(SolveCount {
            problems: self.problems.len(),
            solved: responses().filter(|response| response.is_correct).count(),
            valid: responses().filter(|response| response.is_valid).count(),
        })
    }
}
