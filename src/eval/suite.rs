//! Measures a generator on problems: sampled and greedy responses, each judged for its answer and for its search.

use std::{collections::BTreeMap, path::Path};

use metacot_envs::SeedTree;
use metacot_traces::task::{Problem, Task};
use serde::{Deserialize, Serialize};

use super::statistics::{Bootstrap, Estimate, Tally, mean_pass_at_k};
use crate::{
    Error, Result,
    grade::{Rollout, RolloutGroup, rollouts},
    sample::{Generator, SampleConfig},
    tokenizer::Tokenizer,
};

/// Responses kept for people to read.
const EXAMPLES: usize = 4;

/// What is counted for one problem.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProblemScore {
    /// Identity of the problem up to symmetry.
    pub canonical_key: String,
    /// Sampled responses whose answer is right.
    pub correct: u32,
    /// Sampled responses of which every statement is true.
    pub valid: u32,
    /// Sampled responses of which every statement reads.
    pub well_formed: u32,
    /// Tokens of all sampled responses.
    pub tokens: u64,
    /// Whether the greedy response is right.
    pub is_greedy_correct: bool,
    /// Tokens of the greedy response.
    pub greedy_tokens: u64,
}

/// One policy on one set of problems; plain data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The policy.
    pub policy: String,
    /// Sampled responses per problem.
    pub samples: u32,
    /// The problems in order.
    pub problems: Vec<ProblemScore>,
    /// False statements of the sampled responses by kind.
    pub defects: BTreeMap<String, u64>,
    /// Problems with one response each, to look at.
    pub examples: Vec<(String, Rollout)>,
}

/// The conditions under which generators are compared: each sees the same problems and draws from the same streams.
#[derive(Clone, Copy)]
pub struct Exam<'a> {
    /// Judges the responses.
    pub task: &'a dyn Task,
    /// The vocabulary of the generator.
    pub tokenizer: &'a Tokenizer,
    /// What is asked.
    pub problems: &'a [Problem],
    /// Sampled responses per problem, at least 1.
    pub samples: usize,
    /// How they are sampled; the greedy response has its limits too.
    pub config: &'a SampleConfig,
    /// All samples draw from here.
    pub seeds: &'a SeedTree,
}

impl Exam<'_> {
    /// Measures a generator.
    pub fn take(&self, policy: &str, generator: &mut dyn Generator) -> Evaluation {
        let Self { task, tokenizer, problems, samples, config, seeds } = *self;
        let sampled = rollouts(task, tokenizer, generator, problems, samples, config, seeds);
        let greedy_config = SampleConfig { temperature: 0.0, ..config.clone() };
        let greedy = rollouts(task, tokenizer, generator, problems, 1, &greedy_config, &seeds.child("greedy"));
        let mut defects = BTreeMap::new();
        for rollout in sampled.iter().flat_map(|group| &group.rollouts) {
            for (kind, count) in &rollout.defects {
                *defects.entry(kind.clone()).or_default() += count;
            }
        }
        let problems = sampled.iter().zip(&greedy).map(|(group, greedy)| score(group, &greedy.rollouts[0])).collect();
        let examples = examples(&sampled);
        Evaluation { policy: policy.into(), samples: samples as u32, problems, defects, examples }
    }
}

fn score(group: &RolloutGroup, greedy: &Rollout) -> ProblemScore {
    let count = |is_so: fn(&Rollout) -> bool| group.rollouts.iter().filter(|rollout| is_so(rollout)).count() as u32;
    ProblemScore {
        canonical_key: group.canonical_key.clone(),
        correct: count(|rollout| rollout.is_correct),
        valid: count(|rollout| rollout.is_valid),
        well_formed: count(|rollout| rollout.is_format_ok),
        tokens: group.rollouts.iter().map(|rollout| rollout.tokens).sum(),
        is_greedy_correct: greedy.is_correct,
        greedy_tokens: greedy.tokens,
    }
}

/// The first responses, right and wrong ones in turn.
fn examples(groups: &[RolloutGroup]) -> Vec<(String, Rollout)> {
    let mut examples: Vec<(String, Rollout)> = Vec::new();
    for group in groups {
        let Some(rollout) = group.rollouts.iter().find(|rollout| rollout.is_correct == examples.len().is_multiple_of(2)) else { continue };
        examples.push((group.prompt.clone(), rollout.clone()));
        if examples.len() == EXAMPLES {
            break;
        }
    }
    examples
}

/// The numbers that a report shows, each with its 95 % interval over problems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Share of problems solved by one sampled response.
    pub pass_at_1: Estimate,
    /// Share of problems solved by at least one of k.
    pub pass_at_k: Estimate,
    /// Share of problems whose greedy response has the right answer.
    pub greedy_accuracy: Estimate,
    /// Share of sampled responses of which every statement is true.
    pub trace_validity: Estimate,
    /// Share of sampled responses of which every statement reads.
    pub well_formed: Estimate,
    /// Sampled tokens per right response; `None` where none is right.
    pub tokens_per_solve: Option<Estimate>,
}

impl Evaluation {
    /// Computes the scores; `k` is at most [`samples`](Self::samples).
    ///
    /// # Errors
    /// No problems, or k out of range.
    pub fn scores(&self, k: u32, bootstrap: &Bootstrap) -> Result<Scores> {
        let tallies: Vec<Tally> = self.problems.iter().map(|problem| Tally { samples: self.samples, correct: problem.correct }).collect();
        let share = |count: fn(&ProblemScore) -> u32| {
            let tallies: Vec<Tally> = self.problems.iter().map(|problem| Tally { samples: self.samples, correct: count(problem) }).collect();
            mean_pass_at_k(&tallies, 1, bootstrap)
        };
        let greedy: Vec<Tally> = self.problems.iter().map(|problem| Tally { samples: 1, correct: u32::from(problem.is_greedy_correct) }).collect();
        let (tokens, solves): (Vec<f64>, Vec<f64>) = self.problems.iter().map(|problem| (problem.tokens as f64, f64::from(problem.correct))).unzip();
        Ok(Scores {
            pass_at_1: mean_pass_at_k(&tallies, 1, bootstrap)?,
            pass_at_k: mean_pass_at_k(&tallies, k, bootstrap)?,
            greedy_accuracy: mean_pass_at_k(&greedy, 1, bootstrap)?,
            trace_validity: share(|problem| problem.valid)?,
            well_formed: share(|problem| problem.well_formed)?,
            tokens_per_solve: if solves.iter().sum::<f64>() > 0.0 { Some(bootstrap.ratio(&tokens, &solves)?) } else { None },
        })
    }

    /// The mean length in tokens of the sampled responses to each problem.
    pub fn lengths(&self) -> Vec<f64> {
        self.problems.iter().map(|problem| problem.tokens as f64 / f64::from(self.samples.max(1))).collect()
    }

    /// The share of right sampled responses of each problem, for paired comparisons.
    pub fn solve_rates(&self) -> Vec<f64> {
        self.problems.iter().map(|problem| f64::from(problem.correct) / f64::from(self.samples.max(1))).collect()
    }

    /// Publishes the evaluation as JSON.
    ///
    /// # Errors
    /// What the system refused.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut text = serde_json::to_string(self).expect("an evaluation is plain data");
        text.push('\n');
        crate::atomic::write(path, text)
    }

    /// Reads a published evaluation.
    ///
    /// # Errors
    /// It cannot be read or is damaged.
    pub fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io("cannot read", path))?;
        serde_json::from_str(&text).map_err(|error| Error::data(path, format!("damaged: {error}")))
    }
}
