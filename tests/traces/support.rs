//! Shared set-up of the tests in this binary.

use metacot_envs::{Difficulty, Environment, SeedTree, Settings, World, countdown::Countdown};
use metacot_traces::{Budget, Recorder, TraceFormat, format, search};

/// Countdown with small numbers, so that exhaustive searches stay small.
pub fn countdown(size: usize) -> Countdown {
    let mut difficulty = Difficulty::sized(size);
    difficulty.settings = Settings::default().with("max_number", 12).with("max_target", 40);
    Countdown::configure(&difficulty).unwrap()
}

/// Problem `index` of a world, drawn from a fixed seed.
pub fn problem<E: World>(env: &E, index: u64) -> E::Problem {
    env.generate(&mut SeedTree::root(21).child("tests").stream(index))
}

/// The searches for one player.
pub fn searches() -> impl Iterator<Item = &'static str> {
    search::NAMES.iter().copied().filter(|name| *name != "negamax")
}

/// A search that finds answers in an environment, by its name.
pub fn a_search(env: &str) -> &'static str {
    if ["connect4", "hex"].contains(&env) { "mcts" } else { "dfs" }
}

/// Runs a search and returns its recorder.
pub fn run<E: World>(env: &E, problem: &E::Problem, name: &str, settings: &Settings, index: u64) -> Recorder<E> {
    let mut recorder = Recorder::default();
    let search = search::build::<E>(name, env, settings).unwrap();
    search.run(env, problem, Budget::default(), &mut SeedTree::root(4).child(name).stream(index), &mut recorder);
    recorder
}

/// The text of a trace.
pub fn write<E: World>(env: &E, problem: &E::Problem, recorder: &Recorder<E>, format: &dyn TraceFormat<E>) -> String {
    let mut text = String::new();
    format.write(env, problem, recorder.trace(), &mut text);
    text
}

/// The format called `name` with default settings.
pub fn format<E: World>(name: &str) -> Box<dyn TraceFormat<E>> {
    format::build::<E>(name, &Settings::default()).unwrap()
}
