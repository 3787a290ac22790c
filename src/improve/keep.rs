//! Which samples become training examples: those above a threshold, capped per problem; those of hinted prompts without their hint.

use metacot_envs::SeedTree;
use rand::seq::SliceRandom;

use super::evidence;
use crate::{
    data::Example,
    grade::{Rollout, RolloutGroup, Teacher, prompt_ids},
    recipe::{ImitateRecipe, Keep},
    tokenizer::Tokenizer,
};

/// The examples of an improve step, with the count of what was kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// What is trained on, replayed examples included.
    pub examples: Vec<Example>,
    /// Responses that were kept, to prompts with and without a hint.
    pub kept: usize,
    /// Responses above the threshold before the cap, to prompts without a hint.
    pub correct: usize,
    /// Problems with at least one kept response.
    pub problems: usize,
    /// Those of them that only a hint unlocked.
    pub unlocked: usize,
    /// Problems that a second try without a hint would have unlocked, where it was asked.
    pub second_try: usize,
    /// By problem with a kept response, where a symbolic A* was asked: the tokens of the first that was kept, and what A* needs.
    pub beside: Vec<(u64, Teacher)>,
    /// Supervised examples mixed in.
    pub replayed: usize,
}

/// Picks the examples of an improve step with its threshold; `seeds` decides which supervised examples are replayed.
pub fn keep(groups: &[RolloutGroup], recipe: &ImitateRecipe, threshold: f64, tokenizer: &Tokenizer, supervised: &[Example], seeds: &SeedTree) -> Kept {
    let mut result = Kept::default();
    for group in groups {
        let optimal = group.teacher.map(|teacher| teacher.cost);
        let own = good(&group.rollouts, recipe, threshold, optimal, tokenizer);
        let hinted = good(&group.hinted, recipe, threshold, optimal, tokenizer);
        result.correct += own.len();
        result.unlocked += usize::from(own.is_empty() && !hinted.is_empty());
        result.second_try += usize::from(own.is_empty() && !good(&group.again, recipe, threshold, optimal, tokenizer).is_empty());
        result.beside.extend(own.iter().chain(&hinted).next().map(|first| first.tokens).zip(group.teacher));
        let mut taken: Vec<&str> = Vec::new();
        for rollout in own.into_iter().chain(hinted) {
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

/// The finished responses above the threshold, in the order in which they are kept. Their ids are those of their text read again.
fn good<'a>(rollouts: &'a [Rollout], recipe: &ImitateRecipe, threshold: f64, optimal: Option<u32>, tokenizer: &Tokenizer) -> Vec<&'a Rollout> {
    let is_cheap = |rollout: &Rollout| !recipe.require_optimal || (optimal.is_some() && rollout.cost == optimal);
    let reward = |rollout: &Rollout| recipe.reward.score(&evidence(rollout, &tokenizer.encode(&rollout.response)));
    let is_good = |rollout: &&Rollout| rollout.is_finished && is_cheap(rollout) && (rollout.is_valid || !recipe.require_valid) && reward(rollout) >= threshold;
    let mut good: Vec<&Rollout> = rollouts.iter().filter(is_good).collect();
    match recipe.keep {
        Keep::First => {}
        Keep::Shortest => good.sort_by_key(|rollout| rollout.tokens),
        Keep::Best => good.sort_by(|a, b| reward(b).total_cmp(&reward(a))),
    }
    good
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
    use metacot_traces::task::Counts;

    use super::*;
    use crate::recipe::Method;

    fn rollout(response: &str, is_correct: bool, is_valid: bool) -> Rollout {
        let tokens = response.len() as u64;
        Rollout {
            response: response.into(),
            tokens,
            is_finished: true,
            is_correct,
            is_format_ok: true,
            is_valid,
            cost: is_correct.then_some(1),
            counts: Counts { statements: 2, true_statements: if is_valid { 2 } else { 1 }, readable: 2, ..Counts::default() },
            ..Rollout::default()
        }
    }

    fn recipe(keep: Keep, cap: usize, require_valid: bool, replay: f64) -> ImitateRecipe {
        ImitateRecipe { keep, keep_per_problem: cap, require_valid, replay, ..ImitateRecipe::of(Method::Star) }
    }

    fn group(rollouts: Vec<Rollout>) -> RolloutGroup {
        RolloutGroup { prompt: "a".into(), rollouts, ..RolloutGroup::default() }
    }

    fn tokenizer() -> Tokenizer {
        Tokenizer::new(["a", "b", "c"], 0).unwrap()
    }

    #[test]
    fn right_distinct_responses_are_kept_up_to_the_cap() {
        let rollouts =
            vec![rollout("aaa", true, true), rollout("b", false, true), rollout("aaa", true, true), rollout("cc", true, false), rollout("c", true, true)];
        let group = group(rollouts);
        let lengths = |recipe: ImitateRecipe| -> Vec<usize> {
            let kept = keep(std::slice::from_ref(&group), &recipe, 1.0, &tokenizer(), &[], &SeedTree::root(0));
            kept.examples.iter().map(|example| example.ids.len() - example.response_start - 1).collect()
        };
        assert_eq!(lengths(recipe(Keep::First, 9, false, 0.0)), [3, 2, 1]);
        assert_eq!(lengths(recipe(Keep::Shortest, 2, false, 0.0)), [1, 2]);
        assert_eq!(lengths(recipe(Keep::Shortest, 2, true, 0.0)), [1, 3]);
    }

    #[test]
    fn replay_is_a_share_of_all_examples() {
        let groups = vec![group(vec![rollout("a", true, true)]); 6];
        let supervised = vec![example(&tokenizer(), "a", "aa"); 10];
        let kept = keep(&groups, &recipe(Keep::First, 1, false, 0.25), 1.0, &tokenizer(), &supervised, &SeedTree::root(0));
        assert_eq!((kept.kept, kept.replayed, kept.examples.len()), (6, 2, 8));
    }

    #[test]
    fn what_only_a_hint_unlocked_is_counted_and_learned_without_it() {
        let mut groups = vec![group(vec![rollout("a", true, true)]), group(vec![rollout("b", false, true)]), group(vec![rollout("b", false, true)])];
        groups[1].hinted = vec![rollout("cc", true, true)];
        groups[2].hinted = vec![rollout("cc", false, true)];
        let kept = keep(&groups, &recipe(Keep::First, 1, false, 0.0), 1.0, &tokenizer(), &[], &SeedTree::root(0));
        assert_eq!((kept.kept, kept.problems, kept.unlocked), (2, 2, 1));
        assert_eq!(kept.examples[1], example(&tokenizer(), "a", "cc"));
    }

    #[test]
    fn costlier_plans_than_the_optimal_are_left_out_and_lengths_are_compared() {
        let mut group = group(vec![Rollout { cost: Some(3), ..rollout("a", true, true) }, Rollout { cost: Some(2), ..rollout("bbb", true, true) }]);
        let recipe = ImitateRecipe::of(Method::Bootstrap);
        let kept = |group: &RolloutGroup| keep(std::slice::from_ref(group), &recipe, 1.0, &tokenizer(), &[], &SeedTree::root(0));
        assert_eq!(kept(&group).kept, 0, "what is optimal is not known");
        let teacher = Teacher { cost: 2, tokens: 9, best_tokens: 7 };
        group.teacher = Some(teacher);
        let kept = kept(&group);
        assert_eq!((kept.kept, kept.beside), (1, vec![(3, teacher)]));
    }

    #[test]
    fn a_lower_threshold_keeps_what_is_partly_right() {
        let rollouts = vec![rollout("b", false, true), rollout("a", true, true)];
        let group = group(rollouts);
        let rest = ImitateRecipe::of(Method::Rest);
        let count = |threshold: f64| keep(std::slice::from_ref(&group), &rest, threshold, &tokenizer(), &[], &SeedTree::root(0)).kept;
        // A wrong answer after a true search earns one half.
        assert_eq!([count(0.5), count(0.75), count(1.0)], [2, 1, 1]);
        let raft = ImitateRecipe::of(Method::Raft);
        assert_eq!(keep(&[group], &raft, 0.0, &tokenizer(), &[], &SeedTree::root(0)).examples, [example(&tokenizer(), "a", "a")]);
    }
}
