//! Settings of the maze and the draw of a layout with a start and a goal.
//!
//! Scattered walls follow Searchformer: a share of 30 to 50 % of the cells, then random pairs of free cells until the shortest plan has at
//! least as many states as the longer side. One layout gives one problem here, so consecutive problems are independent.
//!
//! Mazes live on the odd sub-grid: rooms are the cells with even coordinates, passages lie between them, and a side of even length keeps
//! a closed last row or column.

use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Kind, Maze, Problem, oracle::distance};
use crate::{
    Difficulty, SeedTree, SettingError,
    grid::{Bitmap, Cell, Grid, MAX_SIDE, Move},
};

/// Random pairs of start and goal tried on one layout.
const PAIRS_PER_LAYOUT: usize = 100;
/// Layouts tried before the draw falls back to an open grid; [`configure`] refuses settings under which that could happen.
const LAYOUTS: usize = 20_000;
/// Of this many layouts of a fixed sample at least one must work.
const SAMPLE: u64 = 500;
const KINDS: &[&str] = &["random", "dfs", "kruskal", "wilson", "braided"];

pub(super) fn configure(difficulty: &Difficulty) -> Result<Maze, SettingError> {
    let settings = &difficulty.settings;
    settings.only(&["kind", "min_walls", "max_walls", "min_plan", "braid"])?;
    let grid = Grid::from_size(difficulty, 5, MAX_SIDE as u8, 10)?;
    let kind = match settings.choice("kind", KINDS, "random")? {
        "dfs" => Kind::Dfs,
        "kruskal" => Kind::Kruskal,
        "wilson" => Kind::Wilson,
        "braided" => Kind::Braided,
        _ => Kind::Random,
    };
    let min_walls = settings.number("min_walls", 0..=70_usize, 30)?;
    let max_walls = settings.number("max_walls", min_walls..=70, min_walls.max(50))?;
    let longer = u32::from(grid.width.max(grid.height));
    let min_plan = settings.number("min_plan", 2..=grid.cells() as u32, longer)?;
    let env = Maze { grid, kind, min_walls, max_walls, min_steps: min_plan - 1, braid: settings.number("braid", 0..=100, 100)? };
    let seeds = SeedTree::root(0).child("maze feasibility");
    if !(0..SAMPLE).any(|index| draw(&env, &mut seeds.stream(index)).is_some()) {
        return Err(SettingError::Value {
            name: "min_plan".into(),
            value: min_plan.to_string(),
            expected: format!("a length that one of {SAMPLE} layouts of {}x{} has", grid.width, grid.height),
        });
    }
    Ok(env)
}

pub(super) fn generate(env: &Maze, rng: &mut ChaCha8Rng) -> Problem {
    (0..LAYOUTS).find_map(|_| draw(env, rng)).unwrap_or_else(|| {
        let goal = Cell::new(env.grid.width - 1, env.grid.height - 1);
        Problem { grid: env.grid, walls: Bitmap::default(), start: Cell::default(), goal }
    })
}

/// One layout; `None` where no pair that was tried is far enough apart.
fn draw(env: &Maze, rng: &mut ChaCha8Rng) -> Option<Problem> {
    let grid = env.grid;
    let walls = match env.kind {
        Kind::Random => scattered(env, rng),
        Kind::Dfs => depth_first(grid, rng),
        Kind::Kruskal => kruskal(grid, rng),
        Kind::Wilson => wilson(grid, rng),
        Kind::Braided => braided(env, rng),
    };
    let mut free = vec![Cell::default(); grid.cells()];
    let mut count = 0;
    for y in 0..grid.height {
        for x in 0..grid.width {
            free[count] = Cell::new(x, y);
            count += usize::from(!walls.has(Cell::new(x, y)));
        }
    }
    (0..PAIRS_PER_LAYOUT).find_map(|_| {
        let (start, goal) = (free[rng.random_range(0..count)], free[rng.random_range(0..count)]);
        let is_far = start != goal && distance(grid, &walls, start, goal).is_some_and(|steps| steps >= env.min_steps);
        is_far.then_some(Problem { grid, walls, start, goal })
    })
}

