//! Maze: walk from start to goal between walls, one cell a step.
//!
//! Layouts come from Searchformer's generator (scattered walls) or are perfect or braided mazes. A state is a cell of two bytes, ordered
//! as Searchformer breaks ties; walls are a bitmap inside the problem, so nothing here allocates.

mod generate;
mod notation;
mod oracle;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct as _};

pub use oracle::Distances;

use crate::{
    Canonical, Difficulty, Environment, Facet, Heuristic, IllegalAction, SettingError, Status,
    digits::push_integer,
    grid::{Bitmap, Cell, Grid, MAX_SIDE, Move, Symmetry},
};

/// Walls, start and goal: `{"width":5,"height":5,"walls":[[x,y],…],"start":[x,y],"goal":[x,y]}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Plain")]
pub struct Problem {
    grid: Grid,
    walls: Bitmap,
    start: Cell,
    goal: Cell,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    width: u8,
    height: u8,
    walls: Vec<Cell>,
    start: Cell,
    goal: Cell,
}

impl Problem {
    /// Makes a problem; walls may repeat.
    ///
    /// # Errors
    /// A side outside 1 to [`MAX_SIDE`], a cell outside the grid, or a start or goal on a wall.
    pub fn new(grid: Grid, walls: impl IntoIterator<Item = Cell>, start: Cell, goal: Cell) -> Result<Self, String> {
        let allowed = 1..=MAX_SIDE as u8;
        if !allowed.contains(&grid.width) || !allowed.contains(&grid.height) {
            return Err(format!("a grid of {}x{} is not allowed; expected sides from 1 to {MAX_SIDE}", grid.width, grid.height));
        }
        let mut set = Bitmap::default();
        for cell in walls {
            if !grid.contains(cell) {
                return Err(format!("wall {} {} lies outside of {}x{}", cell.x, cell.y, grid.width, grid.height));
            }
            set.insert(cell);
        }
        for (name, cell) in [("start", start), ("goal", goal)] {
            if !grid.contains(cell) || set.has(cell) {
                return Err(format!("{name} {} {} is not a free cell of {}x{}", cell.x, cell.y, grid.width, grid.height));
            }
        }
        Ok(Self { grid, walls: set, start, goal })
    }

    /// The sides.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// The walls.
    pub fn walls(&self) -> &Bitmap {
        &self.walls
    }

    /// Where the walk starts.
    pub fn start(&self) -> Cell {
        self.start
    }

    /// Where the walk should end.
    pub fn goal(&self) -> Cell {
        self.goal
    }

    fn turned(&self, symmetry: Symmetry) -> Self {
        Self {
            grid: symmetry.grid(self.grid),
            walls: symmetry.bitmap(self.grid, &self.walls),
            start: symmetry.cell(self.grid, self.start),
            goal: symmetry.cell(self.grid, self.goal),
        }
    }
}

impl TryFrom<Plain> for Problem {
    type Error = String;
    fn try_from(plain: Plain) -> Result<Self, String> {
        Self::new(Grid { width: plain.width, height: plain.height }, plain.walls, plain.start, plain.goal)
    }
}

/// As [`Plain`], without listing the walls first.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Problem", 5)?;
        fields.serialize_field("width", &self.grid.width)?;
        fields.serialize_field("height", &self.grid.height)?;
        fields.serialize_field("walls", &self.walls)?;
        fields.serialize_field("start", &self.start)?;
        fields.serialize_field("goal", &self.goal)?;
        fields.end()
    }
}

/// How walls are laid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Scattered, as in Searchformer.
    Random,
    /// Perfect, by randomized depth-first search: long corridors.
    Dfs,
    /// Perfect, by Kruskal's algorithm: short dead ends.
    Kruskal,
    /// Perfect, by Wilson's algorithm: every spanning tree equally likely.
    Wilson,
    /// Depth-first with dead ends opened, so that there are loops.
    Braided,
}

/// The environment; made by [`Environment::configure`].
///
/// The size is a side or `WIDTHxHEIGHT`, 5 to 40 (10). Settings: `kind` (`random`, `dfs`, `kruskal`, `wilson`, `braided`), `min_walls` and
/// `max_walls` (30 and 50 percent of the cells, kind `random` only), `min_plan` (states of the shortest plan at least, longer side),
/// `braid` (percent of dead ends opened, 100).
#[derive(Clone, Debug)]
pub struct Maze {
    grid: Grid,
    kind: Kind,
    min_walls: usize,
    max_walls: usize,
    min_steps: u32,
    braid: u32,
}

