//! The generic contract, run on every registered environment, at several sizes.

use metacot_envs::{
    Difficulty, TwoPlayer, World,
    conformance::{Effort, check, check_game},
    registry::{self, EnvironmentVisitor, GameVisitor},
};

struct Conformance;

impl EnvironmentVisitor for Conformance {
    type Output = ();
    fn visit<E: World>(self) {
        let env = E::configure(&Difficulty::default()).expect("the default difficulty is valid");
        check(&env, 11, Effort { problems: 30, walks: 3, depth: 60 });
    }
}

impl GameVisitor for Conformance {
    type Output = ();
    fn visit<G: TwoPlayer + World>(self) {
        let game = G::configure(&Difficulty::default()).expect("the default difficulty is valid");
        check_game(&game, 11, Effort { problems: 10, walks: 2, depth: 60 });
    }
}

#[test]
fn every_registered_game_keeps_the_contract() {
    for name in registry::GAMES {
        registry::visit_game(name, Conformance).expect("registered");
    }
}

#[test]
fn every_registered_environment_keeps_the_contract() {
    for name in registry::NAMES {
        registry::visit(name, Conformance).expect("registered");
    }
}

/// Runs the contract under other settings than the default: name, size, `key=value` settings.
struct Under<'a>(&'a str, &'a [(&'a str, &'a str)]);

impl EnvironmentVisitor for Under<'_> {
    type Output = ();
    fn visit<E: World>(self) {
        let mut difficulty = Difficulty { size: Some(self.0.into()), ..Difficulty::default() };
        self.1.iter().for_each(|(name, value)| difficulty.settings.insert(*name, *value));
        let env = E::configure(&difficulty).expect("the settings are valid");
        check(&env, 5, Effort { problems: 6, walks: 2, depth: 40 });
    }
}

type Variant = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const VARIANTS: &[Variant] = &[
    ("countdown", "3", &[]),
    ("countdown", "5", &[]),
    ("countdown", "6", &[]),
    ("countdown", "4", &[("rules", "rational"), ("max_number", "12")]),
    ("countdown", "5", &[("rules", "subset")]),
    ("maze", "5", &[]),
    ("maze", "12x8", &[]),
    ("maze", "6x31", &[("kind", "dfs")]),
    ("maze", "9", &[("kind", "kruskal")]),
    ("maze", "20", &[("kind", "wilson")]),
    ("maze", "40", &[("kind", "braided"), ("braid", "50")]),
    ("sokoban", "8x6", &[]),
    ("sudoku", "4", &[("order", "first"), ("clues", "4")]),
    ("sudoku", "6", &[]),
    ("sudoku", "9", &[]),
    ("cryptarithm", "2", &[]),
    ("cryptarithm", "4", &[("addends", "3")]),
    ("arithmetic", "1", &[("kind", "add")]),
    ("arithmetic", "9", &[("kind", "add"), ("second", "4")]),
    ("arithmetic", "5", &[("kind", "sub")]),
    ("arithmetic", "4", &[("kind", "mul")]),
    ("arithmetic", "6", &[("kind", "div")]),
    ("arithmetic", "5", &[("kind", "order")]),
    ("arithmetic", "8", &[("kind", "order"), ("max_number", "99")]),
    ("arithmetic", "3", &[("kind", "graph")]),
    ("arithmetic", "26", &[("kind", "graph"), ("modulus", "97")]),
    ("sokoban", "8", &[("boxes", "3"), ("walls", "4")]),
    ("connect4", "4x4", &[("outcome", "draw")]),
    ("connect4", "5x5", &[("opening", "14"), ("outcome", "any")]),
    ("connect4", "7x6", &[("within", "5")]),
    ("hex", "3", &[("opening", "1")]),
    ("hex", "5", &[("opening", "14"), ("within", "3")]),
];

#[test]
fn the_contract_holds_under_other_settings() {
    for (name, size, settings) in VARIANTS {
        registry::visit(name, Under(size, settings)).expect("registered");
    }
}
