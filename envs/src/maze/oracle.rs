//! Exact distances: breadth-first search over whole rows of bits for one pair, over flat arrays for all cells.

use super::{Maze, Problem, enter};
use crate::{
    Oracle,
    grid::{Bitmap, Cell, Grid, MAX_SIDE, Move},
};

/// Steps from every cell to one cell.
#[derive(Clone, Debug)]
pub struct Distances {
    grid: Grid,
    steps: Vec<u16>,
}

impl Distances {
    /// The distances of all cells to the goal of a problem.
    pub fn to_goal(problem: &Problem) -> Self {
        Self::from(problem, problem.goal)
    }

    /// The distances of all cells from `source`, which must be free.
    pub fn from(problem: &Problem, source: Cell) -> Self {
        let grid = problem.grid;
        let mut steps = vec![u16::MAX; grid.cells()];
        let mut queue = Vec::with_capacity(grid.cells());
        steps[grid.index(source)] = 0;
        queue.push(source);
        let mut head = 0;
        while let Some(&cell) = queue.get(head) {
            head += 1;
            let next_steps = steps[grid.index(cell)] + 1;
            for next in Move::ALL.into_iter().filter_map(|step| enter(problem, cell, step)) {
                let entry = &mut steps[grid.index(next)];
                if *entry == u16::MAX {
                    *entry = next_steps;
                    queue.push(next);
                }
            }
        }
        Self { grid, steps }
    }

    /// The distance of a cell; `None` where no walk joins them.
    pub fn get(&self, cell: Cell) -> Option<u32> {
        let steps = self.steps[self.grid.index(cell)];
        (steps != u16::MAX).then(|| u32::from(steps))
    }
}

/// The length of the shortest walk between two free cells, by growing a front of bits row by row.
pub(super) fn distance(grid: Grid, walls: &Bitmap, from: Cell, to: Cell) -> Option<u32> {
    if from == to {
        return Some(0);
    }
    if (usize::from(grid.width) + 1) * usize::from(grid.height) <= u128::BITS as usize {
        return small_distance(grid, walls, from, to);
    }
    let height = usize::from(grid.height);
    let row_mask = (1_u64 << grid.width) - 1;
    // One empty row above and below spares the tests at the edges.
    let mut unseen = [0_u64; MAX_SIDE + 2];
    let mut front = [0_u64; MAX_SIDE + 2];
    for (row, wall) in unseen[1..=height].iter_mut().zip(walls.rows()) {
        *row = !wall & row_mask;
    }
    let (from_row, to_row) = (usize::from(from.y) + 1, usize::from(to.y) + 1);
    front[from_row] = 1 << from.x;
    unseen[from_row] &= !front[from_row];
    // The rows that the front has reached.
    let (mut first, mut last) = (from_row, from_row);
    for steps in 1.. {
        (first, last) = ((first - 1).max(1), (last + 1).min(height));
        let mut above = 0;
        let mut any = 0;
        for row in first..=last {
            let here = front[row];
            let grown = (here << 1 | here >> 1 | above | front[row + 1]) & unseen[row];
            above = here;
            front[row] = grown;
            unseen[row] &= !grown;
            any |= grown;
        }
        if front[to_row] >> to.x & 1 == 1 {
            return Some(steps);
        }
        if any == 0 {
            break;
        }
    }
    None
}

/// The same where all rows, each with a spare bit that parts it from the next, fit one word.
fn small_distance(grid: Grid, walls: &Bitmap, from: Cell, to: Cell) -> Option<u32> {
    let stride = u32::from(grid.width) + 1;
    let bit = |cell: Cell| 1_u128 << (u32::from(cell.y) * stride + u32::from(cell.x));
    let row_mask = (1_u64 << grid.width) - 1;
    let rows = walls.rows()[..usize::from(grid.height)].iter().rev();
    let mut unseen = rows.fold(0_u128, |all, wall| all << stride | u128::from(!wall & row_mask));
    let (mut front, goal) = (bit(from), bit(to));
    for steps in 1.. {
        unseen &= !front;
        front = (front << 1 | front >> 1 | front << stride | front >> stride) & unseen;
        if front & goal != 0 {
            return Some(steps);
        }
        if front == 0 {
            break;
        }
    }
    None
}

impl Oracle for Maze {
    fn optimal_cost(&self, problem: &Problem) -> Option<u32> {
        distance(problem.grid, &problem.walls, problem.start, problem.goal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Difficulty, Environment, SeedTree};

    #[test]
    fn bit_rows_agree_with_flat_arrays() {
        let seeds = SeedTree::root(9);
        for size in ["5", "10", "40", "7x23", "31x6", "40x5", "7x16"] {
            let env = Maze::configure(&Difficulty { size: Some(size.into()), ..Difficulty::default() }).unwrap();
            for index in 0..40 {
                let problem = env.generate(&mut seeds.stream(index));
                let distances = Distances::to_goal(&problem);
                for place in 0..problem.grid.cells() {
                    let cell = problem.grid.cell(place);
                    if !problem.walls.has(cell) {
                        assert_eq!(distance(problem.grid, &problem.walls, cell, problem.goal), distances.get(cell), "{size} {index} {cell:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn an_open_grid_is_its_manhattan_distance_and_a_wall_is_the_end() {
        let grid = Grid { width: 6, height: 4 };
        let open = Problem::new(grid, [], Cell::new(0, 0), Cell::new(5, 3)).unwrap();
        let env = Maze::configure(&Difficulty::sized(5)).unwrap();
        assert_eq!(env.optimal_cost(&open), Some(8));
        let closed = Problem::new(grid, (0..4).map(|y| Cell::new(3, y)), Cell::new(0, 0), Cell::new(5, 3)).unwrap();
        assert_eq!(env.optimal_cost(&closed), None);
        assert!(!env.solvable(&closed));
    }
}
