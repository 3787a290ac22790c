//! One query against the cached keys and values of its head.

use super::lanes::Lanes;
use super::{LANES, Line, dispatch};

/// Partial sums of each dot product; which terms go to which is fixed, so that sums do not depend on what is computed beside them.
const CHAINS: usize = 4;

/// Sizes of one head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttentionShape {
    /// Numbers of a query, key or value.
    pub(crate) head_dim: usize,
    /// Number of positions that the query sees, its own included.
    pub(crate) length: usize,
    /// Factor of the dot products.
    pub(crate) scale: f32,
}

impl AttentionShape {
    /// Lines of a value: `head_dim` rounded up.
    fn value_lines(self) -> usize {
        self.head_dim.div_ceil(LANES)
    }
}

dispatch! {
    /// `softmax(query . keys * scale) @ values`; gives the largest score and the sum of the exponentials of all less it.
    ///
    /// # Shapes
    /// With `n = ceil(length / 16)`: `keys` is `[n, head_dim]` lines, each of sixteen positions; `values` is `[length, ceil(head_dim / 16)]` lines;
    /// `scores` has room for `n` lines; `out` for `ceil(head_dim / 16)` lines.
    attend => attend_with(shape: AttentionShape, query: &[f32], keys: &[Line], values: &[Line], scores: &mut [Line], out: &mut [Line]) -> [f32; 2], {
        let blocks = shape.length.div_ceil(LANES);
        assert!(shape.length > 0 && query.len() == shape.head_dim, "a query of one head sees at least itself");
        assert!(keys.len() >= blocks * shape.head_dim && values.len() >= shape.length * shape.value_lines(), "the cache is too short");
        assert!(scores.len() >= blocks && out.len() >= shape.value_lines(), "the output is too short");
    }
}

/// # Safety
/// The instruction set of `L` is there and the slices are as long as [`attend`] asserts.
#[inline(always)]
unsafe fn attend_with<L: Lanes>(shape: AttentionShape, query: &[f32], keys: &[Line], values: &[Line], scores: &mut [Line], out: &mut [Line]) -> [f32; 2] {
    let blocks = shape.length.div_ceil(LANES);
    let scores: *mut f32 = scores.as_mut_ptr().cast();
    // SAFETY: all offsets stay within the lengths that the caller vouches for.
    unsafe {
        let mut largest = L::splat(f32::NEG_INFINITY);
        let mut block = 0;
        while block < blocks {
            let left = blocks - block;
            let keys: *const f32 = keys.as_ptr().add(block * shape.head_dim).cast();
            let first = scores.add(block * LANES);
            if L::HAS_WIDE_TILES && left >= 4 {
                largest = dot_products::<L, 4>(shape, query, keys, first, largest, shape.length - block * LANES);
                block += 4;
            } else {
                largest = dot_products::<L, 1>(shape, query, keys, first, largest, shape.length - block * LANES);
                block += 1;
            }
        }
        let largest = largest.largest();
        let shift = L::splat(largest);
        let mut sum = L::splat(0.0);
        for block in 0..blocks {
            let score = scores.add(block * LANES);
            let weight = L::load(score).sub(shift).exp();
            sum = sum.add(weight);
            weight.store(score);
        }
        let sum = sum.sum();
        let factor = L::splat(1.0 / sum);
        let mut line = 0;
        while line < shape.value_lines() {
            let (from, to) = (values.as_ptr().add(line).cast::<f32>(), out.as_mut_ptr().add(line).cast::<f32>());
            if shape.value_lines() - line >= 2 {
                if L::HAS_WIDE_TILES {
                    weighted_sum::<L, 2, CHAINS>(shape, scores, from, factor, to)
                } else {
                    weighted_sum::<L, 2, 2>(shape, scores, from, factor, to)
                }
                line += 2;
            } else {
                weighted_sum::<L, 1, CHAINS>(shape, scores, from, factor, to);
                line += 1;
            }
        }
        [largest, sum]
    }
}

/// Scores of `B` blocks of sixteen positions, of which `visible` are seen; the others get minus infinity. Returns the larger of each lane and `largest`.
#[inline(always)]
unsafe fn dot_products<L: Lanes, const B: usize>(
    shape: AttentionShape,
    query: &[f32],
    keys: *const f32,
    scores: *mut f32,
    mut largest: L,
    visible: usize,
) -> L {
    // SAFETY: the caller vouches for `B` blocks behind `keys` and `scores`.
    unsafe {
        let mut sums = [[L::splat(0.0); CHAINS]; B];
        let whole = shape.head_dim / CHAINS * CHAINS;
        let query = query.as_ptr();
        let mut d = 0;
        while d < whole {
            for chain in 0..CHAINS {
                let factor = L::splat(*query.add(d + chain));
                for (block, sums) in sums.iter_mut().enumerate() {
                    sums[chain] = factor.fma(L::load(keys.add((block * shape.head_dim + d + chain) * LANES)), sums[chain]);
                }
            }
            d += CHAINS;
        }
        while d < shape.head_dim {
            let factor = L::splat(*query.add(d));
            for (block, sums) in sums.iter_mut().enumerate() {
                sums[0] = factor.fma(L::load(keys.add((block * shape.head_dim + d) * LANES)), sums[0]);
            }
            d += 1;
        }
        for (block, sums) in sums.iter().enumerate() {
            let score = sums[0].add(sums[1]).add(sums[2].add(sums[3])).mul(L::splat(shape.scale));
            let score = score.first(visible.saturating_sub(block * LANES), L::splat(f32::NEG_INFINITY));
            score.store(scores.add(block * LANES));
            largest = largest.max(score);
        }
        largest
    }
}

