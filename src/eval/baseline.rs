//! What the same problems yield without a model: random play, the greedy heuristic, and symbolic searches under the models' token budget.

use metacot_envs::{SeedTree, Settings};
use metacot_traces::{
    Budget, StopReason,
    task::{Problem, Task},
};
use serde::{Deserialize, Serialize};

use super::statistics::{Bootstrap, Estimate, Tally, mean_pass_at_k};
use crate::{Error, Result, tokenizer::Tokenizer};

/// The most actions of random and greedy play.
const MAX_DEPTH: u32 = 64;

/// One baseline: per problem, how likely one attempt solves it and how many tokens the attempt takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// Its name in reports.
    pub policy: String,
    /// Probability of a solve by one attempt, per problem.
    pub solve: Vec<f64>,
    /// Tokens of the response, per problem, at most the budget; `None` for policies that write nothing.
    pub tokens: Option<Vec<f64>>,
    /// Whether attempts differ, so that pass@k means something.
    pub is_random: bool,
}

impl Baseline {
    /// pass@k with its interval over problems.
    ///
    /// # Errors
    /// There are no problems.
    pub fn pass_at(&self, k: u32, bootstrap: &Bootstrap) -> Result<Estimate> {
        if self.is_random {
            let values: Vec<f64> = self.solve.iter().map(|p| 1.0 - (1.0 - p).powi(k as i32)).collect();
            return Ok(bootstrap.mean(&values)?);
        }
        let tallies: Vec<Tally> = self.solve.iter().map(|solve| Tally { samples: 1, correct: u32::from(*solve > 0.5) }).collect();
        Ok(mean_pass_at_k(&tallies, 1, bootstrap)?)
    }

    /// Tokens per solved problem.
    ///
    /// # Errors
    /// There are no problems.
    pub fn tokens_per_solve(&self, bootstrap: &Bootstrap) -> Result<Option<Estimate>> {
        match &self.tokens {
            Some(tokens) if self.solve.iter().sum::<f64>() > 0.0 => Ok(Some(bootstrap.ratio(tokens, &self.solve)?)),
            _ => Ok(None),
        }
    }
}

/// Measures every baseline; `searches` are registered names with default settings.
///
/// # Errors
/// A search that is not registered.
pub fn baselines(
    task: &dyn Task,
    tokenizer: &Tokenizer,
    problems: &[Problem],
    searches: &[String],
    max_tokens: usize,
    seeds: &SeedTree,
) -> Result<Vec<Baseline>> {
    let random = problems.iter().map(|problem| task.random_value(problem, MAX_DEPTH)).collect();
    let greedy = problems.iter().map(|problem| f64::from(u8::from(task.greedy_solves(problem, MAX_DEPTH)))).collect();
    let mut baselines = vec![
        Baseline { policy: "random policy".into(), solve: random, tokens: None, is_random: true },
        Baseline { policy: "greedy heuristic".into(), solve: greedy, tokens: None, is_random: false },
    ];
    for name in searches {
        let (mut solve, mut tokens) = (Vec::new(), Vec::new());
        for problem in problems {
            let mut rng = seeds.child(name).child(&problem.canonical_key).stream(0);
            let solution = task.search(name, &Settings::default(), problem, Budget::default(), &mut rng)?;
            if solution.text.is_empty() {
                continue;
            }
            let is_solved = solution.stop == StopReason::Solved;
            // The end mark counts, as it does for models.
            let length = tokenizer.encode(&solution.text[solution.prompt_len..]).len() + 1;
            solve.push(f64::from(u8::from(is_solved && length <= max_tokens)));
            tokens.push(length.min(max_tokens) as f64);
        }
        if solve.len() != problems.len() {
            return Err(Error::Usage(format!("search {name} cannot be shown in this format; leave it out of eval.searches")));
        }
        baselines.push(Baseline { policy: format!("{name}, {max_tokens} tokens"), solve, tokens: Some(tokens), is_random: false });
    }
    Ok(baselines)
}
