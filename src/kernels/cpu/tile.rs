//! Products of small matrices that lie in the cache, for attention: no packing, vectors along the rows of the right side.

use super::simd::{LANES, Simd};

/// Rows that are summed at once: with two vectors each, sixteen running sums.
const ROWS: usize = 8;

/// The left side of a product: element `(i, p)` is at `i * row + p * column`.
#[derive(Clone, Copy)]
pub(super) struct Left<'a> {
    pub elements: &'a [f32],
    pub row: usize,
    pub column: usize,
}

/// Sizes of a product: `m` rows (a multiple of 8), `k` summed over, `n` columns (a multiple of 16).
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub m: usize,
    pub k: usize,
    pub n: usize,
}

/// Writes `a · b` into `out`, or adds it where `accumulate`; `b` and `out` have rows of `b_row` and `out_row` numbers.
#[inline(always)]
pub(super) fn product<S: Simd>(size: Size, a: Left<'_>, (b, b_row): (&[f32], usize), (out, out_row): (&mut [f32], usize), accumulate: bool) {
    debug_assert!(size.m.is_multiple_of(ROWS) && size.n.is_multiple_of(LANES));
    for i in (0..size.m).step_by(ROWS) {
        let a = Left { elements: &a.elements[i * a.row..], ..a };
        let out = &mut out[i * out_row..];
        let mut j = 0;
        while j + 2 * LANES <= size.n {
            block::<S, 2>(size.k, a, (&b[j..], b_row), (&mut out[j..], out_row), accumulate);
            j += 2 * LANES;
        }
        if j < size.n {
            block::<S, 1>(size.k, a, (&b[j..], b_row), (&mut out[j..], out_row), accumulate);
        }
    }
}

/// Eight rows by `N` vectors.
#[inline(always)]
fn block<S: Simd, const N: usize>(k: usize, a: Left<'_>, (b, b_row): (&[f32], usize), (out, out_row): (&mut [f32], usize), accumulate: bool) {
    let mut sums = [[S::splat(0.0); N]; ROWS];
    for p in 0..k {
        let row = &b[p * b_row..][..N * LANES];
        let right: [S::V; N] = std::array::from_fn(|vector| S::get(row, vector * LANES));
        for (i, sums) in sums.iter_mut().enumerate() {
            let left = S::splat(a.elements[i * a.row + p * a.column]);
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = S::fma(left, right, *sum);
            }
        }
    }
    for (i, sums) in sums.into_iter().enumerate() {
        let row = &mut out[i * out_row..][..N * LANES];
        for (vector, sum) in sums.into_iter().enumerate() {
            let sum = if accumulate { S::add(S::get(row, vector * LANES), sum) } else { sum };
            S::put(row, vector * LANES, sum);
        }
    }
}
