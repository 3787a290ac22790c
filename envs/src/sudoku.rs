//! Sudoku on grids of 4x4, 6x6 and 9x9, generated with a unique solution.
//!
//! An action fills one cell with a digit that its row, column and box do not have. Only one cell is offered at a time, the empty one with
//! the fewest candidates (the first of them in reading order), since every solution has to fill every cell: nothing is lost, children
//! differ in the digit only, branches stay few and end early. `order=first` offers the first empty cell instead, for longer searches.

mod board;
mod generate;
mod notation;
mod oracle;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use board::{Board, MAX_CELLS, Shape};
pub use oracle::NODE_BOUND;

use crate::{Canonical, Difficulty, Environment, Facet, Heuristic, IllegalAction, SettingError, Status, grid::Symmetry};

/// The clues: `{"rows":["53..7....",…]}`, a dot for an empty cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Rows", into = "Rows")]
pub struct Problem {
    shape: Shape,
    clues: Board,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    rows: Vec<String>,
}

impl Problem {
    /// Makes a problem of clues.
    ///
    /// # Errors
    /// Two equal clues share a row, column or box.
    pub fn new(shape: Shape, clues: Board) -> Result<Self, String> {
        match (0..shape.cells()).find(|cell| clues.digit(*cell) > 0 && !shape.allows(&clues, *cell, clues.digit(*cell))) {
            Some(cell) => Err(format!("clue {} of cell {} repeats in its row, column or box", clues.digit(cell), cell + 1)),
            None => Ok(Self { shape, clues }),
        }
    }

    /// The kind of grid.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// The clues.
    pub fn clues(&self) -> &Board {
        &self.clues
    }
}

impl TryFrom<Rows> for Problem {
    type Error = String;

    fn try_from(grid: Rows) -> Result<Self, String> {
        let side = grid.rows.len();
        let shape = Shape::of_side(side).ok_or_else(|| format!("{side} rows are not allowed; expected 4, 6 or 9"))?;
        let mut clues = Board::default();
        for (row, text) in grid.rows.iter().enumerate() {
            if text.chars().count() != side {
                return Err(format!("row `{text}` is not allowed; expected {side} digits or dots"));
            }
            for (column, symbol) in text.chars().enumerate() {
                let digit = if symbol == '.' { Some(0) } else { symbol.to_digit(10).filter(|digit| (1..=side as u32).contains(digit)) };
                let digit = digit.ok_or_else(|| format!("`{symbol}` is not allowed; expected a dot or a digit from 1 to {side}"))?;
                clues.set(row * side + column, digit as u8);
            }
        }
        Self::new(shape, clues)
    }
}

impl From<Problem> for Rows {
    fn from(problem: Problem) -> Self {
        let side = problem.shape.side();
        let symbol = |digit: u8| if digit == 0 { '.' } else { char::from(b'0' + digit) };
        let row = |row| (0..side).map(|column| symbol(problem.clues.digit(row * side + column))).collect();
        Self { rows: (0..side).map(row).collect() }
    }
}

/// Writes a digit into a cell; rows and columns count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The row, from 1.
    pub row: u8,
    /// The column, from 1.
    pub column: u8,
    /// The digit, from 1.
    pub digit: u8,
}

/// Which empty cell is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The one with the fewest candidates.
    Constrained,
    /// The first in reading order.
    First,
}

/// The environment; made by [`Environment::configure`].
///
/// The size is the side: 4 (default), 6 or 9. Settings: `clues` (how many are left where the solution stays unique; 6, 14 and 32), `order`
/// (`constrained`, `first`).
#[derive(Clone, Debug)]
pub struct Sudoku {
    shape: Shape,
    clues: usize,
    order: Order,
}

const HEURISTICS: &[Heuristic] = &[Heuristic { name: "empty", is_admissible: true }, Heuristic { name: "candidates", is_admissible: false }];

impl Sudoku {
    /// The cell that is offered and its candidates as bits; `None` where the grid is full. A cell without candidates comes before all others.
    fn offered(&self, problem: &Problem, state: &Board) -> Option<(usize, u16)> {
        let used = problem.shape.used(state);
        let empty = (0..problem.shape.cells()).filter(|cell| state.digit(*cell) == 0).map(|cell| (cell, used.candidates(problem.shape, cell)));
        let mut best: Option<(usize, u16)> = None;
        for (cell, candidates) in empty {
            if candidates == 0 {
                return Some((cell, 0));
            }
            let is_better = best.is_none_or(|(_, other)| self.order == Order::Constrained && candidates.count_ones() < other.count_ones());
            if is_better {
                best = Some((cell, candidates));
            }
        }
        best
    }
}

impl Environment for Sudoku {
    type Problem = Problem;
    type State = Board;
    type Action = Fill;

    const NAME: &'static str = "sudoku";

    fn configure(difficulty: &Difficulty) -> Result<Self, SettingError> {
        generate::configure(difficulty)
    }

    /// Problems cannot be made outside of what is allowed.
    fn validate(&self, _problem: &Problem) -> Result<(), String> {
        Ok(())
    }

    fn generate(&self, rng: &mut ChaCha8Rng) -> Problem {
        generate::generate(self, rng)
    }

    fn initial(&self, problem: &Problem) -> Board {
        problem.clues
    }

    fn status(&self, problem: &Problem, state: &Board) -> Status {
        match self.offered(problem, state) {
            None => Status::Solved,
            Some((_, 0)) => Status::DeadEnd,
            Some(_) => Status::Open,
        }
    }

