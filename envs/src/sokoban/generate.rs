//! Settings of Sokoban and the draw of a level.
//!
//! As in Searchformer: a border of walls, random inner walls, boxes at least two cells from the border (never in a corner of the border),
//! then the worker and the docks on free cells; kept if the bounded search solves it.

use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Answer, Problem, Sokoban, level::MAX_BOXES, level::MAX_LEVEL_SIDE, level::Parts};
use crate::{
    Difficulty, Environment, SeedTree, SettingError, Status,
    grid::{Bitmap, Cell, Grid},
};

/// Levels tried before the draw falls back to one that needs a single push; [`configure`] refuses settings that come near.
const LEVELS: usize = 2_000;
/// Of this many levels of a fixed sample at least one must be solvable.
const SAMPLE: u64 = 60;
/// States expanded to settle one drawn level.
const GENERATION_BOUND: usize = 50_000;

pub(super) fn configure(difficulty: &Difficulty) -> Result<Sokoban, SettingError> {
    let settings = &difficulty.settings;
    settings.only(&["boxes", "walls"])?;
    let grid = Grid::from_size(difficulty, 6, MAX_LEVEL_SIDE as u8, 7)?;
    let (inner, core) = (interior(grid, 1).len(), interior(grid, 2).len());
    let boxes = settings.number("boxes", 1..=MAX_BOXES.min(core - 1), MAX_BOXES.min(core - 1).min(2))?;
    let walls = settings.number("walls", 0..=inner / 2 - boxes, 2)?;
    let env = Sokoban { grid, boxes, walls };
    let seeds = SeedTree::root(0).child("sokoban feasibility");
    if !(0..SAMPLE).any(|index| draw(&env, &mut seeds.stream(index)).is_some()) {
        return Err(SettingError::Value {
            name: "boxes".into(),
            value: boxes.to_string(),
            expected: format!("levels of which one in {SAMPLE} is solved within {GENERATION_BOUND} states"),
        });
    }
    Ok(env)
}

pub(super) fn generate(env: &Sokoban, rng: &mut ChaCha8Rng) -> Problem {
    (0..LEVELS).find_map(|_| draw(env, rng)).unwrap_or_else(|| easiest(env))
}

/// The cells at least `distance` from the edge.
fn interior(grid: Grid, distance: u8) -> Vec<Cell> {
    let columns = move || distance..grid.width - distance;
    (distance..grid.height - distance).flat_map(|y| columns().map(move |x| Cell::new(x, y))).collect()
}

fn border(grid: Grid) -> Bitmap {
    let is_edge = |cell: &Cell| cell.x == 0 || cell.y == 0 || cell.x + 1 == grid.width || cell.y + 1 == grid.height;
    (0..grid.cells()).map(|index| grid.cell(index)).filter(is_edge).collect()
}

fn draw(env: &Sokoban, rng: &mut ChaCha8Rng) -> Option<Problem> {
    let mut walls = border(env.grid);
    let mut inner = interior(env.grid, 1);
    let (chosen, _) = inner.partial_shuffle(rng, env.walls);
    chosen.iter().for_each(|cell| walls.insert(*cell));
    let mut core: Vec<Cell> = interior(env.grid, 2).into_iter().filter(|cell| !walls.has(*cell)).collect();
    if core.len() < env.boxes {
        return None;
    }
    let boxes = core.partial_shuffle(rng, env.boxes).0.to_vec();
    let mut free: Vec<Cell> = interior(env.grid, 1).into_iter().filter(|cell| !walls.has(*cell) && !boxes.contains(cell)).collect();
    let worker = free.swap_remove(rng.random_range(0..free.len()));
    if free.len() < env.boxes {
        return None;
    }
    let docks = free.partial_shuffle(rng, env.boxes).0.to_vec();
    let problem = Problem::new(Parts { grid: env.grid, walls, docks, boxes, worker }).ok()?;
    let is_open = env.status(&problem, &env.initial(&problem)) == Status::Open;
    (is_open && matches!(env.answer(&problem, GENERATION_BOUND), Answer::Optimal(_))).then_some(problem)
}

/// A level whose boxes are on docks but for one that is a push away.
fn easiest(env: &Sokoban) -> Problem {
    let worker = Cell::new(1, 2);
    let boxes: Vec<Cell> = interior(env.grid, 2).into_iter().rev().take(env.boxes - 1).chain([Cell::new(2, 2)]).collect();
    let docks: Vec<Cell> = boxes[..env.boxes - 1].iter().copied().chain([Cell::new(3, 2)]).collect();
    Problem::new(Parts { grid: env.grid, walls: border(env.grid), docks, boxes, worker }).expect("its cells are free and differ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Oracle;

    fn configured(size: &str, boxes: &str) -> Result<Sokoban, SettingError> {
        let mut difficulty = Difficulty { size: Some(size.into()), ..Difficulty::default() };
        difficulty.settings.insert("boxes", boxes);
        Sokoban::configure(&difficulty)
    }

    #[test]
    fn the_fallback_is_solvable_where_it_exists() {
        for size in ["7", "8x6", "6x8", "9"] {
            let env = configured(size, "2").unwrap();
            assert_eq!(env.optimal_cost(&easiest(&env)), Some(1), "{size}");
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for (size, boxes) in [("5", "1"), ("17", "2"), ("7", "0"), ("7", "7"), ("6", "4"), ("7", "two"), ("7x7x7", "2")] {
            assert!(configured(size, boxes).is_err(), "{size} {boxes}");
        }
    }
}
