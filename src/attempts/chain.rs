//! Chains of attempts, sampled and judged one after the other.

use std::ops::Range;

use metacot_envs::SeedTree;
use metacot_traces::task::{Problem, Task};
use serde::{Deserialize, Serialize};

use super::AttemptsConfig;
use crate::{
    grade::{Rollout, judge, prompt_ids},
    sample::{Completion, Generator, Request, SampleConfig},
    tokenizer::Tokenizer,
};

/// One attempt of a chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Where what is said before it begins in the ids of the chain.
    pub mark_at: usize,
    /// Tokens that are said before it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub said: usize,
    /// What is true of it.
    pub verdict: Rollout,
}

fn one() -> usize {
    1
}

fn is_one(number: &usize) -> bool {
    *number == 1
}

impl Attempt {
    /// Its first own token.
    pub fn start(&self) -> usize {
        self.mark_at + self.said
    }
}

/// The attempts at a problem, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chain {
    /// All ids behind the prompt: attempts with their end marks, and what is said between them.
    pub ids: Vec<u32>,
    /// Log-probabilities of the sampler, in nats; 0 at what is said. Not kept on disk.
    #[serde(skip)]
    pub log_probs: Vec<f32>,
    /// The attempts; the first, before which nothing is said, included.
    pub attempts: Vec<Attempt>,
}

impl Chain {
    /// What is true of the last attempt.
    pub fn last(&self) -> Option<&Rollout> {
        self.attempts.last().map(|attempt| &attempt.verdict)
    }

    /// The tokens of each attempt, what is said before it left out.
    pub fn spans(&self) -> Vec<Range<usize>> {
        let ends = self.attempts.iter().skip(1).map(|attempt| attempt.mark_at).chain([self.ids.len()]);
        self.attempts.iter().zip(ends).map(|(attempt, end)| attempt.start()..end).collect()
    }

    /// Whether each token is the model's own.
    pub fn mask(&self) -> Vec<bool> {
        let mut mask = vec![false; self.ids.len()];
        self.spans().into_iter().for_each(|span| mask[span].fill(true));
        mask
    }

    /// Tokens that the model wrote.
    pub fn num_sampled(&self) -> usize {
        self.spans().iter().map(ExactSizeIterator::len).sum()
    }

    fn append(&mut self, said: &[u32], completion: Completion, verdict: Rollout) {
        self.attempts.push(Attempt { mark_at: self.ids.len(), said: said.len(), verdict });
        self.ids.extend(said);
        self.ids.extend(completion.ids);
        self.log_probs.extend(std::iter::repeat_n(0.0, said.len()));
        self.log_probs.extend(completion.log_probs);
    }
}

/// The chains of one problem.
#[derive(Clone, Debug, PartialEq)]
pub struct ChainGroup<'a> {
    /// The problem.
    pub problem: &'a Problem,
    /// Ids of the prompt, BOS included.
    pub prompt: Vec<u32>,
    /// The chains.
    pub chains: Vec<Chain>,
}

/// Where a model and an environment meet.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// Judges attempts and remarks on them.
    pub task: &'a dyn Task,
    /// The vocabulary.
    pub tokenizer: &'a Tokenizer,
    /// How each attempt is sampled; its limit of tokens is that of one attempt.
    pub sample: &'a SampleConfig,
}