/// `factor * sum of weights[t] * values[t]` for `V` lines of the values. `AT_ONCE` of the chains are summed at a time, as many as the registers hold: each
/// value belongs to one chain, so that it is read once all the same.
#[inline(always)]
#[allow(clippy::needless_range_loop)] // `line` indexes all four chains.
unsafe fn weighted_sum<L: Lanes, const V: usize, const AT_ONCE: usize>(
    shape: AttentionShape,
    weights: *const f32,
    values: *const f32,
    factor: L,
    out: *mut f32,
) {
    let stride = shape.value_lines() * LANES;
    let whole = shape.length / CHAINS * CHAINS;
    // SAFETY: the caller vouches for `length` values and weights.
    unsafe {
        let mut sums = [[L::splat(0.0); V]; CHAINS];
        for first in (0..CHAINS).step_by(AT_ONCE) {
            let mut some = [[L::splat(0.0); V]; AT_ONCE];
            let mut t = first;
            while t < whole {
                for (chain, sums) in some.iter_mut().enumerate() {
                    let weight = L::splat(*weights.add(t + chain));
                    for (line, sum) in sums.iter_mut().enumerate() {
                        *sum = weight.fma(L::load(values.add((t + chain) * stride + line * LANES)), *sum);
                    }
                }
                t += CHAINS;
            }
            sums[first..first + AT_ONCE].copy_from_slice(&some);
        }
        for t in whole..shape.length {
            let weight = L::splat(*weights.add(t));
            for (line, sum) in sums[0].iter_mut().enumerate() {
                *sum = weight.fma(L::load(values.add(t * stride + line * LANES)), *sum);
            }
        }
        for line in 0..V {
            let sum = sums[0][line].add(sums[1][line]).add(sums[2][line].add(sums[3][line]));
            sum.mul(factor).store(out.add(line * LANES));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Isa;
    use super::*;

    fn number(seed: usize) -> f32 {
        ((seed * 2_654_435_761 % 1000) as f32 - 500.0) / 250.0
    }

    #[test]
    fn attention_equals_the_formula_with_the_same_bits_on_every_instruction_set() {
        for (head_dim, length) in [(32usize, 1usize), (32, 16), (6, 17), (18, 100), (64, 81), (50, 3)] {
            let lines = head_dim.div_ceil(LANES);
            let key = |t: usize, d: usize| number(t * 97 + d * 13 + 5);
            let value = |t: usize, d: usize| number(t * 31 + d * 7 + 3);
            let query: Vec<f32> = (0..head_dim).map(|d| number(d + 900)).collect();
            // Positions that were never written must not count, whatever they hold.
            let mut keys = vec![Line([f32::NAN; LANES]); length.div_ceil(LANES) * head_dim];
            let mut values = vec![Line::ZERO; length * lines];
            for t in 0..length {
                for d in 0..head_dim {
                    keys[t / LANES * head_dim + d].0[t % LANES] = key(t, d);
                    values[t * lines + d / LANES].0[d % LANES] = value(t, d);
                }
            }
            let shape = AttentionShape { head_dim, length, scale: 0.3 };
            let results: Vec<([f32; 2], Vec<Line>)> = Isa::available()
                .into_iter()
                .map(|isa| {
                    let (mut scores, mut out) = (vec![Line::ZERO; length.div_ceil(LANES)], vec![Line::ZERO; lines]);
                    (attend(isa, shape, &query, &keys, &values, &mut scores, &mut out), out)
                })
                .collect();
            assert!(results.iter().all(|result| *result == results[0]));
            let scores: Vec<f64> = (0..length).map(|t| (0..head_dim).map(|d| f64::from(query[d] * key(t, d))).sum::<f64>() * 0.3).collect();
            let largest = scores.iter().fold(f64::MIN, |a, b| a.max(*b));
            let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
            let [found, sum] = results[0].0.map(f64::from);
            assert!((found + sum.ln() - largest - weights.iter().sum::<f64>().ln()).abs() < 1e-4 && (found - largest).abs() < 1e-4, "{head_dim} {length}");
            for d in 0..head_dim {
                let exact = (0..length).map(|t| weights[t] * f64::from(value(t, d))).sum::<f64>() / weights.iter().sum::<f64>();
                assert!((f64::from(results[0].1[d / LANES].0[d % LANES]) - exact).abs() < 1e-4, "{head_dim} {length}");
            }
        }
    }
}
