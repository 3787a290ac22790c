//! Plans of mazes, replayed on bitmaps, and whether they are shortest.
//!
//! A plan is a list of `up`, `down`, `left`, `right`, or of cells from start to goal as Searchformer writes them (`plan 0 0 plan 0 1`).

use metacot_envs::{
    grid::{Cell, MAX_SIDE, Move},
    maze::Problem,
};

use crate::{
    Fault, FaultKind,
    plan::{Outcome, unsolved},
    verdict::Texts,
};

/// Replays a plan; its moves up to the first fault go to `plan`. Allocates nothing where the plan is legal and `plan` is large enough.
pub fn grade(problem: &Problem, answer: &[u8], plan: &mut Texts) -> Outcome {
    let mut walk = Walk { problem, at: problem.start(), cost: 0 };
    let fault = if answer.trim_ascii_start().starts_with(b"plan ") { walk.cells(answer, plan) } else { walk.words(answer, plan) };
    let ending = |walk: &Walk<'_>| (walk.at != problem.goal()).then(|| unsolved(answer));
    Outcome { fault: fault.or_else(|| ending(&walk)), cost: walk.cost }
}

/// Whether no walk to the goal is shorter than `cost`: floods the maze row by row, all cells of a row at once.
pub fn is_shortest(problem: &Problem, cost: u32) -> bool {
    let (grid, goal) = (problem.grid(), problem.goal());
    if problem.start().manhattan(goal) == cost {
        return true;
    }
    let height = usize::from(grid.height);
    let mut free = [0_u64; MAX_SIDE + 2];
    for (row, walls) in free[1..=height].iter_mut().zip(problem.walls().rows()) {
        *row = !walls & ((1 << grid.width) - 1);
    }
    let mut reached = [0_u64; MAX_SIDE + 2];
    reached[usize::from(problem.start().y) + 1] = 1 << problem.start().x;
    for _ in 1..cost {
        let mut next = reached;
        for y in 1..=height {
            let row = reached[y];
            next[y] |= (row << 1 | row >> 1 | reached[y - 1] | reached[y + 1]) & free[y];
        }
        if next[usize::from(goal.y) + 1] >> goal.x & 1 == 1 {
            return false;
        }
        if next == reached {
            return true;
        }
        reached = next;
    }
    true
}

struct Walk<'a> {
    problem: &'a Problem,
    at: Cell,
    cost: u32,
}

impl Walk<'_> {
    fn words(&mut self, answer: &[u8], plan: &mut Texts) -> Option<Fault> {
        let is_break = |byte: &u8| matches!(byte, b' ' | b',' | b';' | b'\n' | b'\r' | b'\t');
        for (step, word) in answer.split(is_break).filter(|word| !word.is_empty()).enumerate() {
            let action = match word {
                b"down" => Move::Down,
                b"up" => Move::Up,
                b"left" => Move::Left,
                b"right" => Move::Right,
                _ => return Some(Fault::of(FaultKind::Syntax, step, format!("`{}` is no move", crate::verdict::shortened(word)))),
            };
            if let Some(fault) = self.step(action, step, plan) {
                return Some(fault);
            }
        }
        None
    }

    fn cells(&mut self, answer: &[u8], plan: &mut Texts) -> Option<Fault> {
        let mut words = answer.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let mut step = 0;
        while let Some(word) = words.next() {
            let cell = (word == b"plan").then(|| Some(Cell::new(coordinate(words.next()?)?, coordinate(words.next()?)?))).flatten();
            let Some(cell) = cell else { return Some(Fault::new(FaultKind::Syntax, step, "a plan of cells is a list of `plan x y`")) };
            if step == 0 {
                if cell != self.problem.start() {
                    return Some(Fault::new(FaultKind::Illegal, 0, "the plan does not begin at the start"));
                }
            } else {
                let action = Move::ALL.into_iter().find(|action| self.problem.grid().step(self.at, *action) == Some(cell));
                let Some(action) = action else { return Some(Fault::new(FaultKind::Illegal, step, "the next cell is no neighbour inside the grid")) };
                if let Some(fault) = self.step(action, step, plan) {
                    return Some(fault);
                }
            }
            step += 1;
        }
        None
    }

    fn step(&mut self, action: Move, step: usize, plan: &mut Texts) -> Option<Fault> {
        let fault = |kind, why| Some(Fault::of(kind, step, format!("`{}` {why}", action.word())));
        if self.at == self.problem.goal() {
            return fault(FaultKind::Illegal, "stands behind the goal");
        }
        let Some(next) = self.problem.grid().step(self.at, action) else { return fault(FaultKind::Unavailable, "leaves the grid") };
        if self.problem.walls().has(next) {
            return fault(FaultKind::Illegal, "enters a wall");
        }
        (self.at, self.cost) = (next, self.cost + 1);
        plan.push_with(|out| out.push_str(action.word()));
        None
    }
}

/// A coordinate as it is written: one or two digits, no leading zero.
pub(crate) fn coordinate(word: &[u8]) -> Option<u8> {
    match word {
        [digit @ b'0'..=b'9'] => Some(digit - b'0'),
        [tens @ b'1'..=b'9', ones @ b'0'..=b'9'] => Some(10 * (tens - b'0') + (ones - b'0')),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use metacot_envs::{Difficulty, Environment, Oracle, SeedTree, grid::Grid, maze::Maze};

    use super::*;

    fn problem() -> Problem {
        let walls = [(1, 0), (1, 1), (3, 1), (0, 3)].map(Cell::from);
        Problem::new(Grid { width: 4, height: 4 }, walls, Cell::new(0, 0), Cell::new(3, 2)).unwrap()
    }

    #[test]
    fn moves_and_cells_are_replayed() {
        for (answer, kind) in [
            ("down down right right right", None),
            ("down, down; right\nright right", None),
            ("plan 0 0 plan 0 1 plan 0 2 plan 1 2 plan 2 2 plan 3 2", None),
            ("down down right right", Some(FaultKind::WrongAnswer)),
            ("right", Some(FaultKind::Illegal)),
            ("up", Some(FaultKind::Unavailable)),
            ("down down right right right right", Some(FaultKind::Illegal)),
            ("Down", Some(FaultKind::Syntax)),
            ("north", Some(FaultKind::Syntax)),
            ("plan 0 1 plan 0 2", Some(FaultKind::Illegal)),
            ("plan 0 0 plan 0 2", Some(FaultKind::Illegal)),
            ("plan 0 0 plan", Some(FaultKind::Syntax)),
            ("plan 0 0 close 0 1", Some(FaultKind::Syntax)),
            ("plan 00 0", Some(FaultKind::Syntax)),
            ("", Some(FaultKind::Cut)),
        ] {
            assert_eq!(grade(&problem(), answer.as_bytes(), &mut Texts::default()).fault.map(|fault| fault.kind), kind, "{answer:?}");
        }
    }

    #[test]
    fn shortest_is_what_the_oracle_says() {
        let env = Maze::configure(&Difficulty::sized(10)).unwrap();
        for index in 0..200 {
            let problem = env.generate(&mut SeedTree::root(3).stream(index));
            let best = env.optimal_cost(&problem).unwrap();
            assert!(is_shortest(&problem, best), "{problem:?}");
            assert!(!is_shortest(&problem, best + 2), "{problem:?}");
        }
    }
}
