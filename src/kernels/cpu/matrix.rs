//! Row-major matrices as products read them.

/// A matrix as a product reads it: as it lies, or transposed.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    elements: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// A matrix of `columns` columns, row-major.
    ///
    /// # Panics
    /// Where the elements are not whole rows.
    pub fn new(elements: &'a [f32], columns: usize) -> Self {
        assert!(columns > 0 && elements.len().is_multiple_of(columns), "a matrix has whole rows");
        Self { elements, rows: elements.len() / columns, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transposed matrix; nothing is moved.
    pub fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, row_stride: self.column_stride, column_stride: self.row_stride, ..self }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    /// All elements, in the order of memory.
    pub(super) fn elements(&self) -> &'a [f32] {
        self.elements
    }

    /// Elements from the start of a row to that of the next, where rows lie together in memory.
    pub(super) fn line_of_row(&self) -> Option<usize> {
        // That of a single row can be anything, and is 1 where a column was transposed.
        (self.column_stride == 1).then_some(self.row_stride.max(self.columns))
    }

    /// Elements from the start of a column to that of the next; columns lie together where rows do not.
    pub(super) fn line_of_column(&self) -> usize {
        self.column_stride
    }

    /// The element of a row and a column.
    pub(super) fn at(&self, row: usize, column: usize) -> f32 {
        self.elements[row * self.row_stride + column * self.column_stride]
    }

    /// Some of the rows.
    pub(super) fn some_rows(self, first: usize, rows: usize) -> Self {
        Self { elements: &self.elements[first * self.row_stride..], rows, ..self }
    }

    /// Some of the columns.
    pub(super) fn some_columns(self, first: usize, columns: usize) -> Self {
        Self { elements: &self.elements[first * self.column_stride..], columns, ..self }
    }

    /// Elements from row to row and from column to column.
    pub(super) fn strides(&self) -> (usize, usize) {
        (self.row_stride, self.column_stride)
    }
}