    fn actions(&self, problem: &Problem, state: &Board, out: &mut Vec<Fill>) {
        if let Some((cell, candidates)) = self.offered(problem, state) {
            let (row, column) = problem.shape.place(cell);
            out.extend((1..=9).filter(|digit| candidates >> digit & 1 == 1).map(|digit| Fill { row, column, digit }));
        }
    }

    fn apply(&self, problem: &Problem, state: &Board, action: &Fill) -> Result<Board, IllegalAction> {
        match self.offered(problem, state) {
            Some((cell, candidates)) if problem.shape.place(cell) == (action.row, action.column) && candidates >> action.digit.min(15) & 1 == 1 => {
                let mut next = *state;
                next.set(cell, action.digit);
                Ok(next)
            }
            _ => Err(IllegalAction::new(format!("r{}c{}={} is not offered", action.row, action.column, action.digit))),
        }
    }

    fn heuristics(&self) -> &'static [Heuristic] {
        HEURISTICS
    }

    fn heuristic(&self, index: usize, problem: &Problem, state: &Board) -> f64 {
        match self.lower_bound(problem, state) {
            None => f64::INFINITY,
            Some(empty) if index == 0 => f64::from(empty),
            Some(_) => {
                let used = problem.shape.used(state);
                let empty = (0..problem.shape.cells()).filter(|cell| state.digit(*cell) == 0);
                empty.map(|cell| f64::from(used.candidates(problem.shape, cell).count_ones())).sum()
            }
        }
    }

    fn lower_bound(&self, problem: &Problem, state: &Board) -> Option<u32> {
        (self.status(problem, state) != Status::DeadEnd).then(|| state.empty(problem.shape) as u32)
    }
}

impl Sudoku {
    /// The problem turned by a symmetry of the grid, with its digits renamed in order of appearance.
    fn turned(problem: &Problem, symmetry: Symmetry) -> Problem {
        let (shape, grid) = (problem.shape, problem.shape.grid());
        let mut turned = Board::default();
        for cell in 0..shape.cells() {
            turned.set(grid.index(symmetry.cell(grid, grid.cell(cell))), problem.clues.digit(cell));
        }
        let (mut names, mut count) = ([0; 10], 0);
        for cell in 0..shape.cells() {
            let digit = usize::from(turned.digit(cell));
            if digit > 0 && names[digit] == 0 {
                count += 1;
                names[digit] = count;
            }
            turned.set(cell, names[digit]);
        }
        Problem { shape, clues: turned }
    }
}

impl Canonical for Sudoku {
    /// The least of the rotations and reflections that keep the boxes, with digits renamed in order of appearance.
    fn canonical_key(&self, problem: &Problem) -> String {
        let variants = problem.shape.symmetries().map(|symmetry| Rows::from(Self::turned(problem, symmetry)).rows.join("/"));
        format!("sudoku:{}", variants.min().expect("the identity is among them"))
    }

    /// The filled grid as its own key (`None` where there is none); the side; which cells have clues, as the least of the symmetric patterns.
    fn facet(&self, problem: &Problem, facet: Facet) -> Option<String> {
        match facet {
            Facet::Target => self.solution(problem).map(|clues| self.canonical_key(&Problem { clues, ..problem.clone() })),
            Facet::Size => Some(problem.shape.side().to_string()),
            Facet::Set => {
                let pattern = |symmetry| Rows::from(Self::turned(problem, symmetry)).rows.join("/").replace(|symbol: char| symbol.is_ascii_digit(), "x");
                problem.shape.symmetries().map(pattern).min()
            }
        }
    }

    /// A clue less, or a clue more that the solution has.
    fn near_keys(&self, problem: &Problem) -> Vec<String> {
        let solution = self.solution(problem);
        let near = (0..problem.shape.cells()).filter_map(|cell| {
            let digit = if problem.clues.digit(cell) > 0 { 0 } else { solution.as_ref()?.digit(cell) };
            let mut near = problem.clone();
            near.clues.set(cell, digit);
            Some(self.canonical_key(&near))
        });
        near.collect()
    }

    fn symmetries(&self, problem: &Problem) -> Vec<Problem> {
        problem.shape.symmetries().map(|symmetry| Self::turned(problem, symmetry)).chain([problem.clone()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_problems_are_refused() {
        for rows in [&[][..], &["1"], &["1234", "....", "....", "..."], &["11..", "....", "....", "...."], &["5...", "....", "....", "...."]] {
            let text = serde_json::json!({ "rows": rows }).to_string();
            assert!(serde_json::from_str::<Problem>(&text).is_err(), "{text}");
        }
        for rows in [["12..", "2...", "....", "...."], ["0...", "....", "....", "...."], ["é...", "....", "....", "...."]] {
            assert!(serde_json::from_value::<Problem>(serde_json::json!({ "rows": rows })).is_err(), "{rows:?}");
        }
    }

    #[test]
    fn the_offered_cell_has_the_fewest_candidates() {
        let problem: Problem = serde_json::from_value(serde_json::json!({ "rows": ["12..", "3...", "....", "...."] })).unwrap();
        let env = Sudoku::configure(&Difficulty::default()).unwrap();
        let mut actions = Vec::new();
        env.actions(&problem, &env.initial(&problem), &mut actions);
        assert_eq!(actions, [Fill { row: 2, column: 2, digit: 4 }]);
        assert!(env.apply(&problem, &env.initial(&problem), &Fill { row: 1, column: 3, digit: 3 }).is_err());
        assert!(env.apply(&problem, &env.initial(&problem), &Fill { row: 255, column: 255, digit: 255 }).is_err());
    }
}
