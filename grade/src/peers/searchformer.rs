//! Searchformer's check of a response: whether its plan counts as solving, 1 or 0.
//!
//! Quirks that are kept: the trace is never looked at; the plan begins at the first `plan` and is read in threes whose first word does not
//! matter; the end mark may be missing; cells outside of a maze count as free; a Sokoban plan is a list of relative moves from wherever it
//! says it begins, and moves that are blocked do nothing.

use metacot_envs::{
    Environment, Status,
    grid::{Cell, Move},
    maze,
    sokoban::{self, Sokoban},
};

/// Whether a maze response counts as solved.
pub(crate) fn maze(problem: &maze::Problem, response: &[u8]) -> f64 {
    let is_wall = |&(x, y): &(i64, i64)| match (u8::try_from(x), u8::try_from(y)) {
        (Ok(x), Ok(y)) => problem.grid().contains(Cell::new(x, y)) && problem.walls().has(Cell::new(x, y)),
        _ => false,
    };
    let place = |cell: Cell| Some((i64::from(cell.x), i64::from(cell.y)));
    let is_solved = cells(response).is_some_and(|cells| {
        let is_walk = cells.windows(2).all(|pair| (pair[0].0 - pair[1].0).abs() + (pair[0].1 - pair[1].1).abs() == 1);
        is_walk && !cells.iter().any(is_wall) && cells.first().copied() == place(problem.start()) && cells.last().copied() == place(problem.goal())
    });
    f64::from(u8::from(is_solved))
}

/// Whether a Sokoban response counts as solved.
pub(crate) fn sokoban(env: &Sokoban, problem: &sokoban::Problem, response: &[u8]) -> f64 {
    let is_solved = cells(response).is_some_and(|cells| {
        let mut state = env.initial(problem);
        cells.windows(2).all(|pair| {
            let action = match (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1) {
                (0, 1) => Move::Down,
                (0, -1) => Move::Up,
                (-1, 0) => Move::Left,
                (1, 0) => Move::Right,
                _ => return false,
            };
            state = env.apply(problem, &state, &action).unwrap_or(state);
            true
        }) && env.status(problem, &state) == Status::Solved
    });
    f64::from(u8::from(is_solved))
}

/// The cells of the plan; `None` where there is none or it does not come in threes.
fn cells(response: &[u8]) -> Option<Vec<(i64, i64)>> {
    let words = response.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let words = words.skip_while(|word| *word != b"plan").take_while(|word| *word != b"eos" && *word != b"<eos>");
    let (mut cells, mut part) = (Vec::new(), 0);
    for word in words {
        match part {
            0 => {}
            1 => cells.push((coordinate(word)?, 0)),
            _ => cells.last_mut()?.1 = coordinate(word)?,
        }
        part = (part + 1) % 3;
    }
    (part == 0 && !cells.is_empty()).then_some(cells)
}

fn coordinate(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse::<i32>().ok().map(i64::from)
}
