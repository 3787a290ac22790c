//! A sampled response as policy gradients need it: tokens as they were drawn, with their log-probabilities and the weights they come from.
//!
//! Tokens in, tokens out: what is trained on is never encoded again from text.

use metacot_envs::SeedTree;
use metacot_objectives::{Evidence, Group, reward::EffortDial};
use metacot_traces::task::{Problem, Task};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};

use crate::{
    attempts::Attempt,
    data::Example,
    grade::{Rollout, judge, prompt_ids},
    improve::evidence,
    sample::{Generator, Request, SampleConfig},
    tokenizer::Tokenizer,
};

/// One response.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Episode {
    /// The sampled ids, the end mark included.
    pub ids: Vec<u32>,
    /// Bits of the log-probabilities (`f32`, nats) that the sampler reported, so that no digit is lost on disk.
    pub log_prob_bits: Vec<u32>,
    /// What is true of it.
    pub verdict: Rollout,
    /// Optimizer steps before the weights that it was sampled from.
    pub version: usize,
    /// Bits of the values (`f64`) of the states before its steps, where they were sampled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub step_value_bits: Vec<u64>,
    /// Attempts after the first, whose verdict is `verdict`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Where a reference answer stands in place of the sampled one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference_at: Option<usize>,
}

/// The responses to one prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpisodeGroup {
    /// The number of the problem in its pool.
    pub problem: usize,
    /// Ids of the prompt, BOS and the mark of its effort included.
    pub prompt: Vec<u32>,
    /// The level of effort that the prompt asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<usize>,
    /// The responses.
    pub episodes: Vec<Episode>,
}

impl Episode {
    /// All that a reward may read of the last attempt.
    pub fn evidence(&self) -> Evidence {
        self.verdicts().last().map(|(verdict, ids)| evidence(verdict, ids)).expect("an episode has one attempt at least")
    }

    /// What is true of its last attempt.
    pub fn last_verdict(&self) -> &Rollout {
        self.attempts.last().map_or(&self.verdict, |attempt| &attempt.verdict)
    }

    /// The log-probabilities that the sampler reported, in nats.
    pub fn log_probs(&self) -> Vec<f64> {
        self.log_prob_bits.iter().map(|bits| f64::from(f32::from_bits(*bits))).collect()
    }

    /// The values of the states before its steps, where they were sampled.
    pub fn step_values(&self) -> Vec<f64> {
        self.step_value_bits.iter().map(|bits| f64::from_bits(*bits)).collect()
    }

    /// The first token of each line.
    pub fn line_starts(&self, tokenizer: &Tokenizer) -> Vec<usize> {
        let ends_line = |id: &u32| tokenizer.token(*id).is_some_and(|text| text.ends_with('\n'));
        let inner = self.ids.iter().enumerate().filter(|(_, id)| ends_line(id)).map(|(at, _)| at + 1).filter(|at| *at < self.ids.len());
        std::iter::once(0).chain(inner).collect()
    }
}

impl EpisodeGroup {
    /// Optimizer steps before the weights that it was sampled from.
    pub fn version(&self) -> usize {
        self.episodes.iter().map(|episode| episode.version).min().unwrap_or(0)
    }

    /// How many responses end right.
    pub fn num_correct(&self) -> usize {
        self.episodes.iter().filter(|episode| episode.last_verdict().is_correct).count()
    }

    /// The discount of the effort that the prompt asks for.
    pub fn gamma(&self, dial: Option<&EffortDial>) -> Option<f64> {
        self.effort.zip(dial).map(|(level, dial)| dial.gammas[level])
    }

    /// The group as a filter sees it.
    pub fn with_rewards(&self, rewards: Vec<f64>) -> Group {
        let lengths = self.episodes.iter().map(|episode| episode.ids.len() as f64).collect();
        let solved = self.episodes.iter().map(|episode| episode.last_verdict().is_correct).collect();
        Group { prompt: self.problem, members: (0..rewards.len()).collect(), rewards, solved, lengths }
    }

