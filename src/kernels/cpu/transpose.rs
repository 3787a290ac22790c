//! Transposes of matrices.

/// Rows that are read together, so that what is written is a whole line of the cache.
const ROWS: usize = 16;

/// Writes the transpose of `rows` by `columns` numbers; `from` and `to` have rows of `from_row` and `to_row` numbers.
pub fn transpose((from, from_row): (&[f32], usize), (rows, columns): (usize, usize), (to, to_row): (&mut [f32], usize)) {
    for first in (0..rows).step_by(ROWS) {
        let height = ROWS.min(rows - first);
        let from = &from[first * from_row..];
        for column in 0..columns {
            let to = &mut to[column * to_row + first..][..height];
            for (row, to) in to.iter_mut().enumerate() {
                *to = from[row * from_row + column];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_gets_to_its_place_and_nothing_else_is_written() {
        for (rows, columns) in [(1, 1), (16, 8), (37, 19), (8, 40), (33, 16)] {
            let (from_row, to_row) = (columns + 3, rows + 2);
            let from: Vec<f32> = (0..rows * from_row).map(|at| at as f32).collect();
            let mut to = vec![-1.0; columns * to_row];
            transpose((&from, from_row), (rows, columns), (&mut to, to_row));
            for (at, &element) in to.iter().enumerate() {
                let (column, row) = (at / to_row, at % to_row);
                let expected = if row < rows { from[row * from_row + column] } else { -1.0 };
                assert_eq!(element, expected, "row {row}, column {column} of {rows} by {columns}");
            }
        }
    }
}
