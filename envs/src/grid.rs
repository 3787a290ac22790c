//! Cells, moves, bitmaps and symmetries of small rectangular grids, shared by the grid worlds.
//!
//! `x` grows to the right and `y` downwards, so rows are written top down. Cells order by row first and column second, and moves come in
//! the order y + 1, y - 1, x - 1, x + 1: the orders that deterministic A* of Searchformer uses for ties and for children.

use serde::{Deserialize, Serialize, Serializer};

use crate::{
    Difficulty, Pattern, SettingError,
    digits::{push_integer, read_integer},
};

/// The longest side of a grid.
pub const MAX_SIDE: usize = 40;

/// A cell, ordered by row and then by column; its serde form is `[x,y]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(u8, u8)", into = "(u8, u8)")]
pub struct Cell {
    /// Row, 0 at the top.
    pub y: u8,
    /// Column, 0 at the left.
    pub x: u8,
}

impl Cell {
    /// The cell in column `x` and row `y`.
    pub const fn new(x: u8, y: u8) -> Self {
        Self { y, x }
    }

    /// The number of steps between two cells of an open grid.
    #[inline]
    pub fn manhattan(self, other: Self) -> u32 {
        u32::from(self.x.abs_diff(other.x)) + u32::from(self.y.abs_diff(other.y))
    }

    /// Appends `x y`.
    #[inline]
    pub fn write(self, out: &mut String) {
        if usize::from(self.x.max(self.y)) >= MAX_SIDE {
            push_integer(out, i64::from(self.x));
            out.push(' ');
            return push_integer(out, i64::from(self.y));
        }
        let (start, end) = (TEXT_LEN * (usize::from(self.x) * MAX_SIDE + usize::from(self.y)), out.len());
        out.push_str(&TEXTS[start..start + TEXT_LEN]);
        out.truncate(end + 3 + usize::from(self.x >= 10) + usize::from(self.y >= 10));
    }

    /// Reads a column and a row from two words, each at most 255.
    pub fn read<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let mut number = || u8::try_from(read_integer(words.next()?)?).ok();
        Some(Self::new(number()?, number()?))
    }
}

/// The texts of all cells of the largest grid, column by column, each filled up with spaces to [`TEXT_LEN`] bytes: most of what is written
/// of a grid are cells, and a copy of fixed length takes no call.
static TEXTS: &str = match std::str::from_utf8(&TEXT_BYTES) {
    Ok(text) => text,
    Err(_) => panic!("digits are ASCII"),
};

const TEXT_LEN: usize = 8;

static TEXT_BYTES: [u8; TEXT_LEN * MAX_SIDE * MAX_SIDE] = {
    let mut bytes = [b' '; TEXT_LEN * MAX_SIDE * MAX_SIDE];
    let mut cell = 0;
    while cell < MAX_SIDE * MAX_SIDE {
        let (mut at, numbers, mut place) = (TEXT_LEN * cell, [cell / MAX_SIDE, cell % MAX_SIDE], 0);
        while place < 2 {
            if numbers[place] >= 10 {
                bytes[at] = b'0' + (numbers[place] / 10) as u8;
                at += 1;
            }
            bytes[at] = b'0' + (numbers[place] % 10) as u8;
            // A space follows the column.
            at += 2;
            place += 1;
        }
        cell += 1;
    }
    bytes
};

impl From<(u8, u8)> for Cell {
    fn from((x, y): (u8, u8)) -> Self {
        Self { y, x }
    }
}

impl From<Cell> for (u8, u8) {
    fn from(cell: Cell) -> Self {
        (cell.x, cell.y)
    }
}

/// A step to a neighbouring cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Move {
    /// y + 1.
    Down,
    /// y - 1.
    Up,
    /// x - 1.
    Left,
    /// x + 1.
    Right,
}

impl Move {
    /// All moves, in the order in which children are generated.
    pub const ALL: [Self; 4] = [Self::Down, Self::Up, Self::Left, Self::Right];

    /// The move as a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::Up => "up",
            Self::Left => "left",
            Self::Right => "right",
        }
    }

    /// The words of all moves.
    pub(crate) fn words() -> Pattern {
        Pattern::choice(Self::ALL.map(|step| Pattern::text(step.word())))
    }

    /// The move that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }
}

/// The sides of a grid, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Number of columns.
    pub width: u8,
    /// Number of rows.
    pub height: u8,
}

