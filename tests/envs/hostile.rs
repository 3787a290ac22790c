//! Damaged texts: whatever is deleted from, put into or cut off a prompt, an action or a problem's JSON, nothing panics and nothing that
//! the environment would refuse is read.

use metacot_envs::{
    Canonical, Difficulty, Environment, Notation, SeedTree, Status, World,
    registry::{self, EnvironmentVisitor},
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

const ROUNDS: usize = 3_000;
const PIECES: &[&str] =
    &["", " ", "-", "0", "9", "99999999999999999999", "é", "/", ":", ",", "(", ")", "=", "+", "*", "[", "]", ".", "x", "o", "a", "#", "\"", "\n"];

struct Hostile;

impl EnvironmentVisitor for Hostile {
    type Output = ();
    fn visit<E: World>(self) {
        attack::<E>();
    }
}

/// The text with one to three places changed.
fn damaged(text: &str, rng: &mut ChaCha8Rng) -> String {
    let mut symbols: Vec<String> = text.chars().map(String::from).collect();
    for _ in 0..rng.random_range(1..=3) {
        if symbols.is_empty() {
            break;
        }
        let place = rng.random_range(0..symbols.len());
        match rng.random_range(0..4) {
            0 => symbols[place] = PIECES[rng.random_range(0..PIECES.len())].into(),
            1 => symbols.insert(place, PIECES[rng.random_range(0..PIECES.len())].into()),
            2 => symbols[place] = symbols[rng.random_range(0..symbols.len())].clone(),
            _ if rng.random_range(0..8) == 0 => symbols.truncate(place),
            _ => _ = symbols.remove(place),
        }
    }
    symbols.concat()
}

/// Everything cheap that a problem is asked.
fn exercise<E: Environment + Notation + Canonical>(env: &E, problem: &E::Problem, rng: &mut ChaCha8Rng) {
    let (mut state, mut actions, mut text) = (env.initial(problem), Vec::new(), String::new());
    env.canonical_key(problem);
    for _ in 0..4 {
        actions.clear();
        text.clear();
        env.actions(problem, &state, &mut actions);
        env.lower_bound(problem, &state);
        (0..env.heuristics().len()).for_each(|index| _ = env.heuristic(index, problem, &state));
        env.write_state(problem, &state, &mut text);
        env.write_comparison(problem, &state, &mut text);
        if actions.is_empty() {
            break;
        }
        let action = actions[rng.random_range(0..actions.len())].clone();
        text.clear();
        env.write_action(problem, &state, &action, &mut text);
        if let Ok(read) = env.read_action(problem, &state, &damaged(&text, rng), None) {
            assert!(env.apply(problem, &state, &read).is_ok(), "{} reads an illegal action from a damaged {text}", E::NAME);
        }
        state = env.apply(problem, &state, &action).expect("listed actions are legal");
    }
    assert!(env.status(problem, &state) == Status::Open || env.read_action(problem, &state, "", None).is_err());
}

/// The default settings, and those under which a world has another notation.
fn difficulties(name: &str) -> Vec<Difficulty> {
    let set = |key: &str, value: &&str| Difficulty { size: None, settings: metacot_envs::Settings::default().with(key, value) };
    let others: Vec<Difficulty> = match name {
        "countdown" => ["rational", "subset"].iter().map(|value| set("rules", value)).collect(),
        "arithmetic" => ["sub", "mul", "div", "order", "graph"].iter().map(|value| set("kind", value)).collect(),
        _ => Vec::new(),
    };
    [Difficulty::default()].into_iter().chain(others).collect()
}

fn attack<E: Environment + Notation + Canonical>() {
    for difficulty in difficulties(E::NAME) {
        attack_under::<E>(&difficulty);
    }
}

fn attack_under<E: Environment + Notation + Canonical>(difficulty: &Difficulty) {
    let env = E::configure(difficulty).expect("the difficulty is valid");
    let seeds = SeedTree::root(99).child(E::NAME);
    let mut rng = seeds.child("damage").stream(0);
    for index in 0..8 {
        let problem = env.generate(&mut seeds.stream(index));
        let (mut prompt, json) = (String::new(), serde_json::to_string(&problem).expect("problems are plain data"));
        env.write_state(&problem, &env.initial(&problem), &mut prompt);
        for _ in 0..ROUNDS / 8 {
            if let Some(read) = env.read_problem(&damaged(&prompt, &mut rng)) {
                assert_eq!(env.validate(&read), Ok(()), "{} reads a problem that it refuses", E::NAME);
                exercise(&env, &read, &mut rng);
            }
            if let Ok(read) = serde_json::from_str::<E::Problem>(&damaged(&json, &mut rng))
                && env.validate(&read).is_ok()
            {
                exercise(&env, &read, &mut rng);
            }
        }
    }
}

#[test]
fn damaged_texts_never_panic() {
    for name in registry::NAMES {
        registry::visit(name, Hostile).expect("registered");
    }
}
