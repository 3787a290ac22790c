//! Settings of Sudoku and the draw of a puzzle: a random full grid from which clues are taken while the solution stays unique.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Board, Order, Problem, Shape, Sudoku, board::MAX_CELLS, oracle::Counter};
use crate::{Difficulty, SettingError};

pub(super) fn configure(difficulty: &Difficulty) -> Result<Sudoku, SettingError> {
    let settings = &difficulty.settings;
    settings.only(&["clues", "order"])?;
    let size = difficulty.size.as_deref().unwrap_or("4");
    let (side, fewest, default) = match size {
        "4" => (4, 4, 6),
        "6" => (6, 8, 14),
        "9" => (9, 22, 32),
        _ => return Err(SettingError::Value { name: "size".into(), value: size.into(), expected: "one of 4, 6, 9".into() }),
    };
    let clues = settings.number("clues", fewest..=side * side - 1, default)?;
    let order = if settings.choice("order", &["constrained", "first"], "constrained")? == "first" { Order::First } else { Order::Constrained };
    let shape = Shape::of_side(side).expect("the sides above have shapes");
    Ok(Sudoku { shape, clues, order })
}

pub(super) fn generate(env: &Sudoku, rng: &mut ChaCha8Rng) -> Problem {
    let shape = env.shape;
    let mut clues = full_grid(shape, rng);
    let mut cells = [0_usize; MAX_CELLS];
    cells.iter_mut().enumerate().for_each(|(index, cell)| *cell = index);
    let cells = &mut cells[..shape.cells()];
    cells.shuffle(rng);
    let mut count = shape.cells();
    for &cell in cells.iter() {
        if count == env.clues {
            break;
        }
        let digit = clues.digit(cell);
        clues.set(cell, 0);
        if Counter::new(shape, clues, 2).count() == Some(1) {
            count -= 1;
        } else {
            clues.set(cell, digit);
        }
    }
    Problem { shape, clues }
}

/// A full grid: a random first row, and the rest by backtracking with a random order of digits.
fn full_grid(shape: Shape, rng: &mut ChaCha8Rng) -> Board {
    let mut digits = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    digits[..shape.side()].shuffle(rng);
    let mut board = Board::default();
    (0..shape.side()).for_each(|column| board.set(column, digits[column]));
    // A diagonal of random cells, each legal, keeps the backtracking from always growing the same grid.
    for row in 1..shape.side() {
        let cell = row * shape.side() + (row * 2 + 1) % shape.side();
        digits[..shape.side()].shuffle(rng);
        let chosen = digits[..shape.side()].iter().copied().find(|digit| shape.allows(&board, cell, *digit));
        board.set(cell, chosen.unwrap_or(0));
        if Counter::new(shape, board, 1).count() != Some(1) {
            board.set(cell, 0);
        }
    }
    digits[..shape.side()].shuffle(rng);
    let mut counter = Counter::new(shape, board, 1);
    counter.digits = digits;
    counter.count();
    counter.solution.expect("every step above kept a solution")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, SeedTree};

    #[test]
    fn puzzles_have_one_solution_and_differ() {
        let seeds = SeedTree::root(8);
        for (size, count) in [("4", 60), ("6", 30), ("9", 10)] {
            let env = Sudoku::configure(&Difficulty { size: Some(size.into()), ..Difficulty::default() }).unwrap();
            let mut seen = std::collections::BTreeSet::new();
            for index in 0..count {
                let problem = env.generate(&mut seeds.stream(index));
                assert_eq!(env.solutions(&problem, 2), Some(1), "{problem:?}");
                assert!(problem.shape.cells() - problem.clues.empty(problem.shape) >= env.clues);
                seen.insert(env.solution(&problem));
            }
            assert!(seen.len() as u64 * 10 > count * 7, "{size}: {} of {count} grids", seen.len());
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for (size, name, value) in
            [("5", "clues", "6"), ("4", "clues", "3"), ("4", "clues", "16"), ("9", "clues", "21"), ("4", "order", "last"), ("4", "box", "2")]
        {
            let mut difficulty = Difficulty { size: Some(size.into()), ..Difficulty::default() };
            difficulty.settings.insert(name, value);
            assert!(Sudoku::configure(&difficulty).is_err(), "{size} {name}={value}");
        }
    }
}
