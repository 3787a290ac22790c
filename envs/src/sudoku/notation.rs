//! How a grid is written: `1 2 . . / 3 . . . / . . . . / . . . .`, and an action as `r2c2=4`.

use super::{Board, Fill, Problem, Shape, Sudoku};
use crate::{
    ActionFault, Environment, Language, Notation, Pattern, Symbols,
    digits::{push_integer, read_integer},
};

impl Notation for Sudoku {
    const ACTION_NOUN: &'static str = "Digit";
    const STATE_NOUN: &'static str = "Grid";

    fn symbols(&self) -> Symbols {
        let phrases = [".", "/", " ", "r", "c", "=", ","].map(String::from).to_vec();
        Symbols { phrases, has_integers: true, largest_input: self.shape.side() as u32 }
    }

    fn write_state(&self, problem: &Problem, state: &Board, out: &mut String) {
        let side = problem.shape.side();
        for cell in 0..problem.shape.cells() {
            if cell > 0 {
                out.push_str(if cell % side == 0 { " / " } else { " " });
            }
            out.push(if state.digit(cell) == 0 { '.' } else { char::from(b'0' + state.digit(cell)) });
        }
    }

    fn write_successor(&self, problem: &Problem, state: &Board, out: &mut String) {
        self.write_state(problem, state, out);
    }

    fn write_action(&self, _problem: &Problem, _state: &Board, action: &Fill, out: &mut String) {
        for (sign, value) in [('r', action.row), ('c', action.column), ('=', action.digit)] {
            out.push(sign);
            push_integer(out, i64::from(value));
        }
    }

    /// The number of empty cells, and none.
    fn write_comparison(&self, problem: &Problem, state: &Board, out: &mut String) {
        push_integer(out, state.empty(problem.shape) as i64);
        out.push_str(",0");
    }

    /// Clues stay where they are.
    fn language(&self, problem: Option<&Problem>) -> Language {
        let (shape, empty) = (problem.map_or(self.shape, |problem| problem.shape), Board::default());
        let (side, clues) = (shape.side(), problem.map_or(&empty, |problem| &problem.clues));
        let digit = || Pattern::integers(1..=side as u64);
        let cells = (0..shape.cells()).map(|cell| {
            let before = if cell == 0 { "" } else { [" ", " / "][usize::from(cell % side == 0)] };
            let written = match clues.digit(cell) {
                0 => Pattern::choice([Pattern::text("."), digit()]),
                clue => Pattern::text(clue.to_string()),
            };
            Pattern::sequence([Pattern::text(before), written])
        });
        let grid = Pattern::sequence(cells);
        Language {
            action: Pattern::line(&["r", "c", "=", ""], [digit(), digit(), digit()]),
            state: grid.clone(),
            successor: grid.clone(),
            place: grid,
            comparison: Pattern::line(&["", ",0"], [Pattern::integers(0..=shape.cells() as u64)]),
        }
    }

    fn read_problem(&self, text: &str) -> Option<Problem> {
        let rows = text.split(" / ");
        let shape = Shape::of_side(rows.clone().take(10).count())?;
        let mut clues = Board::default();
        let mut cell = 0;
        for row in rows {
            let before = cell;
            for symbol in row.split(' ') {
                let digit = if symbol == "." { 0 } else { read_integer(symbol).filter(|digit| (1..=shape.side() as i64).contains(digit))? };
                if cell == shape.cells() {
                    return None;
                }
                clues.set(cell, digit as u8);
                cell += 1;
            }
            if cell - before != shape.side() {
                return None;
            }
        }
        Problem::new(shape, clues).ok()
    }

    fn read_action(&self, problem: &Problem, state: &Board, text: &str, _effect: Option<&str>) -> Result<Fill, ActionFault> {
        let read = || {
            let (row, rest) = text.strip_prefix('r')?.split_once('c')?;
            let (column, digit) = rest.split_once('=')?;
            let number = |text: &str| u8::try_from(read_integer(text)?).ok();
            Some(Fill { row: number(row)?, column: number(column)?, digit: number(digit)? })
        };
        let fill = read().ok_or(ActionFault::Syntax)?;
        let side = problem.shape.side() as u8;
        if [fill.row, fill.column, fill.digit].iter().any(|value| !(1..=side).contains(value)) {
            return Err(ActionFault::Unavailable);
        }
        if state.digit(usize::from(fill.row - 1) * problem.shape.side() + usize::from(fill.column - 1)) != 0 {
            return Err(ActionFault::Unavailable);
        }
        self.apply(problem, state, &fill).map(|_| fill).map_err(|_| ActionFault::Illegal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Difficulty;

    #[test]
    fn hostile_texts_do_not_read() {
        let env = Sudoku::configure(&Difficulty::default()).unwrap();
        for text in [
            "",
            "/",
            " / / / ",
            "1 2 3 4",
            "1 2 . . / . . . . / . . . . / . . .",
            "1 1 . . / . . . . / . . . . / . . . .",
            "5 . . . / . . . . / . . . . / . . . .",
        ] {
            assert_eq!(env.read_problem(text), None, "{text:?}");
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let env = Sudoku::configure(&Difficulty::default()).unwrap();
        let problem = env.read_problem("1 2 . . / 3 . . . / . . . . / . . . .").unwrap();
        let read = |text| env.read_action(&problem, &env.initial(&problem), text, None);
        assert!(read("r2c2=4").is_ok());
        assert_eq!(read("r2c2=1"), Err(ActionFault::Illegal));
        assert_eq!(read("r1c3=3"), Err(ActionFault::Illegal), "another cell is offered");
        assert_eq!(read("r1c1=1"), Err(ActionFault::Unavailable));
        assert_eq!(read("r9c1=1"), Err(ActionFault::Unavailable));
        for text in ["", "r2c2", "r2c2=4 ", "2,2=4", "r2c2=٤", "r2c2=-4", "r2c2=99999999999999999999"] {
            assert_eq!(read(text), Err(ActionFault::Syntax), "{text:?}");
        }
    }
}