impl Exchange<'_> {
    /// Chains of attempts at some problems. The first attempt of chain `j` of problem `i` draws from `seeds.index(i).stream(j)`, the others as
    /// [`Exchange::attempt_again`] says under `seeds.child("attempts")`.
    pub fn chains<'p>(
        &self,
        config: &AttemptsConfig,
        problems: &'p [Problem],
        samples: usize,
        generator: &mut dyn Generator,
        seeds: &SeedTree,
    ) -> Vec<ChainGroup<'p>> {
        let mut groups: Vec<ChainGroup<'p>> =
            problems.iter().map(|problem| ChainGroup { problem, prompt: prompt_ids(self.tokenizer, &problem.prompt), chains: Vec::new() }).collect();
        let mut requests = Vec::with_capacity(problems.len() * samples);
        for (index, group) in groups.iter().enumerate() {
            let streams = seeds.index(index as u64);
            requests.extend((0..samples as u64).map(|sample| Request { prompt: group.prompt.clone(), rng: streams.stream(sample) }));
        }
        let mut completions = generator.complete(requests, self.sample).into_iter();
        for group in &mut groups {
            for completion in completions.by_ref().take(samples) {
                let mut chain = Chain::default();
                // A prompt that fills the context leaves no room for an attempt.
                if !completion.ids.is_empty() {
                    let verdict = judge(self.task, self.tokenizer, group.problem, &completion);
                    chain.append(&[], completion, verdict);
                }
                group.chains.push(chain);
            }
        }
        self.attempt_again(config, &mut groups, generator, &seeds.child("attempts"));
        groups
    }

    /// Lets every chain be tried again, up to the number of attempts; attempt `k` of chain `j` of group `i` draws from
    /// `seeds.index(i).index(j).stream(k)`. An attempt that was cut ends its chain, as does the end of the context.
    pub fn attempt_again(&self, config: &AttemptsConfig, groups: &mut [ChainGroup<'_>], generator: &mut dyn Generator, seeds: &SeedTree) {
        for number in 1..config.count {
            let goes_on = |chain: &Chain| {
                chain.attempts.len() == number && chain.last().is_some_and(|last| last.is_finished && !(config.ends_when_right && last.is_correct))
            };
            let mut places: Vec<(usize, usize)> = Vec::new();
            for (index, group) in groups.iter().enumerate() {
                places.extend((0..group.chains.len()).filter(|chain| goes_on(&group.chains[*chain])).map(|chain| (index, chain)));
            }
            let said: Vec<Vec<u32>> = config.feedback.say(self, groups, &places, seeds, number).iter().map(|text| self.tokenizer.encode(text)).collect();
            let request = |(&(group, chain), said): (&(usize, usize), &Vec<u32>)| Request {
                prompt: [groups[group].prompt.as_slice(), &groups[group].chains[chain].ids, said].concat(),
                rng: seeds.index(group as u64).index(chain as u64).stream(number as u64),
            };
            let requests: Vec<Request> = places.iter().zip(&said).map(request).collect();
            let completions = generator.complete(requests, self.sample);
            for (((group, chain), said), completion) in places.into_iter().zip(said).zip(completions) {
                if !completion.ids.is_empty() {
                    let verdict = judge(self.task, self.tokenizer, groups[group].problem, &completion);
                    groups[group].chains[chain].append(&said, completion, verdict);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_covers_the_attempts_and_nothing_that_is_said() {
        let verdict = Rollout { is_finished: true, is_format_ok: true, is_valid: true, ..Rollout::default() };
        let completion = |ids: &[u32]| Completion { ids: ids.to_vec(), log_probs: vec![-1.0; ids.len()], is_finished: true };
        let mut chain = Chain::default();
        chain.append(&[], completion(&[7, 2]), verdict.clone());
        chain.append(&[9, 9, 9], completion(&[8, 7, 2]), verdict.clone());
        chain.append(&[9], completion(&[2]), verdict);
        assert_eq!(chain.ids, [7, 2, 9, 9, 9, 8, 7, 2, 9, 2]);
        assert_eq!(chain.spans(), [0..2, 5..8, 9..10]);
        assert_eq!(chain.mask().iter().map(|own| u8::from(*own)).collect::<Vec<_>>(), [1, 1, 0, 0, 0, 1, 1, 1, 0, 1]);
        assert_eq!((chain.num_sampled(), chain.log_probs[2..5].to_vec()), (6, vec![0.0; 3]));
        // On disk the words of a mark need no length of their own.
        let text = serde_json::to_string(&chain.attempts[2]).unwrap();
        assert!(!text.contains("said"), "{text}");
        assert_eq!(serde_json::from_str::<Chain>(&serde_json::to_string(&chain).unwrap()).unwrap().spans(), chain.spans());
    }
}
