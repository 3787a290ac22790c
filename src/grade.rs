//! Completions with their verdicts: what evaluation counts and improvement learns from.

use std::collections::BTreeMap;

use metacot_envs::SeedTree;
use metacot_traces::task::{Counts, Problem, Task};
use serde::{Deserialize, Serialize};

use crate::{
    sample::{Completion, Generator, Request, SampleConfig},
    tokenizer::Tokenizer,
};

/// One sampled response with all that is known of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// The response as text, the end mark left out.
    pub response: String,
    /// Sampled tokens, the end mark included.
    pub tokens: u64,
    /// Those of them before the answer; all of them where it states none apart from its search.
    #[serde(default)]
    pub thought_tokens: u64,
    /// Whether it ended by itself.
    pub is_finished: bool,
    /// The claimed plan solves the problem.
    pub is_correct: bool,
    /// Every statement reads as the format.
    pub is_format_ok: bool,
    /// Every statement is true.
    pub is_valid: bool,
    /// Cost of the claimed plan, where it solves the problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u32>,
    /// False statements by kind.
    pub defects: BTreeMap<String, u64>,
    /// What was counted in it.
    #[serde(default)]
    pub counts: Counts,
}

/// All samples of one problem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RolloutGroup {
    /// Identity of the problem up to symmetry.
    pub canonical_key: String,
    /// The problem as JSON.
    pub problem: serde_json::Value,
    /// What the model was given.
    pub prompt: String,
    /// Its responses.
    pub rollouts: Vec<Rollout>,
    /// What a symbolic A* needs for the problem, where it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<Teacher>,
    /// Responses to the prompt behind a hint, where it was asked so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hinted: Vec<Rollout>,
    /// Further responses to the prompt, where they were asked for beside those to a hint.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<Rollout>,
}

/// A symbolic A* on a problem: what bootstrapped traces are measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Teacher {
    /// Cost of an optimal plan.
    pub cost: u32,
    /// Tokens of its trace with a fixed order of ties, the end mark included.
    pub tokens: u64,
    /// Tokens of the shortest of several traces with random orders of ties, the end mark included.
    pub best_tokens: u64,
}

impl RolloutGroup {
    /// How many responses are right.
    pub fn num_correct(&self) -> usize {
        self.rollouts.iter().filter(|rollout| rollout.is_correct).count()
    }
}

/// The ids of a prompt: BOS and the text.
pub fn prompt_ids(tokenizer: &Tokenizer, prompt: &str) -> Vec<u32> {
    let mut ids = vec![Tokenizer::BOS];
    tokenizer.encode_into(prompt, &mut ids);
    ids
}

/// Samples `samples` responses to each problem and judges them. Sample `j` of problem `i` draws from `seeds.index(i).stream(j)` alone.
pub fn rollouts(
    task: &dyn Task,
    tokenizer: &Tokenizer,
    generator: &mut dyn Generator,
    problems: &[Problem],
    samples: usize,
    config: &SampleConfig,
    seeds: &SeedTree,
) -> Vec<RolloutGroup> {
    let mut requests = Vec::with_capacity(problems.len() * samples);
    for (index, problem) in problems.iter().enumerate() {
        let prompt = prompt_ids(tokenizer, &problem.prompt);
        let streams = seeds.index(index as u64);
        requests.extend((0..samples as u64).map(|sample| Request { prompt: prompt.clone(), rng: streams.stream(sample) }));
    }
    let mut completions = generator.complete(requests, config).into_iter();
    problems
        .iter()
        .map(|problem| RolloutGroup {
            canonical_key: problem.canonical_key.clone(),
            problem: problem.json.clone(),
            prompt: problem.prompt.clone(),
            rollouts: completions.by_ref().take(samples).map(|completion| judge(task, tokenizer, problem, &completion)).collect(),
            ..RolloutGroup::default()
        })
        .collect()
}

/// Judges one completion.
pub(crate) fn judge(task: &dyn Task, tokenizer: &Tokenizer, problem: &Problem, completion: &Completion) -> Rollout {
    let body = completion.ids.strip_suffix(&[Tokenizer::EOS]).unwrap_or(&completion.ids);
    let response = tokenizer.decode(body);
    let judged = task.judge(problem, &response);
    let mut defects = BTreeMap::new();
    for kind in &judged.defects {
        *defects.entry(kind.to_string()).or_default() += 1;
    }
    let thought = if judged.thought_bytes == response.len() { completion.ids.len() } else { tokens_within(tokenizer, body, judged.thought_bytes) };
    Rollout {
        response,
        tokens: completion.ids.len() as u64,
        thought_tokens: thought as u64,
        is_finished: completion.is_finished,
        is_correct: judged.is_correct,
        is_format_ok: judged.is_format_ok,
        is_valid: judged.is_valid && completion.is_finished,
        cost: judged.cost,
        defects,
        counts: judged.counts,
    }
}

/// How many of the first tokens write no more than so many bytes; one that goes beyond them is not counted.
fn tokens_within(tokenizer: &Tokenizer, ids: &[u32], bytes: usize) -> usize {
    let mut written = 0;
    let fits = |id: &&u32| {
        written += tokenizer.decode(std::slice::from_ref(*id)).len();
        written <= bytes
    };
    ids.iter().take_while(fits).count()
}
