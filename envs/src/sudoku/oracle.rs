//! Exact counting of solutions by backtracking on the most constrained cell.

use super::{
    Board, Problem, Shape, Sudoku,
    board::{MAX_CELLS, Used},
};
use crate::Oracle;

/// Cells that one count fills at most; every published 9x9 puzzle needs far fewer.
pub const NODE_BOUND: usize = 2_000_000;

/// A backtracking count of solutions.
pub(super) struct Counter {
    shape: Shape,
    board: Board,
    used: Used,
    found: usize,
    limit: usize,
    nodes: usize,
    /// The digits in the order in which they are tried.
    pub(super) digits: [u8; 9],
    /// The first solution.
    pub(super) solution: Option<Board>,
}

impl Counter {
    /// Prepares a count that stops at `limit` solutions.
    pub(super) fn new(shape: Shape, board: Board, limit: usize) -> Self {
        let digits = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        Self { shape, board, used: shape.used(&board), found: 0, limit, nodes: 0, digits, solution: None }
    }

    /// The number of solutions, at most the limit; `None` where [`NODE_BOUND`] was met first.
    pub(super) fn count(&mut self) -> Option<usize> {
        let mut empty = [0_u8; MAX_CELLS];
        let mut len = 0;
        for cell in (0..self.shape.cells()).filter(|cell| self.board.digit(*cell) == 0) {
            empty[len] = cell as u8;
            len += 1;
        }
        self.fill(&mut empty[..len]);
        (self.nodes < NODE_BOUND || self.found >= self.limit).then_some(self.found)
    }

    fn fill(&mut self, empty: &mut [u8]) {
        let mut best: Option<(usize, u16)> = None;
        for (position, cell) in empty.iter().enumerate() {
            let candidates = self.used.candidates(self.shape, usize::from(*cell));
            if best.is_none_or(|(_, other)| candidates.count_ones() < other.count_ones()) {
                best = Some((position, candidates));
                if candidates.count_ones() < 2 {
                    break;
                }
            }
        }
        let Some((position, candidates)) = best else {
            self.found += 1;
            self.solution.get_or_insert(self.board);
            return;
        };
        let last = empty.len() - 1;
        empty.swap(position, last);
        let cell = usize::from(empty[last]);
        for digit in self.digits {
            if candidates >> digit & 1 == 1 && self.found < self.limit && self.nodes < NODE_BOUND {
                self.nodes += 1;
                self.board.set(cell, digit);
                self.used.toggle(self.shape, cell, digit);
                self.fill(&mut empty[..last]);
                self.used.toggle(self.shape, cell, digit);
                self.board.set(cell, 0);
            }
        }
        empty.swap(position, last);
    }
}

impl Sudoku {
    /// The number of solutions, counted up to `limit`; `None` where [`NODE_BOUND`] was met first.
    pub fn solutions(&self, problem: &Problem, limit: usize) -> Option<usize> {
        Counter::new(problem.shape, problem.clues, limit).count()
    }

    /// The first solution, digits tried in rising order.
    pub fn solution(&self, problem: &Problem) -> Option<Board> {
        let mut counter = Counter::new(problem.shape, problem.clues, 1);
        counter.count()?;
        counter.solution
    }
}

impl Oracle for Sudoku {
    /// The number of empty cells; also `None` where [`NODE_BOUND`] did not settle it.
    fn optimal_cost(&self, problem: &Problem) -> Option<u32> {
        self.solution(problem).map(|_| problem.clues.empty(problem.shape) as u32)
    }

    /// Filled grids.
    fn num_answers(&self, problem: &Problem, limit: usize) -> Option<usize> {
        self.solutions(problem, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Difficulty, Environment};

    fn problem(rows: &[&str]) -> Problem {
        serde_json::from_value(serde_json::json!({ "rows": rows })).unwrap()
    }

    #[test]
    fn the_empty_grids_have_the_known_numbers_of_solutions() {
        let env = Sudoku::configure(&Difficulty::default()).unwrap();
        assert_eq!(env.solutions(&problem(&["...."; 4]), usize::MAX), Some(288));
        // All 28,200,960 grids of 6x6 in their 6! names: with the first row given, 39,168.
        let rows = ["123456", "......", "......", "......", "......", "......"];
        assert_eq!(env.solutions(&problem(&rows), usize::MAX), Some(39_168));
    }

    #[test]
    fn a_well_known_puzzle_has_its_one_solution() {
        let env = Sudoku::configure(&Difficulty::default()).unwrap();
        let rows = ["53..7....", "6..195...", ".98....6.", "8...6...3", "4..8.3..1", "7...2...6", ".6....28.", "...419..5", "....8..79"];
        assert_eq!(env.solutions(&problem(&rows), 9), Some(1));
        let solution = format!("{:?}", env.solution(&problem(&rows)).unwrap());
        assert_eq!(&solution[..27], "534678912672195348198342567");
    }
}