const HEURISTICS: &[Heuristic] = &[
    Heuristic { name: "manhattan", is_admissible: true },
    Heuristic { name: "euclidean", is_admissible: true },
    Heuristic { name: "chebyshev", is_admissible: true },
];

impl Environment for Maze {
    type Problem = Problem;
    type State = Cell;
    type Action = Move;

    const NAME: &'static str = "maze";
    const HAS_CYCLES: bool = true;

    fn configure(difficulty: &Difficulty) -> Result<Self, SettingError> {
        generate::configure(difficulty)
    }

    /// Any side can be read, and only larger ones make mazes worth drawing.
    fn reading(difficulty: &Difficulty) -> Result<Self, SettingError> {
        let grid = Grid::from_size(difficulty, 1, MAX_SIDE as u8, 10)?;
        Ok(Self { grid, ..Self::configure(&Difficulty { size: None, settings: difficulty.settings.clone() })? })
    }

    fn unsaid_size(&self) -> Option<String> {
        Some(format!("{}x{}", self.grid.width, self.grid.height))
    }

    /// Texts leave the size of a maze unsaid.
    fn at(&self, problem: &Problem) -> Option<Self> {
        (problem.grid != self.grid).then(|| Self { grid: problem.grid, ..self.clone() })
    }

    /// Problems cannot be made outside of what is allowed.
    fn validate(&self, _problem: &Problem) -> Result<(), String> {
        Ok(())
    }

    fn generate(&self, rng: &mut ChaCha8Rng) -> Problem {
        generate::generate(self, rng)
    }

    fn initial(&self, problem: &Problem) -> Cell {
        problem.start
    }

    #[inline]
    fn status(&self, problem: &Problem, state: &Cell) -> Status {
        if *state == problem.goal { Status::Solved } else { Status::Open }
    }

    #[inline]
    fn actions(&self, problem: &Problem, state: &Cell, out: &mut Vec<Move>) {
        if *state != problem.goal {
            out.reserve(Move::ALL.len());
            for step in Move::ALL {
                if enter(problem, *state, step).is_some() {
                    out.push(step);
                }
            }
        }
    }

    #[inline]
    fn apply(&self, problem: &Problem, state: &Cell, action: &Move) -> Result<Cell, IllegalAction> {
        enter(problem, *state, *action).ok_or_else(|| IllegalAction::new(format!("{} of {} {} is no free cell", action.word(), state.x, state.y)))
    }

    fn heuristics(&self) -> &'static [Heuristic] {
        HEURISTICS
    }

    fn heuristic(&self, index: usize, problem: &Problem, state: &Cell) -> f64 {
        let (dx, dy) = (state.x.abs_diff(problem.goal.x), state.y.abs_diff(problem.goal.y));
        match index {
            0 => f64::from(state.manhattan(problem.goal)),
            1 => f64::from(u32::from(dx).pow(2) + u32::from(dy).pow(2)).sqrt(),
            _ => f64::from(dx.max(dy)),
        }
    }

    #[inline]
    fn lower_bound(&self, problem: &Problem, state: &Cell) -> Option<u32> {
        Some(state.manhattan(problem.goal))
    }

    #[inline]
    fn dense_states(&self, problem: &Problem) -> Option<usize> {
        Some(problem.grid.cells())
    }

    #[inline]
    fn dense_index(&self, problem: &Problem, state: &Cell) -> usize {
        problem.grid.index(*state)
    }
}

/// The cell behind a step, unless a wall or the edge is in the way.
#[inline]
fn enter(problem: &Problem, cell: Cell, step: Move) -> Option<Cell> {
    problem.grid.step(cell, step).filter(|next| !problem.walls.has(*next))
}