/// Walls on a uniform share of the cells, each set of that size equally likely.
fn scattered(env: &Maze, rng: &mut ChaCha8Rng) -> Bitmap {
    let cells = env.grid.cells();
    let share = |percent: usize| cells * percent / 100;
    let count = rng.random_range(share(env.min_walls)..=share(env.max_walls)).min(cells - 2);
    let mut order: Vec<u16> = (0..cells as u16).collect();
    let (chosen, _) = order.partial_shuffle(rng, count);
    let mut walls = Bitmap::default();
    for place in chosen {
        walls.insert(env.grid.cell(usize::from(*place)));
    }
    walls
}

/// The rooms of a grid: its cells with even coordinates.
fn rooms(grid: Grid) -> Grid {
    Grid { width: grid.width.div_ceil(2), height: grid.height.div_ceil(2) }
}

fn room_cell(room: Cell) -> Cell {
    Cell::new(2 * room.x, 2 * room.y)
}

/// The passage between two neighbouring rooms.
fn passage(one: Cell, other: Cell) -> Cell {
    Cell::new(one.x + other.x, one.y + other.y)
}

/// Removes the walls of two neighbouring rooms and of the passage between them.
fn join(walls: &mut Bitmap, one: Cell, other: Cell) {
    for cell in [room_cell(one), passage(one, other), room_cell(other)] {
        walls.remove(cell);
    }
}

fn depth_first(grid: Grid, rng: &mut ChaCha8Rng) -> Bitmap {
    let rooms = rooms(grid);
    let mut walls = Bitmap::full(grid);
    let mut stack = vec![rooms.cell(rng.random_range(0..rooms.cells()))];
    while let Some(&room) = stack.last() {
        let mut steps = Move::ALL;
        steps.shuffle(rng);
        let unvisited = |step: &Move| rooms.step(room, *step).filter(|next| walls.has(room_cell(*next)));
        match steps.iter().find_map(unvisited) {
            Some(next) => {
                join(&mut walls, room, next);
                stack.push(next);
            }
            None => {
                stack.pop();
            }
        }
    }
    walls
}

fn kruskal(grid: Grid, rng: &mut ChaCha8Rng) -> Bitmap {
    let rooms = rooms(grid);
    let mut walls = Bitmap::full(grid);
    let mut passages = Vec::new();
    for room in (0..rooms.cells()).map(|index| rooms.cell(index)) {
        passages.extend([Move::Down, Move::Right].into_iter().filter_map(|step| Some((room, rooms.step(room, step)?))));
    }
    passages.shuffle(rng);
    let mut parents: Vec<usize> = (0..rooms.cells()).collect();
    for (one, other) in passages {
        let (first, second) = (root(&mut parents, rooms.index(one)), root(&mut parents, rooms.index(other)));
        if first != second {
            parents[first] = second;
            join(&mut walls, one, other);
        }
    }
    walls
}

