//! One game of every registered environment, as text that a person can check: settings, problem, actions, states.

use std::fmt::Write as _;

use metacot_envs::{
    Canonical, Difficulty, Environment, Notation, SeedTree, Status, World,
    registry::{self, EnvironmentVisitor},
};
use rand::RngExt;

const SEED: u64 = 7;
const MAX_STEPS: usize = 6;
const MAX_ACTIONS: usize = 12;

/// Plays random actions on the first problem of [`SEED`] and tells what happened.
pub struct Playthrough;

impl EnvironmentVisitor for Playthrough {
    type Output = String;

    fn visit<E: World>(self) -> String {
        play::<E>(|env, problem| format!("optimal cost: {:?}", env.optimal_cost(problem)))
    }
}

/// Plays; `fact` says what is known of the problem.
fn play<E: Environment + Notation + Canonical>(fact: impl Fn(&E, &E::Problem) -> String) -> String {
    let env = E::configure(&Difficulty::default()).expect("the default difficulty is valid");
    let seeds = SeedTree::root(SEED).child(E::NAME);
    let problem = env.generate(&mut seeds.stream(0));
    let mut rng = seeds.child("playthrough").stream(0);
    let mut out = format!("environment: {}\nsettings: default\nseed: {SEED}\n", E::NAME);
    let json = serde_json::to_string(&problem).expect("problems are plain data");
    let _ = writeln!(out, "problem: {json}\nkey: {}\n{}", env.canonical_key(&problem), fact(&env, &problem));
    let (mut state, mut actions) = (env.initial(&problem), Vec::new());
    let mut text = String::new();
    env.write_state(&problem, &state, &mut text);
    let _ = writeln!(out, "prompt: {text}");
    for _ in 0..MAX_STEPS {
        actions.clear();
        env.actions(&problem, &state, &mut actions);
        let _ = writeln!(out, "\nstatus: {:?}, lower bound: {:?}", env.status(&problem, &state), env.lower_bound(&problem, &state));
        for (index, heuristic) in env.heuristics().iter().enumerate() {
            let _ = writeln!(out, "heuristic {}: {:.2}", heuristic.name, env.heuristic(index, &problem, &state));
        }
        if actions.is_empty() {
            break;
        }
        for (index, action) in actions.iter().take(MAX_ACTIONS).enumerate() {
            text.clear();
            env.write_action(&problem, &state, action, &mut text);
            let _ = writeln!(out, "  {index}: {text}");
        }
        if actions.len() > MAX_ACTIONS {
            let _ = writeln!(out, "  … {} in all", actions.len());
        }
        let chosen = rng.random_range(0..actions.len());
        text.clear();
        env.write_action(&problem, &state, &actions[chosen], &mut text);
        let json = serde_json::to_string(&actions[chosen]).expect("actions are plain data");
        state = env.apply(&problem, &state, &actions[chosen]).expect("listed actions are legal");
        let _ = writeln!(out, "{} {chosen}: {text} {json}", E::ACTION_NOUN);
        text.clear();
        env.write_successor(&problem, &state, &mut text);
        let _ = writeln!(out, "{}: {text}", E::STATE_NOUN);
    }
    if env.status(&problem, &state) != Status::Open {
        text.clear();
        env.write_comparison(&problem, &state, &mut text);
        let _ = writeln!(out, "comparison: {text}");
    }
    out
}

fn snapshot_path(name: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/envs/snapshots/envs__playthrough__playthrough@{name}.snap"))
}

/// Every registered name with its playthrough.
fn playthroughs() -> impl Iterator<Item = (&'static str, String)> {
    registry::NAMES.iter().map(|name| (*name, registry::visit(name, Playthrough).expect("registered")))
}

#[test]
fn every_registered_environment_has_a_playthrough() {
    for (name, _) in playthroughs() {
        assert!(snapshot_path(name).exists(), "no playthrough of `{name}`: run the tests with INSTA_UPDATE=always and look at the new file");
    }
}

#[test]
fn playthroughs_are_golden() {
    for (name, text) in playthroughs() {
        insta::with_settings!({ snapshot_suffix => name, omit_expression => true, prepend_module_to_snapshot => true }, {
            insta::assert_snapshot!("playthrough", text);
        });
    }
}