impl Canonical for Maze {
    /// The least of the eight rotated and reflected layouts, with start and goal.
    fn canonical_key(&self, problem: &Problem) -> String {
        // Start and goal decide all but a few problems, so most walls are turned once.
        let ends = |symmetry: &Symmetry| {
            let grid = problem.grid;
            (symmetry.grid(grid).width, symmetry.cell(grid, problem.start), symmetry.cell(grid, problem.goal))
        };
        let least = Symmetry::all().map(|symmetry| ends(&symmetry)).min();
        let turned = Symmetry::all().filter(|symmetry| Some(ends(symmetry)) == least).map(|symmetry| problem.turned(symmetry));
        let problem = turned.min_by_key(|problem| problem.walls).expect("one symmetry is the least");
        let mut key = String::from("maze:");
        push_integer(&mut key, i64::from(problem.grid.width));
        key.push('x');
        push_integer(&mut key, i64::from(problem.grid.height));
        for cell in [problem.start, problem.goal] {
            key.push(':');
            cell.write(&mut key);
        }
        key.push(':');
        problem.walls.write_hex(problem.grid, &mut key);
        key
    }

    /// The least of the eight rotated and reflected layouts without start and goal.
    fn family_key(&self, problem: &Problem) -> String {
        let key = |symmetry: Symmetry| {
            let (turned, mut key) = (problem.turned(symmetry), String::from("maze:"));
            turned.walls.write_hex(turned.grid, &mut key);
            key
        };
        Symmetry::all().map(key).min().unwrap_or_default()
    }

    /// Columns and rows between start and goal, the fewer first, as `3x7`; the sides as [`Grid::facet`]; the walls as in the family key.
    fn facet(&self, problem: &Problem, facet: Facet) -> Option<String> {
        Some(match facet {
            Facet::Target => {
                let (across, down) = (problem.start.x.abs_diff(problem.goal.x), problem.start.y.abs_diff(problem.goal.y));
                format!("{}x{}", across.min(down), across.max(down))
            }
            Facet::Size => problem.grid.facet(),
            Facet::Set => self.family_key(problem),
        })
    }

    /// Start or goal one cell further.
    fn near_keys(&self, problem: &Problem) -> Vec<String> {
        let mut keys = Vec::with_capacity(8);
        for step in Move::ALL {
            let next = |cell: Cell| problem.grid.step(cell, step).filter(|cell| !problem.walls.has(*cell));
            keys.extend(next(problem.start).map(|start| self.canonical_key(&Problem { start, ..problem.clone() })));
            keys.extend(next(problem.goal).map(|goal| self.canonical_key(&Problem { goal, ..problem.clone() })));
        }
        keys
    }

    fn symmetries(&self, problem: &Problem) -> Vec<Problem> {
        Symmetry::all().map(|symmetry| problem.turned(symmetry)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_problems_are_refused() {
        for text in [
            r#"{"width":0,"height":5,"walls":[],"start":[0,0],"goal":[0,0]}"#,
            r#"{"width":41,"height":5,"walls":[],"start":[0,0],"goal":[1,1]}"#,
            r#"{"width":5,"height":5,"walls":[[5,0]],"start":[0,0],"goal":[1,1]}"#,
            r#"{"width":5,"height":5,"walls":[[0,0]],"start":[0,0],"goal":[1,1]}"#,
            r#"{"width":5,"height":5,"walls":[[255,255]],"start":[0,0],"goal":[1,1]}"#,
            r#"{"width":5,"height":5,"walls":[],"start":[0,5],"goal":[1,1]}"#,
            r#"{"width":5,"height":5,"walls":[[-1,0]],"start":[0,0],"goal":[1,1]}"#,
            r#"{"width":5,"height":5,"walls":[],"start":[0,0],"start":[0,1],"goal":[1,1]}"#,
            r#"{"width":1e9,"height":5,"walls":[],"start":[0,0],"goal":[1,1]}"#,
            r#"{"width":5,"height":5,"walls":[],"start":[0,0]}"#,
        ] {
            assert!(serde_json::from_str::<Problem>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn children_come_in_searchformer_order() {
        let env = Maze::configure(&Difficulty::sized(5)).unwrap();
        let problem = Problem::new(Grid { width: 5, height: 5 }, [], Cell::new(2, 2), Cell::new(4, 4)).unwrap();
        let mut actions = Vec::new();
        env.actions(&problem, &Cell::new(2, 2), &mut actions);
        let cells: Vec<Cell> = actions.iter().map(|action| env.apply(&problem, &Cell::new(2, 2), action).unwrap()).collect();
        assert_eq!(cells, [Cell::new(2, 3), Cell::new(2, 1), Cell::new(1, 2), Cell::new(3, 2)]);
    }
}
