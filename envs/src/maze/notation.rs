//! How a maze is written: `start 0 0 goal 3 2 wall 1 0 wall 1 1`, `0 1`, `down`.
//!
//! Walls come in ascending row-major order, as in Searchformer's prompts. The sides are part of the text (`size 4 4 start …`) only where
//! they differ from those that the environment was configured with.

use super::{Maze, Problem, enter};
use crate::{
    ActionFault, Environment, Language, Notation, Pattern, Symbols,
    digits::read_integer,
    grid::{Cell, Grid, Move},
};

impl Notation for Maze {
    const ACTION_NOUN: &'static str = "Move";
    const STATE_NOUN: &'static str = "Position";

    fn symbols(&self) -> Symbols {
        let words = ["size", "start", "goal", "wall", "down", "up", "left", "right", " ", ","];
        Symbols { phrases: words.map(String::from).to_vec(), has_integers: true, largest_input: u32::from(self.grid.width.max(self.grid.height)) }
    }

    fn write_state(&self, problem: &Problem, state: &Cell, out: &mut String) {
        write_sides(self.grid, problem, out);
        state.write(out);
        write_layout(problem, out);
    }

    #[inline]
    fn write_successor(&self, _problem: &Problem, state: &Cell, out: &mut String) {
        state.write(out);
    }

    fn write_action(&self, _problem: &Problem, _state: &Cell, action: &Move, out: &mut String) {
        out.push_str(action.word());
    }

    fn write_comparison(&self, problem: &Problem, state: &Cell, out: &mut String) {
        state.write(out);
        out.push(',');
        problem.goal.write(out);
    }

    fn language(&self, problem: Option<&Problem>) -> Language {
        let cell = problem.map_or(self.grid, |problem| problem.grid).pattern();
        let (state, goal) = match problem {
            Some(problem) => {
                let (mut before, mut behind, mut goal) = (String::new(), String::new(), String::new());
                write_sides(self.grid, problem, &mut before);
                write_layout(problem, &mut behind);
                problem.goal.write(&mut goal);
                (Pattern::line(&[&before, &behind], [cell.clone()]), Pattern::text(goal))
            }
            None => {
                let walls = Pattern::line(&[" wall ", ""], [cell.clone()]).many();
                (Pattern::line(&["start ", " goal ", "", ""], [cell.clone(), cell.clone(), walls]), cell.clone())
            }
        };
        let comparison = Pattern::line(&["", ",", ""], [cell.clone(), goal]);
        Language { action: Move::words(), state, successor: cell.clone(), place: cell, comparison }
    }

    fn read_problem(&self, text: &str) -> Option<Problem> {
        let mut words = text.split(' ');
        let mut word = words.next()?;
        let mut grid = self.grid;
        if word == "size" {
            let mut side = || u8::try_from(read_integer(words.next()?)?).ok();
            grid = Grid { width: side()?, height: side()? };
            word = words.next()?;
        }
        let start = (word == "start").then(|| Cell::read(&mut words))??;
        let goal = (words.next()? == "goal").then(|| Cell::read(&mut words))??;
        let mut walls = Vec::new();
        while let Some(word) = words.next() {
            walls.push((word == "wall").then(|| Cell::read(&mut words))??);
        }
        Problem::new(grid, walls, start, goal).ok()
    }

    fn read_action(&self, problem: &Problem, state: &Cell, text: &str, _effect: Option<&str>) -> Result<Move, ActionFault> {
        let step = Move::from_word(text).ok_or(ActionFault::Syntax)?;
        match (enter(problem, *state, step), problem.grid.step(*state, step)) {
            _ if self.status(problem, state) != crate::Status::Open => Err(ActionFault::Illegal),
            (Some(_), _) => Ok(step),
            (None, Some(_)) => Err(ActionFault::Illegal),
            (None, None) => Err(ActionFault::Unavailable),
        }
    }
}

/// Appends what stands before the cell of a state.
fn write_sides(unsaid: Grid, problem: &Problem, out: &mut String) {
    if problem.grid != unsaid {
        out.push_str("size ");
        Cell::new(problem.grid.width, problem.grid.height).write(out);
        out.push(' ');
    }
    out.push_str("start ");
}

/// Appends what stands behind the cell of a state.
fn write_layout(problem: &Problem, out: &mut String) {
    out.push_str(" goal ");
    problem.goal.write(out);
    for cell in problem.walls.iter() {
        out.push_str(" wall ");
        cell.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Difficulty, Oracle};

    #[test]
    fn searchformer_prompts_read_as_they_are() {
        let env = Maze::configure(&Difficulty::sized(5)).unwrap();
        let text = "size 4 4 start 0 0 goal 3 2 wall 1 0 wall 1 1 wall 3 1 wall 0 3";
        let problem = env.read_problem(text).unwrap();
        assert_eq!(env.optimal_cost(&problem), Some(5));
        let mut out = String::new();
        env.write_state(&problem, &Cell::new(0, 0), &mut out);
        assert_eq!(out, text);
        assert_eq!(env.read_problem("start 0 0 goal 3 2 wall 1 0").unwrap().grid(), Grid { width: 5, height: 5 });
    }

    #[test]
    fn hostile_texts_do_not_read() {
        let env = Maze::configure(&Difficulty::sized(5)).unwrap();
        for text in [
            "",
            "start",
            "start 0",
            "start 0 0",
            "start 0 0 goal",
            "start 0 0 goal 9 9",
            "start 0 0 goal 1 1 wall",
            "start 0 0 goal 1 1 wall 1",
            "start 0 0 goal 1 1 wall 0 0",
            "start 0 0  goal 1 1",
            "start 0 0 goal 1 1 ",
            "start 00 0 goal 1 1",
            "start -1 0 goal 1 1",
            "start 0 0 goal 1 1 wall 99999999999999999999 1",
            "size 0 0 start 0 0 goal 0 0",
            "size 300 300 start 0 0 goal 1 1",
            "size 5 start 0 0 goal 1 1",
            "goal 1 1 start 0 0",
        ] {
            assert_eq!(env.read_problem(text), None, "{text:?}");
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let env = Maze::configure(&Difficulty::sized(5)).unwrap();
        let problem = env.read_problem("start 0 0 goal 3 2 wall 1 0").unwrap();
        let read = |text| env.read_action(&problem, &Cell::new(0, 0), text, None);
        assert_eq!(read("down"), Ok(Move::Down));
        assert_eq!(read("right"), Err(ActionFault::Illegal));
        assert_eq!(read("up"), Err(ActionFault::Unavailable));
        for text in ["", "Down", "down ", "north", "0 1"] {
            assert_eq!(read(text), Err(ActionFault::Syntax), "{text:?}");
        }
        assert_eq!(env.read_action(&problem, &Cell::new(3, 2), "down", None), Err(ActionFault::Illegal), "the goal ends the walk");
    }
}
