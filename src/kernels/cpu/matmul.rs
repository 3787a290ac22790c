//! Products of row-major matrices on one thread, by the `gemm` crate.

use gemm::{Parallelism, gemm};

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
}

/// Writes `a · b` into `out`, or adds it where `accumulate`.
///
/// # Panics
/// Where the shapes do not fit.
pub fn matmul(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool) {
    product(out, a, b, accumulate, Parallelism::None);
}

/// The same on all threads. Each element is summed by one of them in the order of a single thread.
pub fn matmul_parallel(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>) {
    product(out, a, b, false, Parallelism::Rayon(0));
}

fn product(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool, parallelism: Parallelism) {
    let (m, k, n) = (a.rows, a.columns, b.columns);
    assert_eq!(k, b.rows, "the inner sizes of a product agree");
    assert_eq!(out.len(), m * n, "the product fits its place");
    let stride = |stride: usize| isize::try_from(stride).expect("a matrix in memory has strides below isize::MAX");
    // SAFETY: each matrix lies wholly within its slice: `new` checked it, `transposed` keeps it, and the last line above checks `out`; `out` is
    // borrowed alone.
    unsafe {
        gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride(n),
            accumulate,
            a.elements.as_ptr(),
            stride(a.column_stride),
            stride(a.row_stride),
            b.elements.as_ptr(),
            stride(b.column_stride),
            stride(b.row_stride),
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(a: &[f32], b: &[f32], k: usize, n: usize) -> Vec<f32> {
        a.chunks(k).flat_map(|row| (0..n).map(move |j| row.iter().enumerate().map(|(p, a)| a * b[p * n + j]).sum())).collect()
    }

    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 1013) as f32 / 1013.0 - 0.5).collect()
    }

    fn transpose(x: &[f32], columns: usize) -> Vec<f32> {
        (0..columns).flat_map(|j| x.iter().skip(j).step_by(columns).copied()).collect()
    }

    #[test]
    fn products_of_odd_sizes_equal_the_definition() {
        let (m, k, n) = (37, 19, 23);
        let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
        let expected = naive(&a, &b, k, n);
        let (at, bt) = (transpose(&a, k), transpose(&b, n));
        let left = [Matrix::new(&a, k), Matrix::new(&at, m).transposed()];
        let right = [Matrix::new(&b, n), Matrix::new(&bt, k).transposed()];
        for a in left {
            for b in right {
                let mut out = vec![1.0; m * n];
                matmul(&mut out, a, b, true);
                for (out, expected) in out.iter().zip(&expected) {
                    assert!((out - 1.0 - expected).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn all_threads_give_the_bits_of_one() {
        let (n, i, o) = (700, 96, 130);
        let (x, grad) = (numbers(n * i, 1), numbers(n * o, 2));
        let [mut one, mut all] = [vec![0.0; i * o], vec![0.0; i * o]];
        matmul(&mut one, Matrix::new(&x, i).transposed(), Matrix::new(&grad, o), false);
        matmul_parallel(&mut all, Matrix::new(&x, i).transposed(), Matrix::new(&grad, o));
        assert_eq!(one, all);
    }
}
