//! Which samples become training examples: right ones, capped per problem (STaR, ReST-EM, Searchformer's bootstrapping).

use metacot_envs::SeedTree;
use rand::seq::SliceRandom;

use crate::{
    data::Example,
    grade::{RolloutGroup, prompt_ids},
    recipe::{ImproveRecipe, Keep},
    tokenizer::Tokenizer,
};

/// The examples of a round, with the count of what was kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// What is trained on, replayed examples included.
    pub examples: Vec<Example>,
    /// Right responses that were kept.
    pub kept: usize,
    /// Right responses before the cap.
    pub correct: usize,
    /// Problems with at least one kept response.
    pub problems: usize,
    /// Supervised examples mixed in.
    pub replayed: usize,
}

/// Picks the examples of a round; `seeds` decides which supervised examples are replayed.
pub fn keep(groups: &[RolloutGroup], recipe: &ImproveRecipe, tokenizer: &Tokenizer, supervised: &[Example], seeds: &SeedTree) -> Kept {
    let mut result = Kept::default();
    for group in groups {
        let mut right: Vec<_> =
            group.rollouts.iter().filter(|rollout| rollout.is_correct && rollout.is_finished && (rollout.is_valid || !recipe.require_valid)).collect();
        result.correct += right.len();
        if recipe.keep == Keep::Shortest {
            right.sort_by_key(|rollout| rollout.tokens);
        }
        let mut taken: Vec<&str> = Vec::new();
        for rollout in right {
            if taken.len() == recipe.keep_per_problem || taken.contains(&rollout.response.as_str()) {
                continue;
            }
            taken.push(&rollout.response);
            result.examples.push(example(tokenizer, &group.prompt, &rollout.response));
        }
        result.kept += taken.len();
        result.problems += usize::from(!taken.is_empty());
    }
    let replayed = (result.kept as f64 * recipe.replay / (1.0 - recipe.replay)).round() as usize;
    let mut order: Vec<usize> = (0..supervised.len()).collect();
    order.shuffle(&mut seeds.child("replay").stream(0));
    result.examples.extend(order.into_iter().take(replayed).map(|index| supervised[index].clone()));
    result.replayed = result.examples.len() - result.kept;
    result
}

/// A prompt and its response as an example that ends with EOS.
pub fn example(tokenizer: &Tokenizer, prompt: &str, response: &str) -> Example {
    let mut ids = prompt_ids(tokenizer, prompt);
    let response_start = ids.len();
    tokenizer.encode_into(response, &mut ids);
    ids.push(Tokenizer::EOS);
    Example { ids, response_start }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{grade::Rollout, recipe::Start, train::TrainConfig};

    fn rollout(response: &str, is_correct: bool, is_valid: bool) -> Rollout {
        let tokens = response.len() as u64;
        Rollout { response: response.into(), tokens, is_finished: true, is_correct, is_format_ok: true, is_valid, defects: Default::default() }
    }

    fn recipe(keep: Keep, cap: usize, require_valid: bool, replay: f64) -> ImproveRecipe {
        let train = TrainConfig::default();
        ImproveRecipe { rounds: 1, problems: 1, samples: 4, temperature: 1.0, keep, keep_per_problem: cap, require_valid, start: Start::Base, replay, train }
    }

    #[test]
    fn right_distinct_responses_are_kept_up_to_the_cap() {
        let tokenizer = Tokenizer::new(["a", "b", "c"], 0).unwrap();
        let rollouts =
            vec![rollout("aaa", true, true), rollout("b", false, true), rollout("aaa", true, true), rollout("cc", true, false), rollout("c", true, true)];
        let group = RolloutGroup { canonical_key: String::new(), problem: serde_json::Value::Null, prompt: "a".into(), rollouts };
        let lengths = |recipe: ImproveRecipe| -> Vec<usize> {
            let kept = keep(std::slice::from_ref(&group), &recipe, &tokenizer, &[], &SeedTree::root(0));
            kept.examples.iter().map(|example| example.ids.len() - example.response_start - 1).collect()
        };
        assert_eq!(lengths(recipe(Keep::First, 9, false, 0.0)), [3, 2, 1]);
        assert_eq!(lengths(recipe(Keep::Shortest, 2, false, 0.0)), [1, 2]);
        assert_eq!(lengths(recipe(Keep::Shortest, 2, true, 0.0)), [1, 3]);
    }

    #[test]
    fn replay_is_a_share_of_all_examples() {
        let tokenizer = Tokenizer::new(["a"], 0).unwrap();
        let group =
            RolloutGroup { canonical_key: String::new(), problem: serde_json::Value::Null, prompt: "a".into(), rollouts: vec![rollout("a", true, true)] };
        let groups = vec![group; 6];
        let supervised = vec![example(&tokenizer, "a", "aa"); 10];
        let kept = keep(&groups, &recipe(Keep::First, 1, false, 0.25), &tokenizer, &supervised, &SeedTree::root(0));
        assert_eq!((kept.kept, kept.replayed, kept.examples.len()), (6, 2, 8));
    }
}
