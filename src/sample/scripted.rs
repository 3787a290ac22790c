//! A generator that says what it was told to say: the double for tests of everything that samples.

use super::{Completion, Generator, Request, SampleConfig};
use std::collections::VecDeque;

/// Gives scripted ids, one script per request in order, cut at the first stop id and at the limit. Log-probabilities are 0.
#[derive(Clone, Debug, Default)]
pub struct ScriptedGenerator {
    scripts: VecDeque<Vec<u32>>,
    /// The prompts that were asked for so far.
    pub prompts: Vec<Vec<u32>>,
}

impl ScriptedGenerator {
    /// Answers the requests to come with `scripts`; after the last one it starts again with the first.
    pub fn new(scripts: impl IntoIterator<Item = Vec<u32>>) -> Self {
        Self { scripts: scripts.into_iter().collect(), prompts: Vec::new() }
    }
}

impl Generator for ScriptedGenerator {
    fn complete(&mut self, requests: Vec<Request>, config: &SampleConfig) -> Vec<Completion> {
        let mut completions = Vec::with_capacity(requests.len());
        for request in requests {
            self.prompts.push(request.prompt);
            let script = self.scripts.front().cloned().unwrap_or_default();
            if !self.scripts.is_empty() {
                self.scripts.rotate_left(1);
            }
            let stop = script.iter().position(|id| config.stop.contains(id)).map_or(script.len(), |position| position + 1);
            let ids = script[..stop.min(config.max_new_tokens)].to_vec();
            let is_finished = ids.last().is_some_and(|id| config.stop.contains(id));
            completions.push(Completion { log_probs: vec![0.0; ids.len()], ids, is_finished });
        }
        completions
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn scripts_are_said_in_turn_and_cut_at_stops_and_limits() {
        let mut generator = ScriptedGenerator::new([vec![5, 2, 9], vec![7, 7, 7, 7]]);
        let requests = (0..3).map(|id| Request { prompt: vec![id], rng: ChaCha8Rng::seed_from_u64(0) }).collect();
        let config = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 3, stop: vec![2], scored_at: 1.0 };
        let completions = generator.complete(requests, &config);
        let said: Vec<_> = completions.iter().map(|completion| (completion.ids.clone(), completion.is_finished)).collect();
        assert_eq!(said, [(vec![5, 2], true), (vec![7, 7, 7], false), (vec![5, 2], true)]);
        assert_eq!(generator.prompts, [[0], [1], [2]]);
    }
}
