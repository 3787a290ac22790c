//! Products of matrices of attention, which lie in the cache in panels of sixteen columns.

use std::ops::Range;

use super::{
    paneled::Panels,
    simd::{LANES, Simd, TILE},
};

/// The left side of a product.
#[derive(Clone, Copy)]
pub(super) enum Left<'a> {
    /// The matrix.
    Plain(Panels<'a>),
    /// The matrix transposed.
    Transposed(Panels<'a>),
}

/// Sizes of a product: `m` rows (of a left side and a result that have at least one more where it is odd), `k` summed over, `n` columns (a multiple of 16).
#[derive(Clone, Copy)]
pub(super) struct Size {
    pub m: usize,
    pub k: usize,
    pub n: usize,
}

/// What of a product a causal mask leaves to be computed.
#[derive(Clone, Copy)]
pub(super) enum Causal {
    /// Row `i` is read up to column `i +` this one; what lies beyond is left as it is, by whole vectors of tiles.
    Columns(usize),
    /// Row `i` of the left side is zero beyond element `i +` this one.
    Sum(usize),
    /// Row `i` of the left side is zero before element `i -` this one.
    SumFrom(usize),
}

impl Causal {
    /// Whether any of `R` rows from row `i` on is read in the sixteen columns from `column` on, and the part of the sum that they need.
    #[inline(always)]
    fn part<const R: usize>(self, i: usize, column: usize, sum: Range<usize>) -> (bool, Range<usize>) {
        match self {
            Self::Columns(diagonal) => (column < diagonal + i + R, sum),
            Self::Sum(diagonal) => (true, sum.start..sum.end.min(diagonal + i + R)),
            Self::SumFrom(diagonal) => (true, sum.start.max(i.saturating_sub(diagonal))..sum.end),
        }
    }
}

/// Terms of a sum that are taken at a time: so much of a panel of the right side stays in the first level of the cache while all rows of the left side pass by.
const DEPTH: usize = 256;

/// Writes `a · b` into `out`, or adds it where `accumulate`; `out` is in panels of `out_rows` rows.
#[inline(always)]
pub(super) fn product<S: Simd>(s: S, size: Size, causal: Causal, a: Left<'_>, b: Panels<'_>, (out, out_rows): (&mut [f32], usize), accumulate: bool) {
    debug_assert!(size.n.is_multiple_of(LANES));
    for p in (0..size.k).step_by(DEPTH) {
        let (sum, accumulate) = (p..size.k.min(p + DEPTH), accumulate || p > 0);
        let mut panel = 0;
        while panel < size.n / LANES {
            // As many running sums as the registers hold beside the operands: sixteen of 32 registers, or six of two registers each of 16.
            panel += if S::HAS_MANY_REGISTERS && panel + 2 <= size.n / LANES {
                columns::<S, 2>(s, (size.m, sum.clone()), causal, a, (b, panel), (out, out_rows), accumulate)
            } else {
                columns::<S, 1>(s, (size.m, sum.clone()), causal, a, (b, panel), (out, out_rows), accumulate)
            };
        }
    }
}

/// All rows by `N` panels; gives `N`.
#[inline(always)]
fn columns<S: Simd, const N: usize>(
    s: S,
    (m, sum): (usize, Range<usize>),
    causal: Causal,
    a: Left<'_>,
    (b, panel): (Panels<'_>, usize),
    (out, out_rows): (&mut [f32], usize),
    accumulate: bool,
) -> usize {
    let mut i = 0;
    while i < m {
        macro_rules! tile {
            ($rows:literal) => {{
                let (is_read, sum) = causal.part::<$rows>(i, panel * LANES, sum.clone());
                if is_read && (!sum.is_empty() || !accumulate) {
                    block::<S, $rows, N>(s, sum, (a, i), (b, panel), (&mut out[(panel * out_rows + i) * LANES..], out_rows), accumulate);
                }
                $rows
            }};
        }
        i += match m - i {
            8.. if S::HAS_MANY_REGISTERS => tile!(8),
            6.. => tile!(6),
            4.. => tile!(4),
            _ => tile!(2),
        };
    }
    N
}

/// `R` rows by `N` panels.
#[inline(always)]
fn block<S: Simd, const R: usize, const N: usize>(
    s: S,
    sum: Range<usize>,
    (a, i): (Left<'_>, usize),
    (b, panel): (Panels<'_>, usize),
    (out, out_rows): (&mut [f32], usize),
    accumulate: bool,
) {
    let sum = if sum.is_empty() { 0..0 } else { sum };
    // Rows of a pair lie in one panel.
    debug_assert!(i.is_multiple_of(2));
    if R == TILE && N == 1 {
        let panel = &b.panel(panel)[sum.clone()];
        match a {
            Left::Plain(a) => {
                debug_assert!(sum.start.is_multiple_of(LANES));
                s.tile_of_rows(a.rows_from(sum.start, i), panel, out, LANES, accumulate);
            }
            Left::Transposed(a) => {
                s.tile_of_columns::<{ LANES * size_of::<f32>() }>([i, i + 2, i + 4].map(|row| a.column_from(sum.start, row)), panel, out, LANES, accumulate)
            }
        }
        return;
    }
    let mut sums = [[s.splat(0.0); N]; R];
    // Macros and not closures, which would not be compiled for the processor.
    macro_rules! right {
        ($range:expr) => {{
            let mut right: [&[[f32; LANES]]; N] = [&[]; N];
            for (vector, right) in right.iter_mut().enumerate() {
                *right = &b.panel(panel + vector)[$range];
            }
            right
        }};
    }
    macro_rules! add {
        ($right:ident, $q:ident, $r:ident, $left:expr) => {
            let mut lines = [s.splat(0.0); N];
            for vector in 0..N {
                lines[vector] = s.load(&$right[vector][$q]);
            }
            for $r in 0..R {
                let left = s.splat($left);
                for vector in 0..N {
                    sums[$r][vector] = s.fma(left, lines[vector], sums[$r][vector]);
                }
            }
        };
    }
    match a {
        Left::Plain(a) => {
            debug_assert!(sum.start.is_multiple_of(LANES));
            for first in sum.clone().step_by(LANES) {
                let width = LANES.min(sum.end - first);
                let (left, right) = (&a.panel(first / LANES)[i..][..R], right!(first..first + width));
                for q in 0..width {
                    add!(right, q, r, left[r][q]);
                }
            }
        }
        Left::Transposed(a) => {
            let mut columns: [&[[f32; LANES]]; R] = [&[]; R];
            for (r, column) in columns.iter_mut().enumerate() {
                *column = &a.panel((i + r) / LANES)[sum.clone()];
            }
            let right = right!(sum.clone());
            for q in 0..sum.len() {
                add!(right, q, r, columns[r][q][(i + r) % LANES]);
            }
        }
    }
    for (r, sums) in sums.into_iter().enumerate() {
        for (vector, sum) in sums.into_iter().enumerate() {
            let line = &mut out[vector * out_rows * LANES..].as_chunks_mut::<LANES>().0[r];
            let sum = if accumulate { s.add(s.load(line), sum) } else { sum };
            s.store(sum, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::cpu::simd::simd_fn;

    simd_fn! {
        fn run[s](size: Size, causal: Causal, a: Left<'_>, b: Panels<'_>, out: &mut [f32], accumulate: bool) {
            product(s, size, causal, a, b, (out, size.m + 5), accumulate);
        }
    }

    /// Small whole numbers, whose sums are exact in any order and with any rounding.
    fn numbers(len: usize, seed: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 7919 + seed * 104_729) % 17) as f32 - 8.0).collect()
    }

    /// A row-major matrix of so many columns in panels of a few rows more.
    fn panels(x: &[f32], columns: usize, more: usize) -> Vec<f32> {
        let rows = x.len() / columns + more;
        let mut to = vec![7.0; columns.next_multiple_of(LANES) * rows];
        x.iter().enumerate().for_each(|(at, x)| to[(at % columns / LANES * rows + at / columns) * LANES + at % columns % LANES] = *x);
        to
    }

    #[test]
    fn a_causal_product_is_the_product_where_it_is_read_and_adds_to_what_is_there() {
        for (m, k, n) in [(32, 32, 16), (32, 48, 160), (48, 80, 64), (14, 5, 80), (32, 600, 32), (1, 3, 16), (7, 20, 32), (47, 33, 16)] {
            for diagonal in [0, 16, 48] {
                // What the mask leaves out is zero on the left side, or not read in the result.
                let cases: [(Causal, fn(usize, usize, usize) -> bool); 3] = [
                    (Causal::Columns(diagonal), |_, _, _| true),
                    (Causal::Sum(diagonal), |i, p, diagonal| p <= i + diagonal),
                    (Causal::SumFrom(diagonal), |i, p, diagonal| p + diagonal >= i),
                ];
                for (causal, is_seen) in cases {
                    let (mut a, b) = (numbers(m * k, 1), numbers(k * n, 2));
                    a.iter_mut().enumerate().for_each(|(at, a)| *a = if is_seen(at / k, at % k, diagonal) { *a } else { 0.0 });
                    let transposed: Vec<f32> = (0..k * m).map(|at| a[at % m * k + at / m]).collect();
                    let (rows, columns, b_panels) = (panels(&a, k, 3), panels(&transposed, m, 0), panels(&b, n, 1));
                    let lefts = [(Left::Plain(Panels::new(&rows, m + 3)), false), (Left::Transposed(Panels::new(&columns, k)), true)];
                    for (left, accumulate) in lefts {
                        if matches!((left, causal), (Left::Plain(_), Causal::SumFrom(_))) {
                            continue; // sums of rows begin at whole panels
                        }
                        let mut out = vec![1.0; n * (m + 5)];
                        run(Size { m, k, n }, causal, left, Panels::new(&b_panels, k + 1), &mut out, accumulate);
                        for (at, out) in out.iter().enumerate() {
                            let (i, j) = (at / LANES % (m + 5), at / LANES / (m + 5) * LANES + at % LANES);
                            if i >= m.next_multiple_of(2) {
                                assert_eq!(*out, 1.0, "beyond the rows");
                            } else if i >= m {
                                // Of an odd number of rows one more is written.
                            } else if !matches!(causal, Causal::Columns(_)) || j <= diagonal + i {
                                let sum: f32 = (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum();
                                assert_eq!(*out, sum + if accumulate { 1.0 } else { 0.0 }, "{m} by {k} by {n}, diagonal {diagonal}, row {i}, column {j}");
                            }
                        }
                    }
                }
            }
        }
    }
}
