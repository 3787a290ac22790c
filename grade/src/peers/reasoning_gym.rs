//! reasoning-gym 0.1.25: the scores of `countdown`, `puzzle24`, `shortest_path` (our mazes) and `sokoban`.
//!
//! Quirks that are kept: a wrong Countdown answer that evaluates is worth 0.05 and any other 0.01; its numbers are those that stand alone
//! in the text, comments included; `puzzle24` never looks which numbers were given; a longer path is worth half; unknown Sokoban keys do
//! nothing. What SymPy would have to run as code (names, calls, comparisons) counts as what does not evaluate.

use metacot_envs::{Environment, Oracle, Status, countdown::Problem, grid::Move, maze, sokoban as boxes};

use super::{
    python,
    symbolic::{Symbolic, Value},
};
use crate::{Extraction, extract, row::Attempt};

/// What the scorer is handed: the last closed tag of a response. A response without one has no answer.
fn answer(attempt: Attempt<'_>) -> Option<&[u8]> {
    match attempt {
        Attempt::Answer(answer) => Some(answer),
        Attempt::Response(response) => extract(response, Extraction::Tag),
    }
}

fn value(answer: &[u8]) -> Option<Value> {
    python::evaluate(answer, &mut Symbolic::default())
}

/// The score of `countdown`.
pub(crate) fn countdown(problem: &Problem, attempt: Attempt<'_>) -> f64 {
    let Some(answer) = answer(attempt).filter(|answer| !answer.trim_ascii().is_empty()) else { return 0.01 };
    let Some(value) = value(answer).and_then(|value| value.float()) else { return 0.01 };
    let Some(mut used) = lone_numbers(answer) else { return 0.01 };
    let mut given: Vec<u64> = problem.numbers.iter().copied().map(u64::from).collect();
    used.sort_unstable();
    given.sort_unstable();
    let target = f64::from(problem.target);
    let is_close = (value - target).abs() <= 1e-6 + 1e-5 * target;
    if used == given && is_close { 1.0 } else { 0.05 }
}

/// The score of `puzzle24`: four numbers from 1 to 10 that make 24 after rounding towards zero.
pub(crate) fn puzzle24(attempt: Attempt<'_>) -> f64 {
    let Some(answer) = answer(attempt) else { return 0.01 };
    let is_solved = value(answer.trim_ascii()).and_then(|value| value.float()).is_some_and(|value| value.trunc() == 24.0);
    let used = lone_numbers(answer).unwrap_or_default();
    if is_solved && used.len() == 4 && used.iter().all(|number| (1..=10).contains(number)) { 1.0 } else { 0.01 }
}

/// The score of `shortest_path`; walls are its blocked cells.
pub(crate) fn shortest_path(problem: &maze::Problem, attempt: Attempt<'_>) -> f64 {
    let Some(answer) = answer(attempt).and_then(|answer| std::str::from_utf8(answer).ok()) else { return 0.0 };
    let env = maze::Maze::configure(&metacot_envs::Difficulty::default()).expect("the default difficulty is allowed");
    let best = env.optimal_cost(problem);
    let (mut at, mut steps) = (problem.start(), 0);
    let is_legal = answer.split_whitespace().all(|word| {
        steps += 1;
        let next = Move::from_word(word).and_then(|action| problem.grid().step(at, action)).filter(|next| !problem.walls().has(*next));
        next.inspect(|next| at = *next).is_some()
    });
    match best {
        None => f64::from(u8::from(answer.trim() == "infeasible")),
        Some(_) if !is_legal || at != problem.goal() || answer.is_empty() => 0.0,
        Some(best) if steps == best => 1.0,
        Some(_) => 0.5,
    }
}

/// The score of `sokoban`: keys `U D L R`; a key that is blocked does nothing.
pub(crate) fn sokoban(env: &boxes::Sokoban, problem: &boxes::Problem, attempt: Attempt<'_>) -> f64 {
    let mut state = env.initial(problem);
    for key in answer(attempt).unwrap_or_default() {
        let action = match key {
            b'U' => Move::Up,
            b'D' => Move::Down,
            b'L' => Move::Left,
            b'R' => Move::Right,
            _ => continue,
        };
        state = env.apply(problem, &state, &action).unwrap_or(state);
    }
    f64::from(u8::from(env.status(problem, &state) == Status::Solved))
}

/// The runs of digits that no letter, digit or underscore touches; `None` where one is longer than Python reads.
fn lone_numbers(answer: &[u8]) -> Option<Vec<u64>> {
    let mut numbers = Vec::new();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    for word in answer.split(|byte| !is_word(byte)).filter(|word| !word.is_empty() && word.iter().all(u8::is_ascii_digit)) {
        if word.len() > 4_300 {
            return None;
        }
        numbers.push(word.iter().fold(0_u64, |value, digit| value.saturating_mul(10).saturating_add(u64::from(digit - b'0'))));
    }
    Some(numbers)
}
