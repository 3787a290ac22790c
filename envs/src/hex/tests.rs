use rand::RngExt;

use super::*;
use crate::{
    SeedTree,
    two_player::{perft, solve},
};

fn game(side: usize) -> (Hex, Problem) {
    let mut difficulty = Difficulty::sized(side);
    difficulty.settings.insert("opening", "0");
    difficulty.settings.insert("outcome", "any");
    let game = Hex::configure(&difficulty).unwrap();
    let problem = game.generate(&mut SeedTree::root(0).stream(0));
    (game, problem)
}

#[test]
fn the_first_player_wins_small_boards() {
    for side in 2..=4 {
        let (game, problem) = game(side);
        assert_eq!(solve(&game, &problem, &problem.position, 10_000_000), Some(Outcome::Win(Player::First)), "{side}");
    }
}

#[test]
fn a_full_board_has_exactly_one_winner() {
    let mut rng = SeedTree::root(2).stream(0);
    for side in 2..=11_u8 {
        let (all, _) = masks(side);
        for _ in 0..200 {
            let first = all & (u128::from(rng.random::<u64>()) << 64 | u128::from(rng.random::<u64>()));
            assert_ne!(joins(side, first, true), joins(side, all & !first, false), "{side} {first:x}");
        }
    }
}

#[test]
fn lines_of_play_are_counted() {
    let (game, problem) = game(3);
    let counts: Vec<u64> = (0..6).map(|depth| perft(&game, &problem, &problem.position, depth)).collect();
    // 9 * 8 * 7 * 6, and five stones less those lines whose first three joined already: none do before the fifth stone.
    assert_eq!(counts, [1, 9, 72, 504, 3024, 15120]);
}

#[test]
fn rollouts_agree_with_random_play() {
    let (game, problem) = game(4);
    let (mut rng, rounds) = (SeedTree::root(3).stream(0), 20_000);
    let fast = (0..rounds).filter(|_| game.rollout(&problem, &problem.position, &mut rng) == Outcome::Win(Player::First)).count();
    let slow = (0..rounds).filter(|_| {
        let (mut state, mut moves) = (problem.position, Vec::new());
        while game.outcome(&problem, &state).is_none() {
            moves.clear();
            game.actions(&problem, &state, &mut moves);
            state = game.apply(&problem, &state, &moves[rng.random_range(0..moves.len())]).unwrap();
        }
        game.outcome(&problem, &state) == Some(Outcome::Win(Player::First))
    });
    assert!((fast as f64 - slow.count() as f64).abs() < 0.025 * f64::from(rounds));
}

#[test]
fn hostile_texts_do_not_read() {
    let (game, problem) = game(3);
    for text in ["", ".", ". . / . . .", ". . / . .  ", "x x / . .", ". . . / . . ."] {
        assert_eq!(game.read_problem(text), None, "{text:?}");
    }
    let read = |text| game.read_action(&problem, &problem.position, text, None);
    assert_eq!(read("b3"), Ok(Place { column: 2, row: 3 }));
    for text in ["d1", "a4", "a0", "z9", "a300"] {
        assert_eq!(read(text), Err(ActionFault::Unavailable), "{text:?}");
    }
    for text in ["", "a", "3", "A1", "a1 ", "é1", "a-", "a01"] {
        assert_eq!(read(text), Err(ActionFault::Syntax), "{text:?}");
    }
}
