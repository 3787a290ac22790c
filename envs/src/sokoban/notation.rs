//! How a level is written: `worker 1 1 box 3 2 dock 4 4 wall 0 0 …` as the prompt, `worker 1 2 box 3 3` for a state, `down` for a move.
//!
//! As in Searchformer, cells of a kind are sorted by their text, a state names only the boxes that are not on a dock, and the sides are not
//! written: they follow from the farthest wall. A level that they do not follow from begins with `size WIDTH HEIGHT`.

use super::{Problem, Sokoban, Warehouse, level::Parts, moved};
use crate::{
    ActionFault, Environment, Language, Notation, Pattern, Status, Symbols,
    grid::{Bitmap, Cell, Grid, Move},
};

/// Appends ` NAME x y` for each cell, in order of the texts `x-y`.
fn write_sorted(name: &str, cells: impl Iterator<Item = Cell>, out: &mut String) {
    // The text order of a number below 100 is that of its first digit and then of its second, none before any.
    let digits = |value: u8| if value < 10 { (value, 0) } else { (value / 10, 1 + value % 10) };
    let mut cells: Vec<Cell> = cells.collect();
    cells.sort_by_key(|cell| (digits(cell.x), digits(cell.y)));
    for cell in cells {
        out.push(' ');
        out.push_str(name);
        out.push(' ');
        cell.write(out);
    }
}

fn write_worker(state: &Warehouse, out: &mut String) {
    out.push_str("worker ");
    state.worker.write(out);
}

fn write_sides(grid: Grid, out: &mut String) {
    out.push_str("size ");
    Cell::new(grid.width, grid.height).write(out);
    out.push(' ');
}

/// Appends what is the same in all states of a level.
fn write_layout(problem: &Problem, out: &mut String) {
    write_sorted("dock", problem.dock_list().iter().copied(), out);
    write_sorted("wall", problem.walls.iter(), out);
}

/// The sides that a reader infers: one more than the largest coordinates.
fn inferred(cells: impl Iterator<Item = Cell>) -> Grid {
    cells.fold(Grid { width: 0, height: 0 }, |grid, cell| Grid {
        width: grid.width.max(cell.x.saturating_add(1)),
        height: grid.height.max(cell.y.saturating_add(1)),
    })
}

impl Notation for Sokoban {
    const ACTION_NOUN: &'static str = "Move";
    const STATE_NOUN: &'static str = "Position";

    fn symbols(&self) -> Symbols {
        let words = ["size", "worker", "box", "dock", "wall", "down", "up", "left", "right", " ", ","];
        Symbols { phrases: words.map(String::from).to_vec(), has_integers: true, largest_input: u32::from(self.grid.width.max(self.grid.height)) }
    }

    fn write_state(&self, problem: &Problem, state: &Warehouse, out: &mut String) {
        let named = problem.walls.iter().chain(problem.dock_list().iter().copied()).chain(state.boxes().iter().copied()).chain([state.worker]);
        if inferred(named) != problem.grid {
            write_sides(problem.grid, out);
        }
        write_worker(state, out);
        write_sorted("box", state.boxes().iter().copied(), out);
        write_layout(problem, out);
    }

    fn write_successor(&self, problem: &Problem, state: &Warehouse, out: &mut String) {
        write_worker(state, out);
        write_sorted("box", state.boxes().iter().copied().filter(|cell| !problem.docks.has(*cell)), out);
    }

    fn write_place(&self, _problem: &Problem, state: &Warehouse, out: &mut String) {
        state.worker.write(out);
    }

    fn write_action(&self, _problem: &Problem, _state: &Warehouse, action: &Move, out: &mut String) {
        out.push_str(action.word());
    }

    /// The number of boxes on docks and the number of boxes.
    fn write_comparison(&self, problem: &Problem, state: &Warehouse, out: &mut String) {
        let docked = state.boxes().iter().filter(|cell| problem.docks.has(**cell)).count();
        crate::digits::push_integer(out, docked as i64);
        out.push(',');
        crate::digits::push_integer(out, i64::from(state.len));
    }

    fn language(&self, problem: Option<&Problem>) -> Language {
        let (grid, boxes) = problem.map_or((self.grid, self.boxes), |problem| (problem.grid, problem.dock_list().len()));
        let (cell, boxes) = (grid.pattern(), boxes as u32);
        let a_box = || Pattern::line(&[" box ", ""], [cell.clone()]);
        let worker = || Pattern::line(&["worker ", ""], [cell.clone()]);
        let layout = match problem {
            Some(problem) => {
                let mut layout = String::new();
                write_layout(problem, &mut layout);
                Pattern::text(layout)
            }
            None => Pattern::sequence(["dock", "wall"].map(|name| Pattern::line(&[&format!(" {name} "), ""], [cell.clone()]).many())),
        };
        let sides = match problem {
            Some(problem) if inferred(problem.walls.iter().chain(problem.dock_list().iter().copied())) == problem.grid => Pattern::sequence([]),
            _ => {
                let mut sides = String::new();
                write_sides(grid, &mut sides);
                Pattern::text(sides).optional()
            }
        };
        Language {
            action: Move::words(),
            state: Pattern::sequence([sides, worker(), a_box().repeat(boxes, boxes), layout]),
            successor: Pattern::sequence([worker(), a_box().repeat(0, boxes)]),
            place: cell.clone(),
            comparison: Pattern::line(&["", &format!(",{boxes}")], [Pattern::integers(0..=boxes.into())]),
        }
    }

