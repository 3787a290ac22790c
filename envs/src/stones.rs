//! Boards of two kinds of stones as rows of text: `. x o / . . x / . . .`, and in JSON `{"rows":[".xo","..x","..."]}`.

use serde::{Deserialize, Serialize};

use crate::{Pattern, two_player::Player};

/// The rows of a board, top down, with what stands on each cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Rows", into = "Rows")]
pub struct Stones {
    width: usize,
    cells: Vec<Option<Player>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rows {
    rows: Vec<String>,
}

fn symbol(cell: Option<Player>) -> char {
    match cell {
        None => '.',
        Some(Player::First) => 'x',
        Some(Player::Second) => 'o',
    }
}

fn read_symbol(symbol: char) -> Option<Option<Player>> {
    match symbol {
        '.' => Some(None),
        'x' => Some(Some(Player::First)),
        'o' => Some(Some(Player::Second)),
        _ => None,
    }
}

impl Stones {
    /// The board whose cell in column `x` and row `y` holds what `cell` says.
    pub fn new(width: usize, height: usize, cell: impl Fn(usize, usize) -> Option<Player>) -> Self {
        let cells = (0..width * height).map(|index| cell(index % width, index / width)).collect();
        Self { width, cells }
    }

    /// Columns and rows.
    pub fn sides(&self) -> (usize, usize) {
        (self.width, self.cells.len() / self.width.max(1))
    }

    /// What stands in column `x` and row `y`.
    pub fn get(&self, x: usize, y: usize) -> Option<Player> {
        self.cells[y * self.width + x]
    }

    /// How many stones the players have.
    pub fn counts(&self) -> (usize, usize) {
        let count = |player| self.cells.iter().filter(|cell| **cell == Some(player)).count();
        (count(Player::First), count(Player::Second))
    }

    /// Whether as many stones stand as after moves in turn.
    pub fn is_alternating(&self) -> bool {
        let (first, second) = self.counts();
        first == second || first == second + 1
    }

    /// Appends the rows.
    pub fn write(&self, out: &mut String) {
        for (index, cell) in self.cells.iter().enumerate() {
            if index > 0 {
                out.push_str(if index % self.width == 0 { " / " } else { " " });
            }
            out.push(symbol(*cell));
        }
    }

    /// The texts of all boards of these sides on which these stones stand, and others.
    pub(crate) fn pattern(&self) -> Pattern {
        let cells = self.cells.iter().enumerate().map(|(index, cell)| {
            let before = if index == 0 { "" } else { [" ", " / "][usize::from(index % self.width == 0)] };
            let any = || Pattern::one_of(".xo");
            Pattern::sequence([Pattern::text(before), cell.map_or_else(any, |_| Pattern::text(symbol(*cell)))])
        });
        Pattern::sequence(cells)
    }

    /// Reads rows as [`write`](Self::write) writes them.
    pub fn read(text: &str) -> Option<Self> {
        let rows = text.split(" / ").map(|row| row.split(' ').map(|word| word.parse::<char>().ok()).collect::<Option<String>>());
        Self::try_from(Rows { rows: rows.collect::<Option<_>>()? }).ok()
    }
}

impl TryFrom<Rows> for Stones {
    type Error = String;

    fn try_from(board: Rows) -> Result<Self, String> {
        let width = board.rows.first().map_or(0, |row| row.chars().count());
        if width == 0 || board.rows.iter().any(|row| row.chars().count() != width) {
            return Err("the rows of a board are not equally long".into());
        }
        let read = |symbol| read_symbol(symbol).ok_or_else(|| format!("`{symbol}` is not allowed on a board; expected one of `.xo`"));
        let cells = board.rows.iter().flat_map(|row| row.chars()).map(read).collect::<Result<_, _>>()?;
        Ok(Self { width, cells })
    }
}

impl From<Stones> for Rows {
    fn from(board: Stones) -> Self {
        Self { rows: board.cells.chunks(board.width).map(|row| row.iter().copied().map(symbol).collect()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boards_read_what_they_write() {
        let board = Stones::read(". x o / . . x").unwrap();
        assert_eq!((board.sides(), board.counts(), board.is_alternating()), ((3, 2), (2, 1), true));
        let mut text = String::new();
        board.write(&mut text);
        assert_eq!(text, ". x o / . . x");
        for text in ["", ". x / .", ". y", ".x", ". . ", " / ", "٣"] {
            assert_eq!(Stones::read(text), None, "{text:?}");
        }
    }
}