/// The representative of a set of rooms, halving the path to it.
fn root(parents: &mut [usize], mut node: usize) -> usize {
    while parents[node] != node {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    node
}

/// Loop-erased random walks; each ends with probability 1, and a room's last exit is all that has to be remembered of it.
fn wilson(grid: Grid, rng: &mut ChaCha8Rng) -> Bitmap {
    let rooms = rooms(grid);
    let mut walls = Bitmap::full(grid);
    let mut is_in_tree = vec![false; rooms.cells()];
    let mut exits = vec![Move::Down; rooms.cells()];
    is_in_tree[rng.random_range(0..rooms.cells())] = true;
    for begin in (0..rooms.cells()).map(|index| rooms.cell(index)) {
        let mut room = begin;
        while !is_in_tree[rooms.index(room)] {
            let step = Move::ALL[rng.random_range(0..4)];
            if let Some(next) = rooms.step(room, step) {
                exits[rooms.index(room)] = step;
                room = next;
            }
        }
        room = begin;
        while !std::mem::replace(&mut is_in_tree[rooms.index(room)], true) {
            let next = rooms.step(room, exits[rooms.index(room)]).expect("only steps inside were remembered");
            join(&mut walls, room, next);
            room = next;
        }
    }
    walls
}

fn braided(env: &Maze, rng: &mut ChaCha8Rng) -> Bitmap {
    let mut walls = depth_first(env.grid, rng);
    let rooms = rooms(env.grid);
    for room in (0..rooms.cells()).map(|index| rooms.cell(index)) {
        let neighbours = || Move::ALL.into_iter().filter_map(|step| rooms.step(room, step));
        let is_dead_end = neighbours().filter(|next| !walls.has(passage(room, *next))).count() == 1;
        if is_dead_end && rng.random_range(0..100) < env.braid {
            let closed: Vec<Cell> = neighbours().filter(|next| walls.has(passage(room, *next))).collect();
            join(&mut walls, room, closed[rng.random_range(0..closed.len())]);
        }
    }
    walls
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Oracle};

    fn configured(size: &str, kind: &str) -> Maze {
        let mut difficulty = Difficulty { size: Some(size.into()), ..Difficulty::default() };
        difficulty.settings.insert("kind", kind);
        Maze::configure(&difficulty).unwrap()
    }

    #[test]
    fn perfect_mazes_have_one_passage_less_than_rooms_and_braided_ones_no_dead_ends() {
        let seeds = SeedTree::root(4);
        for (size, kind) in [("5", "dfs"), ("10", "kruskal"), ("9x15", "wilson"), ("40", "wilson"), ("12", "dfs"), ("11x8", "braided")] {
            let env = configured(size, kind);
            for index in 0..20 {
                let problem = env.generate(&mut seeds.stream(index));
                let all = rooms(env.grid);
                let cells = env.grid.cells() - problem.walls.len();
                let distances = crate::maze::Distances::from(&problem, room_cell(Cell::new(0, 0)));
                assert!((0..all.cells()).all(|room| distances.get(room_cell(all.cell(room))).is_some()), "{kind} is not connected");
                if kind != "braided" {
                    assert_eq!(cells, 2 * all.cells() - 1, "{kind} is no tree");
                } else {
                    let open = |room: Cell| Move::ALL.into_iter().filter(|step| super::super::enter(&problem, room_cell(room), *step).is_some()).count();
                    assert!((0..all.cells()).all(|room| open(all.cell(room)) >= 2));
                }
            }
        }
    }

    #[test]
    fn scattered_walls_and_plans_keep_their_bounds() {
        let seeds = SeedTree::root(5);
        for size in ["5", "10", "20x7", "40"] {
            let env = configured(size, "random");
            let cells = env.grid.cells();
            for index in 0..50 {
                let problem = env.generate(&mut seeds.stream(index));
                assert!((cells * 3 / 10..=cells / 2).contains(&problem.walls.len()));
                assert!(env.optimal_cost(&problem).unwrap() + 1 >= u32::from(env.grid.width.max(env.grid.height)));
            }
        }
    }

    #[test]
    fn every_kind_is_drawn_at_the_most_extreme_sizes() {
        for kind in KINDS {
            for size in ["5", "5x40", "40x5", "40", "6x39"] {
                let env = configured(size, kind);
                let problem = env.generate(&mut SeedTree::root(1).stream(0));
                assert!(!problem.walls.is_empty(), "{kind} {size} fell back to an open grid");
            }
        }
    }

    #[test]
    fn settings_that_no_layout_meets_are_refused() {
        let difficulty = |name: &str, value: &str| {
            let mut difficulty = Difficulty::sized(5);
            difficulty.settings.insert(name, value);
            Maze::configure(&difficulty)
        };
        assert!(difficulty("min_plan", "25").is_err());
        for (name, value) in [("min_plan", "1"), ("min_plan", "26"), ("kind", "prim"), ("min_walls", "71"), ("max_walls", "29"), ("walls", "3")] {
            assert!(difficulty(name, value).is_err(), "{name} = {value}");
        }
    }
}