    /// Prompt and response as the trainer takes them, by response.
    pub fn examples(&self) -> impl Iterator<Item = Example> + '_ {
        self.episodes.iter().map(|episode| Example { ids: [self.prompt.as_slice(), &episode.ids].concat(), response_start: self.prompt.len() })
    }

    #[cfg(test)]
    pub(super) fn of_version(version: usize) -> Self {
        let verdict = Rollout { is_finished: true, is_format_ok: true, is_valid: true, ..Rollout::default() };
        Self {
            problem: version,
            prompt: vec![1],
            effort: None,
            episodes: vec![Episode {
                ids: vec![2],
                log_prob_bits: vec![0],
                verdict,
                version,
                step_value_bits: Vec::new(),
                attempts: Vec::new(),
                reference_at: None,
            }],
        }
    }
}

/// What responses are drawn and judged with.
#[derive(Clone, Copy)]
pub(super) struct Draw<'a> {
    pub task: &'a dyn Task,
    pub tokenizer: &'a Tokenizer,
    pub config: &'a SampleConfig,
    pub samples: usize,
    /// The ids of the marks of effort by level; empty where none is asked for.
    pub marks: &'a [u32],
}

impl Draw<'_> {
    /// Samples and judges responses to some problems of a pool. Sample `j` of the `i`-th problem draws from `seeds.index(first + i).stream(j)`.
    pub fn groups(
        &self,
        pool: &[Problem],
        chosen: &[usize],
        generator: &mut dyn Generator,
        version: usize,
        seeds: &SeedTree,
        first: usize,
    ) -> Vec<EpisodeGroup> {
        let mut requests = Vec::with_capacity(chosen.len() * self.samples);
        let level = |index: usize| {
            let mut rng = seeds.index((first + index) as u64).child("effort").stream(0);
            (!self.marks.is_empty()).then(|| rng.random_range(0..self.marks.len()))
        };
        let levels: Vec<Option<usize>> = (0..chosen.len()).map(level).collect();
        let prompt = |(&problem, level): (&usize, &Option<usize>)| {
            let mut ids = prompt_ids(self.tokenizer, &pool[problem].prompt);
            ids.splice(1..1, level.map(|level| self.marks[level]));
            ids
        };
        let prompts: Vec<Vec<u32>> = chosen.iter().zip(&levels).map(prompt).collect();
        for (index, prompt) in prompts.iter().enumerate() {
            let streams = seeds.index((first + index) as u64);
            requests.extend((0..self.samples as u64).map(|sample| Request { prompt: prompt.clone(), rng: streams.stream(sample) }));
        }
        let mut completions = generator.complete(requests, self.config).into_iter();
        let mut group = |((&problem, prompt), effort): ((&usize, Vec<u32>), Option<usize>)| {
            // A prompt that fills the context leaves nothing to train on.
            let completions = completions.by_ref().take(self.samples).filter(|completion| !completion.ids.is_empty());
            let episodes = completions
                .map(|completion| Episode {
                    log_prob_bits: completion.log_probs.iter().map(|number| number.to_bits()).collect(),
                    verdict: judge(self.task, self.tokenizer, &pool[problem], &completion),
                    ids: completion.ids,
                    version,
                    step_value_bits: Vec::new(),
                    attempts: Vec::new(),
                    reference_at: None,
                })
                .collect();
            EpisodeGroup { problem, prompt, effort, episodes }
        };
        chosen.iter().zip(prompts).zip(levels).map(&mut group).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_start_after_line_ends_and_numbers_survive_the_disk() {
        let tokenizer = Tokenizer::new(["a", "b\n"], 0).unwrap();
        let ids = tokenizer.encode("ab\nab\n");
        let mut group = EpisodeGroup::of_version(3);
        let episode = &mut group.episodes[0];
        *episode = Episode { log_prob_bits: vec![(-0.123_456_79_f32).to_bits(); ids.len()], ids, ..episode.clone() };
        assert_eq!(episode.line_starts(&tokenizer), [0, 2]);
        let text = serde_json::to_string(&group).unwrap();
        let back: EpisodeGroup = serde_json::from_str(&text).unwrap();
        assert_eq!(back, group);
        assert_eq!(back.episodes[0].log_probs()[0], f64::from(-0.123_456_79_f32));
    }
}