impl Grid {
    /// The texts of all cells inside.
    pub(crate) fn pattern(self) -> Pattern {
        let below = |side: u8| Pattern::integers(0..=u64::from(side.saturating_sub(1)));
        Pattern::line(&["", " ", ""], [below(self.width), below(self.height)])
    }

    /// The sides as the facet of a size: one where they are equal (`10`), else the shorter first (`9x15`).
    pub fn facet(self) -> String {
        let (short, long) = (self.width.min(self.height), self.width.max(self.height));
        if short == long { short.to_string() } else { format!("{short}x{long}") }
    }

    /// Whether the cell lies inside.
    #[inline]
    pub fn contains(self, cell: Cell) -> bool {
        cell.x < self.width && cell.y < self.height
    }

    /// The number of cells.
    #[inline]
    pub fn cells(self) -> usize {
        usize::from(self.width) * usize::from(self.height)
    }

    /// The place of a cell in row-major order.
    #[inline]
    pub fn index(self, cell: Cell) -> usize {
        usize::from(cell.y) * usize::from(self.width) + usize::from(cell.x)
    }

    /// The cell at a place of the row-major order.
    #[inline]
    pub fn cell(self, index: usize) -> Cell {
        let width = usize::from(self.width);
        Cell { y: (index / width) as u8, x: (index % width) as u8 }
    }

    /// The neighbour of a cell, where it lies inside.
    #[inline]
    pub fn step(self, cell: Cell, step: Move) -> Option<Cell> {
        let next = match step {
            Move::Down => Cell::new(cell.x, cell.y + 1),
            Move::Up => Cell::new(cell.x, cell.y.checked_sub(1)?),
            Move::Left => Cell::new(cell.x.checked_sub(1)?, cell.y),
            Move::Right => Cell::new(cell.x + 1, cell.y),
        };
        self.contains(next).then_some(next)
    }

    /// Reads the size of a difficulty: `10` for a square, `12x8` for 12 columns and 8 rows.
    ///
    /// # Errors
    /// The text is neither, or a side lies outside `min..=max`.
    pub fn from_size(difficulty: &Difficulty, min: u8, max: u8, default: u8) -> Result<Self, SettingError> {
        let Some(text) = &difficulty.size else { return Ok(Self { width: default, height: default }) };
        let (width, height) = text.split_once('x').unwrap_or((text, text));
        match (width.parse(), height.parse()) {
            (Ok(width), Ok(height)) if (min..=max).contains(&width) && (min..=max).contains(&height) => Ok(Self { width, height }),
            _ => Err(SettingError::Value {
                name: "size".into(),
                value: text.clone(),
                expected: format!("a side from {min} to {max} such as `{default}`, or two such as `{default}x{max}`"),
            }),
        }
    }
}

/// A set of cells as one word of bits per row; copying it takes no allocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bitmap {
    rows: [u64; MAX_SIDE],
}

impl Default for Bitmap {
    fn default() -> Self {
        Self { rows: [0; MAX_SIDE] }
    }
}

impl std::fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter().map(<(u8, u8)>::from)).finish()
    }
}

impl Bitmap {
    /// Whether the cell is in the set; cells outside of every grid are not.
    #[inline]
    pub fn has(&self, cell: Cell) -> bool {
        self.rows.get(usize::from(cell.y)).is_some_and(|row| cell.x < 64 && row >> cell.x & 1 == 1)
    }

    /// Adds a cell.
    ///
    /// # Panics
    /// The cell lies outside of the largest grid.
    #[inline]
    pub fn insert(&mut self, cell: Cell) {
        self.rows[usize::from(cell.y)] |= 1 << cell.x;
    }

    /// Removes a cell.
    pub fn remove(&mut self, cell: Cell) {
        self.rows[usize::from(cell.y)] &= !(1 << cell.x);
    }

    /// All cells of a grid.
    pub fn full(grid: Grid) -> Self {
        let mut all = Self::default();
        all.rows[..usize::from(grid.height)].fill((1 << grid.width) - 1);
        all
    }

    /// The number of cells in the set.
    pub fn len(&self) -> usize {
        self.rows.iter().map(|row| row.count_ones() as usize).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.rows.iter().all(|row| *row == 0)
    }

