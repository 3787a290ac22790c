//! Several attempts in one response: what [`crate::attempts`] samples, as episodes that policy gradients learn from.

use metacot_envs::SeedTree;
use metacot_traces::task::Problem;

use super::{Episode, EpisodeGroup, episode::Draw};
use crate::{
    attempts::{Attempt, AttemptsConfig, Chain, ChainGroup, Exchange},
    grade::Rollout,
    sample::Generator,
};

/// Lets every response of some groups be tried again, up to the number of attempts; see [`Exchange::attempt_again`] for the streams.
pub(super) fn attempt_again(
    config: &AttemptsConfig,
    draw: &Draw<'_>,
    pool: &[Problem],
    groups: &mut [EpisodeGroup],
    generator: &mut dyn Generator,
    seeds: &SeedTree,
) {
    let exchange = Exchange { task: draw.task, tokenizer: draw.tokenizer, sample: draw.config };
    let chains = |group: &EpisodeGroup| group.episodes.iter().map(Episode::chain).collect();
    let mut tried: Vec<ChainGroup<'_>> =
        groups.iter().map(|group| ChainGroup { problem: &pool[group.problem], prompt: group.prompt.clone(), chains: chains(group) }).collect();
    exchange.attempt_again(config, &mut tried, generator, seeds);
    for (group, tried) in groups.iter_mut().zip(tried) {
        for (episode, chain) in group.episodes.iter_mut().zip(tried.chains) {
            episode.go_on(chain);
        }
    }
}

impl Episode {
    /// The episode as a chain.
    fn chain(&self) -> Chain {
        let first = Attempt { mark_at: 0, said: 0, verdict: self.verdict.clone() };
        Chain {
            ids: self.ids.clone(),
            log_probs: self.log_prob_bits.iter().map(|bits| f32::from_bits(*bits)).collect(),
            attempts: std::iter::once(first).chain(self.attempts.iter().cloned()).collect(),
        }
    }

    /// Takes in what a chain has more.
    fn go_on(&mut self, chain: Chain) {
        self.log_prob_bits = chain.log_probs.iter().map(|number| number.to_bits()).collect();
        self.ids = chain.ids;
        self.attempts = chain.attempts.into_iter().skip(1).collect();
    }

    /// The first token of each attempt, what is said before it included; empty where there is one attempt.
    pub fn attempt_starts(&self) -> Vec<usize> {
        if self.attempts.is_empty() {
            return Vec::new();
        }
        std::iter::once(0).chain(self.attempts.iter().map(|attempt| attempt.mark_at)).collect()
    }

    /// The verdict of each attempt with its ids.
    pub fn verdicts(&self) -> Vec<(&Rollout, &[u32])> {
        let starts = std::iter::once(0).chain(self.attempts.iter().map(Attempt::start));
        let ends = self.attempts.iter().map(|attempt| attempt.mark_at).chain([self.ids.len()]);
        let verdicts = std::iter::once(&self.verdict).chain(self.attempts.iter().map(|attempt| &attempt.verdict));
        verdicts.zip(starts.zip(ends)).map(|(verdict, (start, end))| (verdict, &self.ids[start..end])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_told_apart_by_what_is_said_between_them() {
        let mut group = EpisodeGroup::of_version(0);
        let episode = &mut group.episodes[0];
        assert!(episode.attempt_starts().is_empty() && episode.verdicts().len() == 1);
        (episode.ids, episode.log_prob_bits) = (vec![5, 2], vec![1.0_f32.to_bits(); 2]);
        let mut chain = episode.chain();
        assert_eq!((chain.mask(), chain.attempts.len()), (vec![true; 2], 1));
        chain.ids.extend([9, 9, 6, 7, 2]);
        chain.log_probs.extend([0.0; 5]);
        chain.attempts.push(Attempt { mark_at: 2, said: 2, verdict: Rollout { is_correct: true, ..episode.verdict.clone() } });
        episode.go_on(chain.clone());
        assert_eq!((episode.attempt_starts(), episode.log_prob_bits.len()), (vec![0, 2], 7));
        let found: Vec<(bool, &[u32])> = episode.verdicts().into_iter().map(|(verdict, ids)| (verdict.is_correct, ids)).collect();
        assert_eq!(found, [(false, &[5, 2][..]), (true, &[6, 7, 2][..])]);
        assert_eq!(episode.chain(), chain);
    }
}
