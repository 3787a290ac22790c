//! The contract of an environment as a generic suite: every registered world must pass it on many of its problems.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{Canonical, Environment, Facet, Language, Notation, Pattern, SeedTree, Status, World, replay, two_player::TwoPlayer};

/// How much of the state space [`check`] walks.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Problems drawn.
    pub problems: u64,
    /// Random walks from the start of each.
    pub walks: usize,
    /// Most actions of a walk.
    pub depth: usize,
}

/// Checks the whole contract on problems drawn from `seed`.
///
/// # Panics
/// With the problem and the broken rule, where the environment breaks its contract.
pub fn check<E: World>(env: &E, seed: u64, effort: Effort) {
    check_all(env, seed, effort, |problem| {
        assert_eq!(env.solvable(problem), env.optimal_cost(problem).is_some(), "oracles disagree on {problem:?}");
        assert!(env.num_answers(problem, 2) != Some(0), "a generated problem has no answer: {problem:?}");
        for facet in Facet::ALL {
            assert!(env.facet(problem, facet).is_some_and(|value| !value.is_empty()), "no {} of {problem:?}", facet.plural());
        }
        for variant in env.symmetries(problem) {
            assert_eq!(env.optimal_cost(&variant), env.optimal_cost(problem), "symmetric problems have different costs: {variant:?}");
        }
    });
}

/// Checks what holds of games: the contract without oracles, and random play that ends.
///
/// # Panics
/// With the problem and the broken rule, where the game breaks its contract.
pub fn check_game<G: TwoPlayer>(game: &G, seed: u64, effort: Effort) {
    let mut rng = SeedTree::root(seed).child("rollouts").stream(0);
    check_all(game, seed, effort, |problem| {
        let mut state = game.initial(problem);
        let mut moves = Vec::new();
        while game.outcome(problem, &state).is_none() {
            game.rollout(problem, &state, &mut rng);
            moves.clear();
            game.actions(problem, &state, &mut moves);
            assert!(!moves.is_empty(), "an open game has no moves: {state:?}");
            let next = game.apply(problem, &state, &moves[rng.random_range(0..moves.len())]).expect("listed moves are legal");
            assert!(game.outcome(problem, &next).is_some() || game.to_move(problem, &next) != game.to_move(problem, &state), "nobody passes");
            state = next;
        }
        assert_eq!(Some(game.rollout(problem, &state, &mut rng)), game.outcome(problem, &state), "a finished game is not played on");
    });
}

fn check_all<E: Environment + Notation + Canonical>(env: &E, seed: u64, effort: Effort, mut extra: impl FnMut(&E::Problem)) {
    let seeds = SeedTree::root(seed).child(E::NAME);
    for index in 0..effort.problems {
        let problem = env.generate(&mut seeds.stream(index));
        assert_eq!(problem, env.generate(&mut seeds.stream(index)), "generation is not a function of the stream");
        check_problem(env, &problem);
        extra(&problem);
        let mut rng = seeds.child("walks").stream(index);
        for _ in 0..effort.walks {
            walk(env, &problem, effort.depth, &mut rng);
        }
    }
}

fn check_problem<E: Environment + Notation + Canonical>(env: &E, problem: &E::Problem) {
    assert_eq!(env.validate(problem), Ok(()), "generated problem is refused: {problem:?}");
    let json = serde_json::to_string(problem).expect("problems are plain data");
    let back: E::Problem = serde_json::from_str(&json).expect("a problem reads what it wrote");
    assert_eq!(&back, problem, "JSON round trip of {json}");
    let mut text = String::new();
    env.write_state(problem, &env.initial(problem), &mut text);
    assert!(!text.contains('\n'), "a prompt has one line: {text}");
    assert_eq!(env.read_problem(&text).as_ref(), Some(problem), "text round trip of {text}");
    let key = env.canonical_key(problem);
    for variant in env.symmetries(problem) {
        assert_eq!(env.canonical_key(&variant), key, "symmetric problems have different keys: {variant:?}");
        for facet in Facet::ALL {
            assert_eq!(env.facet(&variant, facet), env.facet(problem, facet), "symmetric problems have different {}", facet.plural());
        }
    }
    for facet in Facet::ALL {
        let value = env.facet(problem, facet).unwrap_or_default();
        assert!(!value.contains([',', '\n']), "a list of {} cannot hold {value}", facet.plural());
    }
}

