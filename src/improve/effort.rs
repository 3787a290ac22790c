//! The effort dial (Meta-CoT, 2501.04682, section 7.2.2): a mark before the prompt says how much thought is paid for, and each group of responses
//! is paid by the discount of its mark.
//!
//! Supervised training sees the marks at random, so that they mean nothing before policy gradients give them their meaning.

use metacot_envs::SeedTree;
use metacot_objectives::reward::EffortDial;
use rand::RngExt as _;

use crate::{
    data::Example,
    sample::{Completion, Generator, Request, SampleConfig},
    tokenizer::Tokenizer,
};

/// The marks of all levels.
pub fn effort_marks(dial: &EffortDial) -> Vec<String> {
    (0..dial.gammas.len()).map(EffortDial::token).collect()
}

/// Puts a random mark of `marks` before the prompt of every second example, on average.
pub fn mark_examples(examples: &mut [Example], marks: &[u32], seeds: &SeedTree) {
    for (index, example) in examples.iter_mut().enumerate() {
        let mut rng = seeds.stream(index as u64);
        if !marks.is_empty() && rng.random::<bool>() {
            example.ids.insert(1, marks[rng.random_range(0..marks.len())]);
            example.response_start += 1;
        }
    }
}

/// A generator that is asked behind a mark.
pub struct Marked<'a> {
    generator: &'a mut dyn Generator,
    mark: u32,
}

impl<'a> Marked<'a> {
    /// Puts `mark` after the first id, BOS, of every prompt.
    pub fn new(generator: &'a mut dyn Generator, mark: u32) -> Self {
        Self { generator, mark }
    }
}

impl Generator for Marked<'_> {
    fn complete(&mut self, mut requests: Vec<Request>, config: &SampleConfig) -> Vec<Completion> {
        requests.iter_mut().for_each(|request| request.prompt.insert(1, self.mark));
        self.generator.complete(requests, config)
    }
}

/// The id of each mark; `None` where the vocabulary lacks one.
pub fn mark_ids(dial: &EffortDial, tokenizer: &Tokenizer) -> Option<Vec<u32>> {
    effort_marks(dial).iter().map(|mark| tokenizer.id(mark)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::ScriptedGenerator;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn marks_stand_after_bos_and_before_the_prompt() {
        let mut scripted = ScriptedGenerator::new([vec![2]]);
        let config = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 3, stop: vec![2] };
        Marked::new(&mut scripted, 9).complete(vec![Request { prompt: vec![1, 5], rng: ChaCha8Rng::seed_from_u64(0) }], &config);
        assert_eq!(scripted.prompts, [[1, 9, 5]]);
        let mut examples = vec![Example { ids: vec![1, 5, 6, 2], response_start: 2 }; 200];
        mark_examples(&mut examples, &[9, 10], &SeedTree::root(1));
        let marked: Vec<&Example> = examples.iter().filter(|example| example.ids.len() == 5).collect();
        assert!((70..130).contains(&marked.len()) && marked.iter().all(|example| example.response_start == 3 && [9, 10].contains(&example.ids[1])));
    }

    #[test]
    fn a_vocabulary_can_say_every_mark() {
        let dial = EffortDial::default();
        let tokenizer = Tokenizer::new(effort_marks(&dial), 0).unwrap();
        assert_eq!(mark_ids(&dial, &tokenizer).unwrap().len(), 3);
        assert_eq!(mark_ids(&dial, &Tokenizer::new(["a"], 0).unwrap()), None);
    }
}