    /// The cells, row by row.
    pub fn iter(&self) -> impl Iterator<Item = Cell> + '_ {
        self.rows.iter().enumerate().flat_map(|(y, row)| {
            let mut rest = *row;
            std::iter::from_fn(move || {
                let x = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (x < 64).then_some(Cell { y: y as u8, x: x as u8 })
            })
        })
    }

    /// The bits of each row.
    pub fn rows(&self) -> &[u64; MAX_SIDE] {
        &self.rows
    }

    /// Writes the rows of a grid as hexadecimal digits, for keys.
    pub fn write_hex(&self, grid: Grid, out: &mut String) {
        let digits = usize::from(grid.width).div_ceil(4);
        for row in &self.rows[..usize::from(grid.height)] {
            for place in (0..digits).rev() {
                out.push(char::from(b"0123456789abcdef"[(row >> (4 * place) & 15) as usize]));
            }
        }
    }
}

/// As the list of its cells.
impl Serialize for Bitmap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl FromIterator<Cell> for Bitmap {
    fn from_iter<I: IntoIterator<Item = Cell>>(cells: I) -> Self {
        let mut set = Self::default();
        cells.into_iter().for_each(|cell| set.insert(cell));
        set
    }
}

/// One of the eight rotations and reflections of a rectangle; half of them swap its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symmetry(u8);

impl Symmetry {
    /// All eight, the identity first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..8).map(Self)
    }

    /// The sides afterwards.
    pub fn grid(self, grid: Grid) -> Grid {
        if self.0 & 4 == 0 { grid } else { Grid { width: grid.height, height: grid.width } }
    }

    /// Where a cell of `grid` goes.
    pub fn cell(self, grid: Grid, cell: Cell) -> Cell {
        let x = if self.0 & 1 == 0 { cell.x } else { grid.width - 1 - cell.x };
        let y = if self.0 & 2 == 0 { cell.y } else { grid.height - 1 - cell.y };
        if self.0 & 4 == 0 { Cell::new(x, y) } else { Cell::new(y, x) }
    }

    /// Where a set of cells of `grid` goes; whole rows are turned at once.
    pub fn bitmap(self, grid: Grid, set: &Bitmap) -> Bitmap {
        let (width, height) = (u32::from(grid.width), usize::from(grid.height));
        let mut turned = *set;
        if self.0 & 1 != 0 {
            turned.rows[..height].iter_mut().for_each(|row| *row = row.reverse_bits() >> (64 - width));
        }
        if self.0 & 2 != 0 {
            turned.rows[..height].reverse();
        }
        if self.0 & 4 == 0 { turned } else { turned.iter().map(|cell| Cell::new(cell.y, cell.x)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_writes_its_column_and_row() {
        for cell in (0..=255).flat_map(|x| (0..=255).map(move |y| Cell::new(x, y))) {
            let mut text = String::from("wall ");
            cell.write(&mut text);
            assert_eq!(text, format!("wall {} {}", cell.x, cell.y));
        }
    }

    #[test]
    fn symmetries_are_eight_bijections() {
        let grid = Grid { width: 5, height: 7 };
        let mut images = Vec::new();
        for symmetry in Symmetry::all() {
            let image: Vec<Cell> = (0..grid.cells()).map(|index| symmetry.cell(grid, grid.cell(index))).collect();
            let some = || (0..grid.cells()).filter(|index| index % 3 == 0 || index % 7 == 2);
            let set: Bitmap = some().map(|index| grid.cell(index)).collect();
            assert_eq!(symmetry.bitmap(grid, &set), some().map(|index| image[index]).collect());
            assert!(image.iter().all(|cell| symmetry.grid(grid).contains(*cell)));
            assert_eq!(image.iter().copied().collect::<Bitmap>(), Bitmap::full(symmetry.grid(grid)));
            assert!(!images.contains(&image));
            images.push(image);
        }
        assert_eq!(images.len(), 8);
    }

    #[test]
    fn sizes_read_as_squares_and_rectangles() {
        let read = |size: &str| Grid::from_size(&Difficulty { size: Some(size.into()), ..Difficulty::default() }, 5, 40, 10);
        assert_eq!(read("12x8"), Ok(Grid { width: 12, height: 8 }));
        assert_eq!(read("7"), Ok(Grid { width: 7, height: 7 }));
        for wrong in ["", "4", "41", "12x", "x8", "8x8x8", "-5", "5x99999", " 7"] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(read("4").unwrap_err().to_string(), "size = `4` is not allowed; expected a side from 5 to 40 such as `10`, or two such as `10x40`");
    }
}
