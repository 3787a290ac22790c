//! Products of small matrices that lie in the cache, for attention: no packing, vectors along the rows of the right side.

use super::simd::{LANES, Simd};

/// The left side of a product, as it lies in memory.
#[derive(Clone, Copy)]
pub(super) enum Left<'a> {
    /// Element `(i, p)` is at `i * stride + p`.
    Rows(&'a [f32], usize),
    /// Element `(i, p)` is at `p * stride + i`.
    Columns(&'a [f32], usize),
}

impl<'a> Left<'a> {
    /// The left side without its first `i` rows.
    #[inline(always)]
    fn skip_rows(self, i: usize) -> Self {
        match self {
            Self::Rows(elements, stride) => Self::Rows(&elements[i * stride..], stride),
            Self::Columns(elements, stride) => Self::Columns(&elements[i..], stride),
        }
    }
}

/// Sizes of a product: `m` rows (an even number), `k` summed over, `n` columns (a multiple of 16).
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub m: usize,
    pub k: usize,
    pub n: usize,
}

/// Writes `a · b` into `out`, or adds it where `accumulate`; `b` and `out` have rows of `b_row` and `out_row` numbers.
#[inline(always)]
pub(super) fn product<S: Simd>(s: S, size: Size, a: Left<'_>, (b, b_row): (&[f32], usize), (out, out_row): (&mut [f32], usize), accumulate: bool) {
    debug_assert!(size.m.is_multiple_of(2) && size.n.is_multiple_of(LANES));
    let mut i = 0;
    while i < size.m {
        let (a, out) = (a.skip_rows(i), &mut out[i * out_row..]);
        // As many running sums as the registers hold beside the operands: sixteen of 32 registers, or six of two registers each of 16.
        i += match size.m - i {
            left if S::HAS_MANY_REGISTERS && left >= 8 => rows::<S, 8, 2>(s, size, a, (b, b_row), (out, out_row), accumulate),
            left if left >= 6 => rows::<S, 6, 1>(s, size, a, (b, b_row), (out, out_row), accumulate),
            left if left >= 4 => rows::<S, 4, 1>(s, size, a, (b, b_row), (out, out_row), accumulate),
            _ => rows::<S, 2, 1>(s, size, a, (b, b_row), (out, out_row), accumulate),
        };
    }
}

/// `R` rows of the product, `N` vectors at a time; gives `R`.
#[inline(always)]
fn rows<S: Simd, const R: usize, const N: usize>(
    s: S,
    size: Size,
    a: Left<'_>,
    (b, b_row): (&[f32], usize),
    (out, out_row): (&mut [f32], usize),
    accumulate: bool,
) -> usize {
    let mut j = 0;
    while j + N * LANES <= size.n {
        block::<S, R, N>(s, size.k, a, (&b[j..], b_row), (&mut out[j..], out_row), accumulate);
        j += N * LANES;
    }
    if j < size.n {
        block::<S, R, 1>(s, size.k, a, (&b[j..], b_row), (&mut out[j..], out_row), accumulate);
    }
    R
}

/// `R` rows by `N` vectors.
#[inline(always)]
fn block<S: Simd, const R: usize, const N: usize>(
    s: S,
    k: usize,
    a: Left<'_>,
    (b, b_row): (&[f32], usize),
    (out, out_row): (&mut [f32], usize),
    accumulate: bool,
) {
    let mut sums = [[s.splat(0.0); N]; R];
    // A macro and not a closure, which would not be compiled for the processor.
    macro_rules! add {
        ($p:ident, $i:ident, $left:expr) => {
            let row = &b[$p * b_row..][..N * LANES];
            let mut right = [s.splat(0.0); N];
            for (vector, right) in right.iter_mut().enumerate() {
                *right = s.get(row, vector * LANES);
            }
            for $i in 0..R {
                let left = s.splat($left);
                for vector in 0..N {
                    sums[$i][vector] = s.fma(left, right[vector], sums[$i][vector]);
                }
            }
        };
    }
    match a {
        Left::Rows(elements, stride) => {
            // Slices of one length `k`: the index needs no check.
            let mut rows: [&[f32]; R] = [&[]; R];
            for (i, row) in rows.iter_mut().enumerate() {
                *row = &elements[i * stride..][..k];
            }
            for p in 0..k {
                add!(p, i, rows[i][p]);
            }
        }
        Left::Columns(elements, stride) => {
            for p in 0..k {
                let column: &[f32; R] = elements[p * stride..].first_chunk().expect("a column has whole tiles");
                add!(p, i, column[i]);
            }
        }
    }
    for (i, sums) in sums.into_iter().enumerate() {
        let row = &mut out[i * out_row..][..N * LANES];
        for (vector, sum) in sums.into_iter().enumerate() {
            let sum = if accumulate { s.add(s.get(row, vector * LANES), sum) } else { sum };
            s.put(row, vector * LANES, sum);
        }
    }
}
