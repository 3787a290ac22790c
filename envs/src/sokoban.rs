//! Sokoban: a worker pushes boxes onto docks.
//!
//! Moves that are blocked are not actions. A state is dead where a box off its dock stands in a corner of walls: the rule under which the
//! Searchformer heuristic is infinite. The lower bound is that heuristic (each box off a dock to the nearest dock that no box covers); it
//! is admissible, since the boxes off their docks can always be matched to uncovered docks at no more than the true number of pushes, and
//! it is not consistent, so A* has to open closed states again.

mod generate;
mod level;
mod notation;
mod oracle;

use rand_chacha::ChaCha8Rng;

pub use level::{MAX_BOXES, Problem};
pub use oracle::{Answer, NODE_BOUND};

use crate::{
    Canonical, Difficulty, Environment, Facet, Heuristic, IllegalAction, SettingError, Status,
    digits::push_integer,
    grid::{Bitmap, Cell, Grid, Move, Symmetry},
};

/// Where the worker and the boxes are; boxes are sorted, so equal arrangements are equal states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Warehouse {
    worker: Cell,
    len: u8,
    boxes: [Cell; MAX_BOXES],
}

impl Warehouse {
    /// The worker's cell.
    pub fn worker(&self) -> Cell {
        self.worker
    }

    /// The boxes, sorted.
    pub fn boxes(&self) -> &[Cell] {
        &self.boxes[..usize::from(self.len)]
    }

    fn has_box(&self, cell: Cell) -> bool {
        self.boxes().contains(&cell)
    }

    fn push(&mut self, from: Cell, to: Cell) {
        let boxes = &mut self.boxes[..usize::from(self.len)];
        boxes.iter_mut().filter(|cell| **cell == from).for_each(|cell| *cell = to);
        boxes.sort_unstable();
    }
}

/// The environment; made by [`Environment::configure`].
///
/// The size is a side or `WIDTHxHEIGHT` with the border, 6 to 16 (7). Settings: `boxes` (2, at most 6), `walls` (inner walls, 2).
#[derive(Clone, Debug)]
pub struct Sokoban {
    grid: Grid,
    boxes: usize,
    walls: usize,
}

const HEURISTICS: &[Heuristic] = &[Heuristic { name: "docks", is_admissible: true }, Heuristic { name: "undocked", is_admissible: true }];

impl Environment for Sokoban {
    type Problem = Problem;
    type State = Warehouse;
    type Action = Move;

    const NAME: &'static str = "sokoban";
    const HAS_CYCLES: bool = true;

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

    fn initial(&self, problem: &Problem) -> Warehouse {
        problem.start
    }

    fn status(&self, problem: &Problem, state: &Warehouse) -> Status {
        let mut is_solved = true;
        for cell in state.boxes().iter().filter(|cell| !problem.docks.has(**cell)) {
            is_solved = false;
            if is_corner(problem, *cell) {
                return Status::DeadEnd;
            }
        }
        if is_solved { Status::Solved } else { Status::Open }
    }

    fn actions(&self, problem: &Problem, state: &Warehouse, out: &mut Vec<Move>) {
        if self.status(problem, state) == Status::Open {
            out.extend(Move::ALL.into_iter().filter(|step| moved(problem, state, *step).is_some()));
        }
    }

    fn apply(&self, problem: &Problem, state: &Warehouse, action: &Move) -> Result<Warehouse, IllegalAction> {
        moved(problem, state, *action).ok_or_else(|| IllegalAction::new(format!("{} of {} {} is blocked", action.word(), state.worker.x, state.worker.y)))
    }

    fn heuristics(&self) -> &'static [Heuristic] {
        HEURISTICS
    }

    fn heuristic(&self, index: usize, problem: &Problem, state: &Warehouse) -> f64 {
        match self.lower_bound(problem, state) {
            None => f64::INFINITY,
            Some(bound) if index == 0 => f64::from(bound),
            Some(_) => state.boxes().iter().filter(|cell| !problem.docks.has(**cell)).count() as f64,
        }
    }

    fn lower_bound(&self, problem: &Problem, state: &Warehouse) -> Option<u32> {
        let mut total = 0;
        for cell in state.boxes().iter().filter(|cell| !problem.docks.has(**cell)) {
            if is_corner(problem, *cell) {
                return None;
            }
            let uncovered = problem.dock_list().iter().filter(|dock| !state.has_box(**dock));
            total += uncovered.map(|dock| dock.manhattan(*cell)).min().unwrap_or(0);
        }
        Some(total)
    }

    fn is_consistent(&self) -> bool {
        false
    }
}

/// Whether walls (or the edge) bar a box from moving along either axis.
fn is_corner(problem: &Problem, cell: Cell) -> bool {
    let is_wall = |step| problem.grid.step(cell, step).is_none_or(|next| problem.walls.has(next));
    (is_wall(Move::Left) || is_wall(Move::Right)) && (is_wall(Move::Up) || is_wall(Move::Down))
}

