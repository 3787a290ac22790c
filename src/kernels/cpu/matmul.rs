//! Products of row-major matrices: our own on packed panels where registers hold eight numbers, which is faster there in the shapes of training (LOG.md,
//! 2026-11-30, evening), and the `gemm` crate's elsewhere; with AVX-512 ours was not measured.

use gemm::{Parallelism, gemm};
use rayon::prelude::*;

use super::{
    matrix::Matrix,
    panels::{self, Right},
    simd::{self, LANES},
    space::Scratch,
    transpose::transpose,
};

/// The right side of many products, as they read it fastest.
pub enum Prepared<'a> {
    /// As it lies.
    Plain(Matrix<'a>),
    /// Row-major, of so many columns.
    RowMajor(Scratch, usize),
    /// In panels, of so many rows and columns.
    Panels(Scratch, [usize; 2]),
}

impl<'a> Prepared<'a> {
    /// Moves what has to be moved, on all threads.
    pub fn new(matrix: Matrix<'a>) -> Self {
        let (k, n) = (matrix.rows(), matrix.columns());
        if simd::has_vectors_of_eight() {
            let mut to = Scratch::new(k * n.next_multiple_of(LANES));
            let group = panels::GROUP * LANES;
            to.par_chunks_mut((k * group).max(1)).enumerate().for_each(|(index, to)| panels::pack_panels(matrix, 0..k, index * group, to));
            return Self::Panels(to, [k, n]);
        }
        if matrix.line_of_row().is_some() {
            return Self::Plain(matrix);
        }
        const BAND: usize = 16;
        let mut to = Scratch::new(k * n);
        to.par_chunks_mut(BAND * n).enumerate().for_each(|(band, to)| {
            transpose((&matrix.elements()[band * BAND..], matrix.line_of_column()), (n, to.len() / n), (to, n));
        });
        Self::RowMajor(to, n)
    }

    /// Number of columns.
    fn columns(&self) -> usize {
        match self {
            Self::Plain(matrix) => matrix.columns(),
            Self::RowMajor(_, columns) | Self::Panels(_, [_, columns]) => *columns,
        }
    }

    fn right(&self) -> Right<'_> {
        match self {
            Self::Plain(matrix) => Right::Plain(*matrix),
            Self::RowMajor(elements, columns) => Right::Plain(Matrix::new(elements, *columns)),
            Self::Panels(elements, size) => Right::Packed(elements, *size),
        }
    }
}

/// Writes `a · b` into `out`, or adds it where `accumulate`.
///
/// # Panics
/// Where the shapes do not fit.
pub fn matmul(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool) {
    product(out, a, Right::Plain(b), accumulate);
}

/// The same with a right side that was prepared.
///
/// # Panics
/// Where the shapes do not fit.
pub fn matmul_prepared(out: &mut [f32], a: Matrix<'_>, b: &Prepared<'_>, accumulate: bool) {
    product(out, a, b.right(), accumulate);
}

/// Whether an element has the same bits however the rows of a product are parted, so that parts may depend on what other threads do. The `gemm` crate parts
/// sums by the sizes.
pub(super) fn parts_keep_bits() -> bool {
    simd::has_vectors_of_eight()
}

/// [`matmul_prepared`] on all threads, with the same bits, where [`parts_keep_bits`], and on one elsewhere.
///
/// # Panics
/// Where the shapes do not fit.
pub(super) fn matmul_prepared_parallel(out: &mut [f32], a: Matrix<'_>, b: &Prepared<'_>, accumulate: bool) {
    let n = b.columns();
    if !parts_keep_bits() || a.columns() == 0 {
        return matmul_prepared(out, a, b, accumulate);
    }
    assert_eq!(out.len(), a.rows() * n, "the product fits its place");
    // Two parts a thread, as some begin late; each reads the whole right side.
    let rows = a.rows().div_ceil(2 * rayon::current_num_threads()).max(96).next_multiple_of(6);
    out.par_chunks_mut((rows * n).max(1)).enumerate().for_each(|(part, out)| {
        matmul_prepared(out, a.some_rows(part * rows, out.len() / n), b, accumulate);
    });
}

/// [`matmul`] on all threads. Each element is summed by one of them in the order of a single thread.
///
/// # Panics
/// Where the shapes do not fit.
pub fn matmul_parallel(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool) {
    if !parts_keep_bits() {
        return by_crate(out, a, b, accumulate, Parallelism::Rayon(0));
    }
    assert_eq!(a.columns(), b.rows(), "the inner sizes of a product agree");
    assert_eq!(out.len(), a.rows() * b.columns(), "the product fits its place");
    let (k, n) = (b.rows(), b.columns());
    let (depth, rows) = (panels::depth(k).max(1), a.rows().div_ceil(8).next_multiple_of(6).min(384));
    if k == 0 && !accumulate {
        out.fill(0.0);
    }
    // The right side is packed once for all parts of the rows, and no more of it at a time than a sum takes.
    for p in (0..k).step_by(depth) {
        let depth = depth.min(k - p);
        let b = Prepared::new(b.some_rows(p, depth));
        out.par_chunks_mut((rows * n).max(1)).enumerate().for_each(|(part, out)| {
            let a = a.some_rows(part * rows, out.len() / n).some_columns(p, depth);
            matmul_prepared(out, a, &b, accumulate || p > 0);
        });
    }
}

fn product(out: &mut [f32], a: Matrix<'_>, b: Right<'_>, accumulate: bool) {
    let (k, n) = match b {
        Right::Plain(b) => (b.rows(), b.columns()),
        Right::Packed(_, [k, n]) => (k, n),
    };
    assert_eq!(a.columns(), k, "the inner sizes of a product agree");
    assert_eq!(out.len(), a.rows() * n, "the product fits its place");
    match b {
        Right::Plain(b) if !simd::has_vectors_of_eight() => by_crate(out, a, b, accumulate, Parallelism::None),
        b => panels::product(out, a, b, accumulate),
    }
}

fn by_crate(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, accumulate: bool, parallelism: Parallelism) {
    let (m, k, n) = (a.rows(), a.columns(), b.columns());
    assert_eq!(k, b.rows(), "the inner sizes of a product agree");
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
            a.elements().as_ptr(),
            stride(a.strides().1),
            stride(a.strides().0),
            b.elements().as_ptr(),
            stride(b.strides().1),
            stride(b.strides().0),
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
mod tests;
