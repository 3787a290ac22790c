//! The effort dial (Meta-CoT, 2501.04682, section 7.2.2): a mark before the prompt says how much thought is paid for, and each group of responses
//! is paid by the discount of its mark.
//!
//! Supervised training sees the marks at random, so that they mean nothing before policy gradients give them their meaning, or by the length of the
//! examples, so that policy gradients begin with a dial that turns.

use metacot_envs::SeedTree;
use metacot_objectives::reward::{EffortDial, Marking};
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

/// Puts a mark of `marks`, the ids of the dial's levels, before the prompt of every second example, on average.
pub fn mark_examples(examples: &mut [Example], dial: &EffortDial, marks: &[u32], seeds: &SeedTree) {
    if marks.is_empty() {
        return;
    }
    let by_length = (dial.marks == Marking::Length).then(|| levels_by_length(examples, dial));
    for (index, example) in examples.iter_mut().enumerate() {
        let mut rng = seeds.stream(index as u64);
        if rng.random::<bool>() {
            let level = by_length.as_ref().map_or_else(|| rng.random_range(0..marks.len()), |levels| levels[index]);
            example.ids.insert(1, marks[level]);
            example.response_start += 1;
        }
    }
}

/// The level of each example where as many of them share each: the shortest responses at the level of the smallest discount. Of equally long ones
/// those that come first count as shorter.
fn levels_by_length(examples: &[Example], dial: &EffortDial) -> Vec<usize> {
    let mut order: Vec<usize> = (0..examples.len()).collect();
    order.sort_by_key(|&index| examples[index].labels());
    let ascending = dial.ascending();
    let mut levels = vec![0; examples.len()];
    for (rank, index) in order.into_iter().enumerate() {
        levels[index] = ascending[rank * ascending.len() / examples.len()];
    }
    levels
}

/// A generator that is asked behind a mark.
pub struct Marked<'a> {
    generator: &'a mut (dyn Generator + Send),
    mark: u32,
}

impl<'a> Marked<'a> {
    /// Puts `mark` after the first id, BOS, of every prompt.
    pub fn new(generator: &'a mut (dyn Generator + Send), mark: u32) -> Self {
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
        let config = SampleConfig { temperature: 1.0, top_k: 0, top_p: 1.0, max_new_tokens: 3, stop: vec![2], scored_at: 1.0 };
        Marked::new(&mut scripted, 9).complete(vec![Request { prompt: vec![1, 5], rng: ChaCha8Rng::seed_from_u64(0) }], &config);
        assert_eq!(scripted.prompts, [[1, 9, 5]]);
        let mut examples = vec![Example { ids: vec![1, 5, 6, 2], response_start: 2 }; 200];
        let dial = EffortDial { gammas: vec![0.9, 1.0], ..EffortDial::default() };
        mark_examples(&mut examples, &dial, &[9, 10], &SeedTree::root(1));
        let marked: Vec<&Example> = examples.iter().filter(|example| example.ids.len() == 5).collect();
        assert!((70..130).contains(&marked.len()) && marked.iter().all(|example| example.response_start == 3 && [9, 10].contains(&example.ids[1])));
    }

    #[test]
    fn the_shortest_examples_stand_behind_the_mark_of_the_smallest_discount() {
        let dial = EffortDial { gammas: vec![1.0, 0.9], marks: Marking::Length };
        // Responses of 1 to 200 tokens, the longest first.
        let mut examples: Vec<Example> = (1..=200).rev().map(|length| Example { ids: vec![5; 2 + length], response_start: 2 }).collect();
        mark_examples(&mut examples, &dial, &[9, 10], &SeedTree::root(1));
        let marked: Vec<&Example> = examples.iter().filter(|example| example.response_start == 3).collect();
        assert!((70..130).contains(&marked.len()));
        assert!(marked.iter().all(|example| example.ids[1] == if example.labels() <= 100 { 10 } else { 9 }));
        mark_examples(&mut [], &dial, &[9, 10], &SeedTree::root(1));
    }

    #[test]
    fn a_vocabulary_can_say_every_mark() {
        let dial = EffortDial::default();
        let tokenizer = Tokenizer::new(effort_marks(&dial), 0).unwrap();
        assert_eq!(mark_ids(&dial, &tokenizer).unwrap().len(), 3);
        assert_eq!(mark_ids(&dial, &Tokenizer::new(["a"], 0).unwrap()), None);
    }
}
