//! Grids of digits and the three ways in which a cell sees others.

use crate::grid::{Grid, Symmetry};

/// Cells of the largest grid.
pub const MAX_CELLS: usize = 81;

/// The side of a grid and of its boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    side: u8,
    box_width: u8,
    box_height: u8,
}

/// A grid of digits in reading order; 0 is empty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Board([u8; MAX_CELLS]);

/// The digits that each row, column and box has, as bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Used {
    rows: [u16; 9],
    columns: [u16; 9],
    boxes: [u16; 9],
}

impl Default for Board {
    fn default() -> Self {
        Self([0; MAX_CELLS])
    }
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|digit| write!(f, "{digit}"))
    }
}

impl Board {
    /// The digit of a cell, 0 where it is empty.
    pub fn digit(&self, cell: usize) -> u8 {
        self.0[cell]
    }

    /// Writes a digit.
    pub fn set(&mut self, cell: usize, digit: u8) {
        self.0[cell] = digit;
    }

    /// The number of empty cells.
    pub fn empty(&self, shape: Shape) -> usize {
        self.0[..shape.cells()].iter().filter(|digit| **digit == 0).count()
    }
}

impl Shape {
    /// The shape of a side: 4 with boxes of 2x2, 6 with boxes three wide and two high, 9 with boxes of 3x3.
    pub fn of_side(side: usize) -> Option<Self> {
        let (side, box_width, box_height) = match side {
            4 => (4, 2, 2),
            6 => (6, 3, 2),
            9 => (9, 3, 3),
            _ => return None,
        };
        Some(Self { side, box_width, box_height })
    }

    /// The side, which is also the largest digit.
    pub fn side(self) -> usize {
        usize::from(self.side)
    }

    /// The number of cells.
    pub fn cells(self) -> usize {
        self.side() * self.side()
    }

    pub(super) fn grid(self) -> Grid {
        Grid { width: self.side, height: self.side }
    }

    /// Row and column of a cell, from 1.
    pub(super) fn place(self, cell: usize) -> (u8, u8) {
        ((cell / self.side()) as u8 + 1, (cell % self.side()) as u8 + 1)
    }

    /// The symmetries that map boxes to boxes: transposing needs square ones.
    pub(super) fn symmetries(self) -> impl Iterator<Item = Symmetry> {
        Symmetry::all().take(if self.box_width == self.box_height { 8 } else { 4 })
    }

    fn units(self, cell: usize) -> (usize, usize, usize) {
        let (row, column) = (cell / self.side(), cell % self.side());
        let boxes_per_row = self.side / self.box_width;
        (row, column, row / usize::from(self.box_height) * usize::from(boxes_per_row) + column / usize::from(self.box_width))
    }

    /// Whether no other cell that sees this one has the digit.
    pub(super) fn allows(self, board: &Board, cell: usize, digit: u8) -> bool {
        let (row, column, square) = self.units(cell);
        let sees = |other: usize| {
            let units = self.units(other);
            units.0 == row || units.1 == column || units.2 == square
        };
        !(0..self.cells()).any(|other| other != cell && board.digit(other) == digit && sees(other))
    }

    pub(super) fn used(self, board: &Board) -> Used {
        let mut used = Used::default();
        (0..self.cells()).filter(|cell| board.digit(*cell) > 0).for_each(|cell| used.toggle(self, cell, board.digit(cell)));
        used
    }
}

impl Used {
    /// Marks a digit as used by the cell's row, column and box, or as free again.
    pub(super) fn toggle(&mut self, shape: Shape, cell: usize, digit: u8) {
        let (row, column, square) = shape.units(cell);
        self.rows[row] ^= 1 << digit;
        self.columns[column] ^= 1 << digit;
        self.boxes[square] ^= 1 << digit;
    }

    /// The digits that a cell may have, as bits.
    pub(super) fn candidates(&self, shape: Shape, cell: usize) -> u16 {
        let (row, column, square) = shape.units(cell);
        let all = (1_u16 << (shape.side + 1)) - 2;
        all & !(self.rows[row] | self.columns[column] | self.boxes[square])
    }
}