fn walk<E: Environment + Notation>(env: &E, problem: &E::Problem, depth: usize, rng: &mut ChaCha8Rng) {
    let mut state = env.initial(problem);
    let (mut plan, mut actions) = (Vec::new(), Vec::new());
    // What is drawn is of the language of all that is drawn, too.
    let languages = [env.language(Some(problem)), env.language(None)];
    for _ in 0..depth {
        actions.clear();
        env.actions(problem, &state, &mut actions);
        let status = env.status(problem, &state);
        check_texts(env, problem, &state, &languages);
        assert!(status == Status::Open || actions.is_empty(), "an ended state has actions: {state:?}");
        assert!(status != Status::Solved || env.lower_bound(problem, &state) == Some(0), "a goal has a remaining cost: {state:?}");
        if actions.is_empty() {
            break;
        }
        for (position, action) in actions.iter().enumerate() {
            assert!(!actions[..position].contains(action), "{action:?} is listed twice in {state:?}");
            check_action(env, problem, &state, action, &languages);
        }
        let action = actions[rng.random_range(0..actions.len())].clone();
        state = env.apply(problem, &state, &action).expect("listed actions are legal");
        plan.push(action);
    }
    let is_answer = env.is_answer(problem, &plan, &state);
    assert_eq!(replay(env, problem, &plan).is_solved(), is_answer, "replay disagrees with the walk");
    assert!(E::HAS_OPPONENT || is_answer == (env.status(problem, &state) == Status::Solved), "an answer ends solved");
}

/// Checks that a text is of the pattern that each language has for it.
fn check_text(text: &str, languages: &[Language], pattern: impl Fn(&Language) -> &Pattern) {
    languages.iter().for_each(|language| assert!(pattern(language).matches(text), "{text} is not of its language: {:?}", pattern(language)));
}

fn check_texts<E: Environment + Notation>(env: &E, problem: &E::Problem, state: &E::State, languages: &[Language]) {
    let written = |write: &dyn Fn(&mut String)| {
        let mut text = String::new();
        write(&mut text);
        text
    };
    check_text(&written(&|out| env.write_state(problem, state, out)), languages, |language| &language.state);
    check_text(&written(&|out| env.write_successor(problem, state, out)), languages, |language| &language.successor);
    check_text(&written(&|out| env.write_place(problem, state, out)), languages, |language| &language.place);
    if env.status(problem, state) != Status::Open {
        check_text(&written(&|out| env.write_comparison(problem, state, out)), languages, |language| &language.comparison);
    }
}

fn check_action<E: Environment + Notation>(env: &E, problem: &E::Problem, state: &E::State, action: &E::Action, languages: &[Language]) {
    let next = env.apply(problem, state, action).expect("listed actions are legal");
    let cost = env.cost(problem, state, action);
    assert!(cost >= 1, "an action is free");
    if let Some(count) = env.dense_states(problem) {
        let (here, there) = (env.dense_index(problem, state), env.dense_index(problem, &next));
        assert!(here < count && there < count, "a state has a number outside of 0..{count}");
        assert_eq!(here == there, *state == next, "two states share the number {here}");
    }
    let (mut text, mut effect) = (String::new(), String::new());
    env.write_action(problem, state, action, &mut text);
    env.write_successor(problem, &next, &mut effect);
    check_text(&text, languages, |language| &language.action);
    let (mut whole, mut joined) = (String::new(), String::new());
    env.write_state(problem, &next, &mut whole);
    assert!(!env.write_state_prefix(problem, &mut joined) || joined + &effect == whole, "a prefix and {effect} are not {whole}");
    let read = env.read_action(problem, state, &text, Some(&effect)).unwrap_or_else(|fault| panic!("{text} does not read back: {fault:?}"));
    assert_eq!(env.apply(problem, state, &read).as_ref(), Ok(&next), "{text} reads as another action");
    if let (Some(here), Some(there)) = (env.lower_bound(problem, state), env.lower_bound(problem, &next)) {
        assert!(here <= there + cost || !env.is_consistent(), "the lower bound is inconsistent at {text}");
    }
    for index in 0..env.heuristics().len() {
        let value = env.heuristic(index, problem, state);
        assert!(value >= 0.0, "heuristic {index} is {value}");
    }
}
