//! Counts, known outcomes and hostile texts of Connect Four.

use super::*;
use crate::{
    SeedTree,
    two_player::{perft, solve},
};

fn game(size: &str) -> (Connect4, Problem) {
    let mut difficulty = Difficulty { size: Some(size.into()), ..Difficulty::default() };
    difficulty.settings.insert("opening", "0");
    difficulty.settings.insert("outcome", "any");
    let game = Connect4::configure(&difficulty).unwrap();
    let problem = game.generate(&mut SeedTree::root(0).stream(0));
    (game, problem)
}

#[test]
fn lines_of_play_are_as_many_as_published() {
    let (game, problem) = game("7x6");
    let counts: Vec<u64> = (0..8).map(|depth| perft(&game, &problem, &problem.position, depth)).collect();
    assert_eq!(counts, [1, 7, 49, 343, 2401, 16807, 117_649, 823_536]);
}

#[test]
fn the_smallest_boards_are_draws() {
    for size in ["4x4", "5x4"] {
        let (game, problem) = game(size);
        assert_eq!(solve(&game, &problem, &problem.position, 5_000_000), Some(Outcome::Draw), "{size}");
    }
}

#[test]
fn fast_rollouts_agree_with_plain_ones() {
    /// The same game without its own rollout.
    fn plain(game: &Connect4, problem: &Problem, rng: &mut ChaCha8Rng) -> Outcome {
        let (mut state, mut moves) = (problem.position, Vec::new());
        loop {
            if let Some(outcome) = game.outcome(problem, &state) {
                return outcome;
            }
            moves.clear();
            game.actions(problem, &state, &mut moves);
            state = game.apply(problem, &state, &moves[rng.random_range(0..moves.len())]).unwrap();
        }
    }
    for size in ["7x6", "4x4", "8x7"] {
        let (game, problem) = game(size);
        let (mut one, mut other) = (SeedTree::root(1).stream(0), SeedTree::root(1).stream(1));
        let rounds = 20_000;
        let share = |outcomes: Vec<Outcome>, wanted| outcomes.iter().filter(|outcome| **outcome == wanted).count() as f64 / f64::from(rounds);
        let fast: Vec<Outcome> = (0..rounds).map(|_| game.rollout(&problem, &problem.position, &mut one)).collect();
        let slow: Vec<Outcome> = (0..rounds).map(|_| plain(&game, &problem, &mut other)).collect();
        for wanted in [Outcome::Win(Player::First), Outcome::Win(Player::Second), Outcome::Draw] {
            // Two shares of 20,000 draws differ by 0.025 only at five standard errors.
            assert!((share(fast.clone(), wanted) - share(slow.clone(), wanted)).abs() < 0.025, "{size} {wanted:?}");
        }
    }
}

/// A position with its moves, told by an independent full search: the outcome for the mover, and the plies that a win takes at most.
fn brute_force(game: &Connect4, problem: &Problem, state: &Position) -> (i32, u32) {
    if let Some(outcome) = game.outcome(problem, state) {
        return (outcome.value(game.to_move(problem, state)), 0);
    }
    let mut moves = Vec::new();
    game.actions(problem, state, &mut moves);
    let of = |action| {
        let (value, plies) = brute_force(game, problem, &game.apply(problem, state, action).unwrap());
        (-value, plies + 1)
    };
    // A winner hurries, a loser delays.
    moves.iter().map(of).max_by_key(|(value, plies)| (*value, if *value > 0 { -i64::from(*plies) } else { i64::from(*plies) })).unwrap()
}

