//! A level as rows of characters: `#` wall, `@` worker, `$` box, `.` dock, `*` box on a dock, `+` worker on a dock, space floor.

use serde::{Deserialize, Serialize};

use super::Warehouse;
use crate::grid::{Bitmap, Cell, Grid, Move, Symmetry};

/// The most boxes of a level.
pub const MAX_BOXES: usize = 6;
/// The longest side of a level, border included.
pub const MAX_LEVEL_SIDE: usize = 16;

/// Walls, docks, boxes and the worker: `{"rows":["#######","#@ $. #",…]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Rows", into = "Rows")]
pub struct Problem {
    pub(super) grid: Grid,
    pub(super) walls: Bitmap,
    pub(super) docks: Bitmap,
    dock_cells: [Cell; MAX_BOXES],
    pub(super) start: Warehouse,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    rows: Vec<String>,
}

/// The parts of a level before they are checked.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub(super) grid: Grid,
    pub(super) walls: Bitmap,
    pub(super) docks: Vec<Cell>,
    pub(super) boxes: Vec<Cell>,
    pub(super) worker: Cell,
}

impl Problem {
    /// Checks the parts: sides, one to six boxes with as many docks, nothing twice on a cell, nothing on a wall.
    pub(super) fn new(parts: Parts) -> Result<Self, String> {
        let Parts { grid, walls, mut docks, mut boxes, worker } = parts;
        let sides = 1..=MAX_LEVEL_SIDE as u8;
        if !sides.contains(&grid.width) || !sides.contains(&grid.height) {
            return Err(format!("a level of {}x{} is not allowed; expected sides from 1 to {MAX_LEVEL_SIDE}", grid.width, grid.height));
        }
        if boxes.is_empty() || boxes.len() > MAX_BOXES || docks.len() != boxes.len() {
            return Err(format!("{} boxes and {} docks are not allowed; expected 1 to {MAX_BOXES} of each, as many", boxes.len(), docks.len()));
        }
        docks.sort_unstable();
        boxes.sort_unstable();
        let has_repeat = |cells: &[Cell]| cells.windows(2).any(|pair| pair[0] == pair[1]);
        if has_repeat(&docks) || has_repeat(&boxes) || boxes.contains(&worker) {
            return Err("two of a kind, or worker and box, share a cell".into());
        }
        for cell in docks.iter().chain(&boxes).chain([&worker]) {
            if !grid.contains(*cell) || walls.has(*cell) {
                return Err(format!("{} {} is not a free cell of {}x{}", cell.x, cell.y, grid.width, grid.height));
            }
        }
        let mut start = Warehouse { worker, len: boxes.len() as u8, boxes: [Cell::default(); MAX_BOXES] };
        start.boxes[..boxes.len()].copy_from_slice(&boxes);
        let mut dock_cells = [Cell::default(); MAX_BOXES];
        dock_cells[..docks.len()].copy_from_slice(&docks);
        Ok(Self { grid, walls, docks: docks.into_iter().collect(), dock_cells, start })
    }

    /// The sides, border included.
    pub fn grid(&self) -> Grid {
        self.grid
    }

    /// The walls.
    pub fn walls(&self) -> &Bitmap {
        &self.walls
    }

    /// The docks, sorted; as many as there are boxes.
    pub fn dock_list(&self) -> &[Cell] {
        &self.dock_cells[..usize::from(self.start.len)]
    }

    /// The levels in which one box or one dock stands one cell further.
    pub(super) fn one_step_away(&self) -> Vec<Self> {
        let parts =
            |docks: &[Cell], boxes: &[Cell]| Parts { grid: self.grid, walls: self.walls, docks: docks.into(), boxes: boxes.into(), worker: self.start.worker };
        let (docks, boxes) = (self.dock_list(), self.start.boxes());
        let mut levels = Vec::new();
        for place in 0..boxes.len() {
            for step in Move::ALL {
                let moved = |cells: &[Cell]| {
                    let mut cells = cells.to_vec();
                    cells[place] = self.grid.step(cells[place], step)?;
                    Some(cells)
                };
                levels.extend(moved(boxes).and_then(|boxes| Self::new(parts(docks, &boxes)).ok()));
                levels.extend(moved(docks).and_then(|docks| Self::new(parts(&docks, boxes)).ok()));
            }
        }
        levels
    }

    pub(super) fn turned(&self, symmetry: Symmetry) -> Self {
        let turn = |cell: &Cell| symmetry.cell(self.grid, *cell);
        let parts = Parts {
            grid: symmetry.grid(self.grid),
            walls: symmetry.bitmap(self.grid, &self.walls),
            docks: self.dock_list().iter().map(turn).collect(),
            boxes: self.start.boxes().iter().map(turn).collect(),
            worker: turn(&self.start.worker),
        };
        Self::new(parts).expect("a symmetry keeps a level whole")
    }
}

impl TryFrom<Rows> for Problem {
    type Error = String;

    fn try_from(level: Rows) -> Result<Self, String> {
        let width = level.rows.iter().map(|row| row.chars().count()).max().unwrap_or(0);
        if level.rows.len() > MAX_LEVEL_SIDE || width > MAX_LEVEL_SIDE {
            return Err(format!("a level of {width}x{} is not allowed; expected sides from 1 to {MAX_LEVEL_SIDE}", level.rows.len()));
        }
        let grid = Grid { width: width as u8, height: level.rows.len() as u8 };
        let (mut walls, mut docks, mut boxes, mut worker) = (Bitmap::default(), Vec::new(), Vec::new(), None);
        for (y, row) in level.rows.iter().enumerate() {
            for (x, symbol) in row.chars().enumerate() {
                let cell = Cell::new(x as u8, y as u8);
                match symbol {
                    '#' => walls.insert(cell),
                    ' ' | '@' | '$' | '.' | '*' | '+' => {}
                    _ => return Err(format!("`{symbol}` is not allowed in a level; expected one of `#@$.*+` or a space")),
                }
                if matches!(symbol, '.' | '*' | '+') {
                    docks.push(cell);
                }
                if matches!(symbol, '$' | '*') {
                    boxes.push(cell);
                }
                if matches!(symbol, '@' | '+') && worker.replace(cell).is_some() {
                    return Err("there is more than one worker".into());
                }
            }
        }
        let worker = worker.ok_or("there is no worker")?;
        Self::new(Parts { grid, walls, docks, boxes, worker })
    }
}

impl From<Problem> for Rows {
    fn from(problem: Problem) -> Self {
        let symbol = |cell: Cell| match (problem.docks.has(cell), problem.start.has_box(cell), problem.start.worker == cell) {
            _ if problem.walls.has(cell) => '#',
            (true, true, _) => '*',
            (false, true, _) => '$',
            (true, _, true) => '+',
            (false, _, true) => '@',
            (true, ..) => '.',
            _ => ' ',
        };
        let row = |y| (0..problem.grid.width).map(|x| symbol(Cell::new(x, y))).collect();
        Self { rows: (0..problem.grid.height).map(row).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_levels_are_refused() {
        for rows in [&[][..], &[""], &["#@#"], &["@$"], &["@$.@"], &["@$$."], &["$."], &["@x$."], &["@$.                "], &["@$$$$$$$......."], &["@$.٣"]] {
            let text = serde_json::json!({ "rows": rows }).to_string();
            assert!(serde_json::from_str::<Problem>(&text).is_err(), "{text}");
        }
        let tall = serde_json::json!({ "rows": vec!["@$."; 17] }).to_string();
        assert!(serde_json::from_str::<Problem>(&tall).is_err());
    }
}
