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
    /// The left side without its first `i` rows and `p` columns.
    #[inline(always)]
    fn skip(self, i: usize, p: usize) -> Self {
        match self {
            Self::Rows(elements, stride) => Self::Rows(&elements[i * stride + p..], stride),
            Self::Columns(elements, stride) => Self::Columns(&elements[p * stride + i..], stride),
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

/// What of a product a causal mask leaves to be computed.
#[derive(Clone, Copy)]
pub(super) enum Causal {
    /// Row `i` is read up to column `i +` this one; what lies beyond is left as it is, by whole vectors and tiles.
    Columns(isize),
    /// Row `i` of the left side is zero beyond element `i +` this one.
    Sum(usize),
    /// Row `i` of the left side is zero before element `i -` this one.
    SumFrom(usize),
}

impl Causal {
    /// The mask without the first columns.
    #[inline(always)]
    fn skip_columns(self, first: usize) -> Self {
        match self {
            Self::Columns(diagonal) => Self::Columns(diagonal - first as isize),
            other => other,
        }
    }
}

/// Columns that are taken at a time: their part of the right side stays in the first level of the cache while all rows of the left side pass by.
const PANEL: usize = 64;

/// Writes `a · b` into `out`, or adds it where `accumulate`; `b` and `out` have rows of `b_row` and `out_row` numbers.
#[inline(always)]
pub(super) fn product<S: Simd>(
    s: S,
    size: Size,
    causal: Causal,
    a: Left<'_>,
    (b, b_row): (&[f32], usize),
    (out, out_row): (&mut [f32], usize),
    accumulate: bool,
) {
    debug_assert!(size.m.is_multiple_of(2) && size.n.is_multiple_of(LANES));
    for first in (0..size.n).step_by(PANEL) {
        let panel = Size { n: PANEL.min(size.n - first), ..size };
        let (causal, b) = (causal.skip_columns(first), (&b[first..], b_row));
        let mut i = 0;
        while i < size.m {
            let out = (&mut out[i * out_row + first..], out_row);
            // As many running sums as the registers hold beside the operands: sixteen of 32 registers, or six of two registers each of 16.
            i += match size.m - i {
                left if S::HAS_MANY_REGISTERS && left >= 8 => rows::<S, 8, 2>(s, (panel, i), causal, a, b, out, accumulate),
                left if left >= 6 => rows::<S, 6, 1>(s, (panel, i), causal, a, b, out, accumulate),
                left if left >= 4 => rows::<S, 4, 1>(s, (panel, i), causal, a, b, out, accumulate),
                _ => rows::<S, 2, 1>(s, (panel, i), causal, a, b, out, accumulate),
            };
        }
    }
}

/// `R` rows of a panel from row `i` on, `N` vectors at a time; gives `R`.
#[inline(always)]
fn rows<S: Simd, const R: usize, const N: usize>(
    s: S,
    (panel, i): (Size, usize),
    causal: Causal,
    a: Left<'_>,
    (b, b_row): (&[f32], usize),
    (out, out_row): (&mut [f32], usize),
    accumulate: bool,
) -> usize {
    let (mut columns, mut sum) = (panel.n, 0..panel.k);
    match causal {
        // Whole vectors: a column that is seen by the last row alone is computed for all.
        Causal::Columns(diagonal) => columns = columns.min(usize::try_from(diagonal + (i + R) as isize).unwrap_or(0).next_multiple_of(LANES)),
        Causal::Sum(diagonal) => sum.end = sum.end.min(diagonal + i + R),
        Causal::SumFrom(diagonal) => sum.start = i.saturating_sub(diagonal).min(sum.end),
    }
    let (a, b) = (a.skip(i, sum.start), &b[sum.start * b_row..]);
    let mut j = 0;
    while j + N * LANES <= columns {
        block::<S, R, N>(s, sum.len(), a, (&b[j..], b_row), (&mut out[j..], out_row), accumulate);
        j += N * LANES;
    }
    if j < columns {
        block::<S, R, 1>(s, sum.len(), a, (&b[j..], b_row), (&mut out[j..], out_row), accumulate);
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