#[test]
fn exact_answers_agree_with_full_search() {
    let settings = crate::Settings::default().with("outcome", "any").with("opening", 9);
    let game = Connect4::configure(&Difficulty { size: Some("4x4".into()), settings }).unwrap();
    let mut seen = [0; 3];
    for index in 0..60 {
        let problem = game.generate(&mut SeedTree::root(4).stream(index));
        let state = problem.position;
        let (value, plies) = brute_force(&game, &problem, &state);
        seen[(value + 1) as usize] += 1;
        assert_eq!(two_player::best_play(&game, &problem, &state), Some(0.5 + 0.5 * value as f32));
        assert_eq!(game.optimal_cost(&problem), (value > 0).then_some(plies), "{problem:?}");
        let mut moves = Vec::new();
        game.actions(&problem, &state, &mut moves);
        for action in moves {
            let next = game.apply(&problem, &state, &action).unwrap();
            let keeps = -brute_force(&game, &problem, &next).0 == value;
            assert_eq!(crate::replay(&game, &problem, &[action]).is_solved(), keeps, "{action:?} in {problem:?}");
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

#[test]
fn posed_positions_are_as_wanted() {
    for (outcome, value) in [("win", 1), ("draw", 0)] {
        let settings = crate::Settings::default().with("outcome", outcome).with("opening", 8);
        let game = Connect4::configure(&Difficulty { size: Some("4x4".into()), settings }).unwrap();
        for index in 0..10 {
            let problem = game.generate(&mut SeedTree::root(4).stream(index));
            assert_eq!(brute_force(&game, &problem, &problem.position).0, value, "{outcome}");
        }
    }
    let settings = crate::Settings::default().with("within", 3);
    let game = Connect4::configure(&Difficulty { settings, ..Difficulty::default() }).unwrap();
    for index in 0..10 {
        assert!(game.optimal_cost(&game.generate(&mut SeedTree::root(5).stream(index))).is_some_and(|plies| plies <= 3));
    }
    let empty = Connect4::configure(&Difficulty { size: Some("7x6".into()), settings: crate::Settings::default().with("opening", 0) }).unwrap();
    let problem = empty.generate(&mut SeedTree::root(5).stream(0));
    assert_eq!(empty.validate(&problem), Err("42 moves are left to make; at most 16 can be solved exactly".into()));
}

#[test]
fn lines_in_all_directions_end_the_game() {
    let (game, _) = game("7x6");
    for (text, outcome) in [
        (". . . . / . . . . / o o o . / x x x x", Some(Outcome::Win(Player::First))),
        ("x . . . / x o . . / x o . . / x o . .", Some(Outcome::Win(Player::First))),
        ("x . . . / o x . . / o o x . / x o o x", Some(Outcome::Win(Player::First))),
        (". . . o / . . o x / x o x x / o x o x", Some(Outcome::Win(Player::Second))),
        ("x . . . / o . . . / o . . . / x x . .", None),
        ("x x . . / o o . . / x o . . / x o . .", None),
    ] {
        let Some(problem) = Stones::read(text).and_then(|stones| Problem::try_from(stones).ok()) else { panic!("{text} does not read") };
        assert_eq!(game.outcome(&problem, &problem.position), outcome, "{text}");
    }
}

#[test]
fn hostile_texts_do_not_read() {
    let (game, problem) = game("7x6");
    for text in [
        "",
        ". . . .",
        ". . . / . . . / . . . / . . .",
        ". . . . / . . . . / . . . . / x x . .",
        ". . . . / . . . . / x . . . / . . . .",
        ". . . . / . . . . / o o o o / x x x x",
        ". . . . / . . . . / . . . . / z . . .",
    ] {
        assert_eq!(game.read_problem(text), None, "{text:?}");
    }
    let read = |text| game.read_action(&problem, &problem.position, text, None);
    assert_eq!(read("drop 3"), Ok(Drop { column: 3 }));
    assert_eq!(
        (read("drop 0"), read("drop 8"), read("drop 300")),
        (Err(ActionFault::Unavailable), Err(ActionFault::Unavailable), Err(ActionFault::Unavailable))
    );
    assert_eq!(
        (read(""), read("drop"), read("3"), read("drop  3")),
        (Err(ActionFault::Syntax), Err(ActionFault::Syntax), Err(ActionFault::Syntax), Err(ActionFault::Syntax))
    );
    for size in ["3x4", "9x6", "7x8", "7", "7x", "x"] {
        assert!(Connect4::configure(&Difficulty { size: Some(size.into()), ..Difficulty::default() }).is_err(), "{size}");
    }
}