    fn read_problem(&self, text: &str) -> Option<Problem> {
        let mut words = text.split(' ').peekable();
        let sides = if words.next_if_eq(&"size").is_some() { Some(Cell::read(&mut words)?) } else { None };
        let (mut walls, mut docks, mut boxes, mut worker) = (Bitmap::default(), Vec::new(), Vec::new(), None);
        let mut last = Grid { width: 0, height: 0 };
        while let Some(word) = words.next() {
            let cell = Cell::read(&mut words).filter(|cell| cell.x < 16 && cell.y < 16)?;
            last = inferred([cell, Cell::new(last.width.saturating_sub(1), last.height.saturating_sub(1))].into_iter());
            match word {
                "worker" if worker.is_none() => worker = Some(cell),
                "box" => boxes.push(cell),
                "dock" => docks.push(cell),
                "wall" => walls.insert(cell),
                _ => return None,
            }
        }
        let grid = sides.map_or(last, |sides| Grid { width: sides.x, height: sides.y });
        if walls.iter().any(|cell| !grid.contains(cell)) {
            return None;
        }
        Problem::new(Parts { grid, walls, docks, boxes, worker: worker? }).ok()
    }

    fn read_action(&self, problem: &Problem, state: &Warehouse, text: &str, _effect: Option<&str>) -> Result<Move, ActionFault> {
        let step = Move::from_word(text).ok_or(ActionFault::Syntax)?;
        if self.status(problem, state) != Status::Open {
            return Err(ActionFault::Illegal);
        }
        match (moved(problem, state, step), problem.grid.step(state.worker, step)) {
            (Some(_), _) => Ok(step),
            (None, Some(_)) => Err(ActionFault::Illegal),
            (None, None) => Err(ActionFault::Unavailable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Difficulty, SeedTree};

    #[test]
    fn default_prompts_have_the_93_words_of_the_reference() {
        let env = Sokoban::configure(&Difficulty::default()).unwrap();
        let problem = env.generate(&mut SeedTree::root(1).stream(0));
        let mut text = String::new();
        env.write_state(&problem, &env.initial(&problem), &mut text);
        assert_eq!(text.split(' ').count(), 93, "{text}");
    }

    #[test]
    fn cells_are_sorted_as_text() {
        let mut out = String::new();
        write_sorted("box", [(2, 1), (10, 3), (1, 12), (1, 2), (1, 1), (0, 9)].into_iter().map(Cell::from), &mut out);
        assert_eq!(out, " box 0 9 box 1 1 box 1 12 box 1 2 box 10 3 box 2 1");
    }

    #[test]
    fn levels_without_a_border_keep_their_sides() {
        let env = Sokoban::configure(&Difficulty::default()).unwrap();
        let problem: Problem = serde_json::from_str(r#"{"rows":["@ $ .  ","       "]}"#).unwrap();
        let mut text = String::new();
        env.write_state(&problem, &env.initial(&problem), &mut text);
        assert_eq!(text, "size 7 2 worker 0 0 box 2 0 dock 4 0");
        assert_eq!(env.read_problem(&text), Some(problem));
    }

    #[test]
    fn hostile_texts_do_not_read() {
        let env = Sokoban::configure(&Difficulty::default()).unwrap();
        for text in [
            "",
            "worker",
            "worker 1 1",
            "worker 1 1 box 2 2",
            "worker 1 1 worker 1 2 box 2 2 dock 3 3",
            "worker 1 1 box 1 1 dock 3 3",
            "worker 1 1 box 2 2 dock 3 3 wall 2 2",
            "worker 1 1 box 2 2 dock 3 3 wall 200 2",
            "worker 1 1 box 2 2 dock 3 3 ",
            "worker 1 1 box 2 2 dock 3 3 rock 4 4",
            "size 2 2 worker 1 1 box 2 2 dock 3 3",
            "size 0 0 worker 0 0 box 0 0 dock 0 0",
            "size 99 99 worker 1 1 box 2 2 dock 3 3",
            "size 4 4 worker 1 1 box 2 2 dock 3 3 wall 9 9",
        ] {
            assert_eq!(env.read_problem(text), None, "{text:?}");
        }
    }
}
