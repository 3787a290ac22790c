//! Matrices in panels of sixteen columns, `[columns / 16, rows, 16]`: what a product reads of one, by rows or by columns, lies together, and vectors are whole
//! lines of the cache.

use super::simd::LANES;

/// A matrix in panels.
#[derive(Clone, Copy)]
pub(super) struct Panels<'a> {
    elements: &'a [f32],
    rows: usize,
}

impl<'a> Panels<'a> {
    /// The matrix of these elements, in panels of so many rows.
    #[inline(always)]
    pub(super) fn new(elements: &'a [f32], rows: usize) -> Self {
        Self { elements, rows }
    }

    /// The matrix without its first rows.
    #[inline(always)]
    pub(super) fn skip_rows(self, rows: usize) -> Self {
        Self { elements: &self.elements[rows * LANES..], ..self }
    }

    /// The numbers from a row on of the panel that a column begins, and how far the next panel's are from them.
    #[inline(always)]
    pub(super) fn rows_from(self, column: usize, row: usize) -> (&'a [f32], usize) {
        (&self.elements[(column / LANES * self.rows + row) * LANES..], self.rows * LANES)
    }

    /// The numbers of a column from a row on, a line of a panel apart.
    #[inline(always)]
    pub(super) fn column_from(self, row: usize, column: usize) -> &'a [f32] {
        &self.elements[(column / LANES * self.rows + row) * LANES + column % LANES..]
    }

    /// The lines of a panel.
    #[inline(always)]
    pub(super) fn panel(self, panel: usize) -> &'a [[f32; LANES]] {
        self.elements[panel * self.rows * LANES..].as_chunks().0
    }
}

/// Writes a row of a matrix in panels of so many rows.
#[inline(always)]
pub(super) fn put_row(to: &mut [f32], rows: usize, row: usize, from: &[f32]) {
    for (panel, from) in from.chunks(LANES).enumerate() {
        let to = &mut to[(panel * rows + row) * LANES..][..LANES];
        // A copy of known length is one of registers.
        match from.first_chunk::<LANES>() {
            Some(from) => to.copy_from_slice(from),
            None => to[..from.len()].copy_from_slice(from),
        }
    }
}

/// Reads a row of a matrix in panels of so many rows.
#[inline(always)]
pub(super) fn get_row(from: &[f32], rows: usize, row: usize, to: &mut [f32]) {
    for (panel, to) in to.chunks_mut(LANES).enumerate() {
        let from = &from[(panel * rows + row) * LANES..][..LANES];
        match to.first_chunk_mut::<LANES>() {
            Some(to) => to.copy_from_slice(from),
            None => to.copy_from_slice(&from[..to.len()]),
        }
    }
}

/// Writes a column of a matrix in panels, whose rows are as many as the column has numbers.
#[inline(always)]
pub(super) fn put_column(to: &mut [f32], column: usize, from: &[f32]) {
    let lines = to[column / LANES * from.len() * LANES..].as_chunks_mut::<LANES>().0;
    for (to, from) in lines.iter_mut().zip(from) {
        to[column % LANES] = *from;
    }
}

/// Zeros the first `count` rows of a matrix in panels of so many rows.
#[inline(always)]
pub(super) fn zero_rows(to: &mut [f32], rows: usize, count: usize) {
    for panel in to.chunks_exact_mut((rows * LANES).max(1)) {
        panel[..count * LANES].fill(0.0);
    }
}
