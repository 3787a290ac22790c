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
        Causal::SumFrom(diagonal) => sum.start = i.saturating_sub(diagonal),
    }
    if sum.is_empty() {
        // Nothing to skip to.
        sum = 0..0;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::cpu::simd::simd_fn;

    simd_fn! {
        fn run[s](size: Size, causal: Causal, a: Left<'_>, b: &[f32], out: &mut [f32], accumulate: bool) {
            product(s, size, causal, a, (b, size.n + 3), (out, size.n + 5), accumulate);
        }
    }

    /// Small whole numbers, whose sums are exact in any order and with any rounding.
    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 17) as f32 - 8.0).collect()
    }

    #[test]
    fn a_causal_product_is_the_product_where_it_is_read_and_adds_to_what_is_there() {
        for (m, k, n) in [(32, 32, 16), (32, 48, 160), (48, 80, 64), (14, 5, 80)] {
            for diagonal in [0, 16, 48] {
                // What the mask leaves out is zero on the left side, or not read in the result.
                let cases: [(Causal, fn(usize, usize, usize) -> bool); 3] = [
                    (Causal::Columns(diagonal as isize), |_, _, _| true),
                    (Causal::Sum(diagonal), |i, p, diagonal| p <= i + diagonal),
                    (Causal::SumFrom(diagonal), |i, p, diagonal| p + diagonal >= i),
                ];
                for (causal, is_seen) in cases {
                    let (mut a, b) = (numbers(m * k, 1), numbers(k * (n + 3), 2));
                    a.iter_mut().enumerate().for_each(|(at, a)| *a = if is_seen(at / k, at % k, diagonal) { *a } else { 0.0 });
                    let columns: Vec<f32> = (0..k * m).map(|at| a[at % m * k + at / m]).collect();
                    for (left, accumulate) in [(Left::Rows(&a, k), false), (Left::Columns(&columns, m), true)] {
                        let mut out = vec![1.0; m * (n + 5)];
                        run(Size { m, k, n }, causal, left, &b, &mut out, accumulate);
                        for (i, row) in out.chunks(n + 5).enumerate() {
                            let read = if matches!(causal, Causal::Columns(_)) { n.min(diagonal + i + 1) } else { n };
                            for (j, out) in row[..read].iter().enumerate() {
                                let sum: f32 = (0..k).map(|p| a[i * k + p] * b[p * (n + 3) + j]).sum();
                                assert_eq!(*out, sum + if accumulate { 1.0 } else { 0.0 }, "{m} by {k} by {n}, diagonal {diagonal}, row {i}, column {j}");
                            }
                            assert_eq!(row[n..], [1.0; 5], "beyond the columns");
                        }
                    }
                }
            }
        }
    }
}