/// The state after a step, which pushes the box in the way where there is one; `None` where it is blocked.
fn moved(problem: &Problem, state: &Warehouse, step: Move) -> Option<Warehouse> {
    let free = |cell: Cell| problem.grid.step(cell, step).filter(|next| !problem.walls.has(*next));
    let mut next = *state;
    next.worker = free(state.worker)?;
    if state.has_box(next.worker) {
        let behind = free(next.worker).filter(|cell| !state.has_box(*cell))?;
        next.push(next.worker, behind);
    }
    Some(next)
}

/// The cells that the worker reaches without pushing.
fn region(problem: &Problem) -> Bitmap {
    let mut seen: Bitmap = [problem.start.worker].into_iter().collect();
    let mut stack = vec![problem.start.worker];
    while let Some(cell) = stack.pop() {
        for next in Move::ALL.into_iter().filter_map(|step| problem.grid.step(cell, step)) {
            if !seen.has(next) && !problem.walls.has(next) && !problem.start.has_box(next) {
                seen.insert(next);
                stack.push(next);
            }
        }
    }
    seen
}

impl Canonical for Sokoban {
    /// The least of the eight rotated and reflected levels, with the worker anywhere in the region that it reaches without a push.
    fn canonical_key(&self, problem: &Problem) -> String {
        let key = |symmetry| {
            let (turned, mut key) = (problem.turned(symmetry), String::from("sokoban:"));
            push_integer(&mut key, i64::from(turned.grid.width));
            key.push('x');
            push_integer(&mut key, i64::from(turned.grid.height));
            for set in [turned.walls, turned.docks, turned.start.boxes().iter().copied().collect(), region(&turned)] {
                key.push(':');
                set.write_hex(turned.grid, &mut key);
            }
            key
        };
        Symmetry::all().map(key).min().expect("there are eight symmetries")
    }

    /// The docks and the walls, each as the least of the eight rotated and reflected sets; the sides as [`Grid::facet`].
    fn facet(&self, problem: &Problem, facet: Facet) -> Option<String> {
        let least = |pick: fn(&Problem) -> Bitmap| {
            let key = |symmetry| {
                let (turned, mut key) = (problem.turned(symmetry), String::new());
                pick(&turned).write_hex(turned.grid, &mut key);
                key
            };
            Symmetry::all().map(key).min().expect("there are eight symmetries")
        };
        Some(match facet {
            Facet::Target => least(|problem| problem.docks),
            Facet::Size => problem.grid.facet(),
            Facet::Set => least(|problem| problem.walls),
        })
    }

    /// A box or a dock one cell further.
    fn near_keys(&self, problem: &Problem) -> Vec<String> {
        problem.one_step_away().iter().map(|near| self.canonical_key(near)).collect()
    }

    fn symmetries(&self, problem: &Problem) -> Vec<Problem> {
        Symmetry::all().map(|symmetry| problem.turned(symmetry)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(rows: &[&str]) -> Problem {
        serde_json::from_value(serde_json::json!({ "rows": rows })).unwrap()
    }

    #[test]
    fn blocked_moves_are_not_actions() {
        let problem = level(&["######", "#@$ .#", "#$   #", "#$  .#", "#.   #", "######"]);
        let env = Sokoban::configure(&Difficulty::default()).unwrap();
        let mut actions = Vec::new();
        env.actions(&problem, &env.initial(&problem), &mut actions);
        assert_eq!(actions, [Move::Right], "the box below has a box behind it");
    }

    #[test]
    fn a_box_in_a_corner_off_its_dock_ends_the_branch() {
        let env = Sokoban::configure(&Difficulty::default()).unwrap();
        let dead = level(&["#####", "#$ .#", "# @ #", "#####"]);
        assert_eq!(env.status(&dead, &env.initial(&dead)), Status::DeadEnd);
        assert_eq!(env.lower_bound(&dead, &env.initial(&dead)), None);
        let solved = level(&["#####", "#*  #", "# @*#", "#####"]);
        assert_eq!(env.status(&solved, &env.initial(&solved)), Status::Solved);
    }

    #[test]
    fn the_worker_may_stand_anywhere_in_its_region() {
        let env = Sokoban::configure(&Difficulty::default()).unwrap();
        let key = |rows: &[&str]| env.canonical_key(&level(rows));
        let one = key(&["#######", "#@  # #", "#   $.#", "#   # #", "#######"]);
        assert_eq!(one, key(&["#######", "#   # #", "#  @$.#", "#   # #", "#######"]));
        assert_ne!(one, key(&["#######", "#   #@#", "#   $.#", "#   # #", "#######"]));
    }
}
