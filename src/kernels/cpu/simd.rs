//! Sixteen numbers at a time: AVX-512, AVX2 or plain Rust, chosen at run time.
//!
//! **Invariant**: whoever holds a value of [`Avx512`] or [`Avx2`] runs on a processor that has these instructions, as only detection makes one. Vector
//! arithmetic is methods of such a value, so that safe code cannot run what is not there.
//!
//! `unsafe` is calls of intrinsics and assembly, in [`x86`], and of functions compiled for instructions, in [`simd_fn`].

mod isa;
mod portable;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use isa::{Isa, has_vectors_of_eight, simd_fn};
#[cfg(test)]
pub use isa::{on_every_isa, on_threads};
pub(super) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

/// Numbers in a vector.
pub(super) const LANES: usize = 16;

/// Rows of a tile of the left side of a product.
pub(super) const TILE: usize = 6;

/// The arithmetic of vectors of sixteen `f32`. All methods are meant to be inlined into a function made by [`simd_fn`].
pub(super) trait Simd: Copy {
    /// The vector.
    type V: Copy;
    /// Whether there are 32 registers of a vector each, not 16 of half a vector.
    const HAS_MANY_REGISTERS: bool;

    fn splat(self, x: f32) -> Self::V;
    fn load(self, x: &[f32; LANES]) -> Self::V;
    fn store(self, v: Self::V, into: &mut [f32; LANES]);
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The greater; `b` where either is not a number.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The lesser; `b` where either is not a number.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `2^n` where the low bits of the pattern of `biased` hold `n + 127`.
    fn power_of_two(self, biased: Self::V) -> Self::V;

    /// Asks for the line of the cache that `x` begins in, which is soon read or written.
    #[inline(always)]
    fn prefetch(self, _x: &[f32]) {}

    /// Asks for the lines of the cache that `x` lies in; where it does not begin with one, the last may be left out.
    #[inline(always)]
    fn prefetch_all(self, x: &[f32]) {
        for at in (0..x.len()).step_by(LANES) {
            self.prefetch(&x[at..]);
        }
    }

    /// Writes the product of a tile of six rows and a panel of sixteen columns into the first rows of `out`, which begin `columns` numbers apart, or adds it where
    /// `accumulate`. The tile holds sixteen numbers of each row, one row after the other, and begins again so many numbers on.
    ///
    /// # Panics
    /// Where the tile has fewer terms than the panel, or the place fewer than six rows.
    #[inline(always)]
    fn tile_of_rows(self, (left, block): (&[f32], usize), panel: &[[f32; LANES]], out: &mut [f32], columns: usize, accumulate: bool) {
        tiles::add_tile(self, |row, term| left[term / LANES * block + row * LANES + term % LANES], panel, out, columns, accumulate);
    }

    /// The same of a tile that holds the numbers of each term `TERM` bytes apart: of two rows in each of the three parts.
    ///
    /// # Panics
    /// Where the tile has fewer terms than the panel, or the place fewer than six rows.
    #[inline(always)]
    fn tile_of_columns<const TERM: usize>(self, left: [&[f32]; 3], panel: &[[f32; LANES]], out: &mut [f32], columns: usize, accumulate: bool) {
        tiles::add_tile(self, |row, term| left[row / 2][term * (TERM / size_of::<f32>()) + row % 2], panel, out, columns, accumulate);
    }

    /// Sum of the lanes, in an order that is the same everywhere.
    #[inline(always)]
    fn sum(self, v: Self::V) -> f32 {
        let mut lanes = [0.0; LANES];
        self.store(v, &mut lanes);
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                lanes[lane] += lanes[lane + half];
            }
        }
        lanes[0]
    }

    /// Greatest of the lanes.
    #[inline(always)]
    fn greatest(self, v: Self::V) -> f32 {
        let mut lanes = [0.0; LANES];
        self.store(v, &mut lanes);
        lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// The vector at `at`; zeros beyond the end.
    #[inline(always)]
    fn get(self, x: &[f32], at: usize) -> Self::V {
        match x[at..].first_chunk() {
            Some(lanes) => self.load(lanes),
            None => self.load(&padded(&x[at..])),
        }
    }

    /// Writes the vector at `at`; nothing beyond the end.
    #[inline(always)]
    fn put(self, x: &mut [f32], at: usize, v: Self::V) {
        let rest = &mut x[at..];
        match rest.first_chunk_mut() {
            Some(lanes) => self.store(v, lanes),
            None => {
                let mut lanes = [0.0; LANES];
                self.store(v, &mut lanes);
                cut(&lanes, rest);
            }
        }
    }

    /// The exponential function, to about one unit in the last place; arguments are held within [-87, 88].
    #[inline(always)]
    fn exp(self, x: Self::V) -> Self::V {
        // Adding this leaves the nearest integer, with the exponent's bias, in the low bits of the pattern.
        const ROUND: f32 = 12_582_912.0 + 127.0;
        // The bounds stand first: what is not a number then stays so.
        let x = self.min(self.splat(88.0), self.max(self.splat(-87.0), x));
        let biased = self.fma(x, self.splat(std::f32::consts::LOG2_E), self.splat(ROUND));
        let n = self.sub(biased, self.splat(ROUND));
        // ln 2 in two parts, so that the remainder keeps its digits.
        let r = self.fma(n, self.splat(-0.693_359_4), x);
        let r = self.fma(n, self.splat(2.121_944_4e-4), r);
        let mut p = self.splat(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
            p = self.fma(p, r, self.splat(coefficient));
        }
        let p = self.add(self.fma(self.mul(p, r), r, r), self.splat(1.0));
        self.mul(p, self.power_of_two(biased))
    }
}

#[cold]
#[inline(never)]
fn padded(x: &[f32]) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    lanes[..x.len()].copy_from_slice(x);
    lanes
}

#[cold]
#[inline(never)]
fn cut(lanes: &[f32; LANES], into: &mut [f32]) {
    into.copy_from_slice(&lanes[..into.len()]);
}

#[cfg(test)]
mod tests {
    use super::*;

    simd_fn! {
        fn exponentials[s](x: &[f32], out: &mut [f32]) {
            for at in (0..x.len()).step_by(LANES) {
                s.put(out, at, s.exp(s.get(x, at)));
            }
        }
    }

    #[test]
    fn the_exponential_is_right_to_the_last_digits_and_in_odd_lengths() {
        on_every_isa(|| {
            let x: Vec<f32> = (0..4_001).map(|i| -86.5 + 0.0435 * i as f32).collect();
            let mut out = vec![0.0; x.len()];
            exponentials(&x, &mut out);
            for (x, value) in x.iter().zip(out) {
                let exact = f64::from(*x).exp();
                assert!((f64::from(value) / exact - 1.0).abs() < 4e-7, "exp({x}) = {value}, not {exact}, on {:?}", Isa::chosen());
            }
        });
    }
}
