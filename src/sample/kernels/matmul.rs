//! Products of a few activation rows with a packed weight matrix.
//!
//! Each output is the chain `((0 + a0 b0) + a1 b1) + …` of fused operations in the order of the inner dimension, whatever the number of rows.

use super::lanes::Lanes;
use super::{Isa, LANES, Line, dispatch};

/// Columns of a panel, the unit that a weight matrix is cut into.
pub(crate) const PANEL: usize = 64;

/// Vectors of a panel row.
const VECTORS: usize = PANEL / LANES;

/// The most rows of a tile.
pub(crate) const TILE_ROWS: usize = 6;

/// Numbers of a panel that are asked for before they are read: 2 KiB, half a page.
const AHEAD: usize = 512;

/// What happens to a product before it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epilogue {
    /// It replaces the output.
    Store,
    /// It is added to the output.
    Add,
    /// The first half of each panel is the gate, the second the value: `silu(gate) * value`, half as wide, replaces the output.
    SwiGlu,
}

/// A matrix `[inner, n]` cut into panels of 64 columns; missing columns are zeros. A panel is stored row by row where tiles are as wide as it, and else
/// vector by vector, so that what a tile reads lies together.
#[derive(Clone, Debug)]
pub(crate) struct PackedMatrix {
    inner: usize,
    /// Numbers from one row of a panel to the next, and from one of its vectors to the next.
    steps: [usize; 2],
    lines: Vec<Line>,
}

impl PackedMatrix {
    /// Packs `inner` rows of `panels * 64` columns, where `line(row, column)` gives the numbers from a column on, into the memory of an earlier matrix.
    pub(crate) fn over(old: Option<Self>, inner: usize, panels: usize, line: impl Fn(usize, usize) -> [f32; LANES]) -> Self {
        Self::for_tiles(old, inner, panels, Isa::best().has_wide_tiles(), line)
    }

    fn for_tiles(old: Option<Self>, inner: usize, panels: usize, has_wide_tiles: bool, line: impl Fn(usize, usize) -> [f32; LANES]) -> Self {
        let lines_of_steps = if has_wide_tiles { [VECTORS, 1] } else { [1, inner] };
        let mut lines = old.map(|old| old.lines).unwrap_or_default();
        lines.resize(inner * panels * VECTORS, Line::ZERO);
        for (panel, lines) in lines.chunks_exact_mut((inner * VECTORS).max(1)).enumerate() {
            for row in 0..inner {
                for vector in 0..VECTORS {
                    lines[row * lines_of_steps[0] + vector * lines_of_steps[1]] = Line(line(row, panel * PANEL + vector * LANES));
                }
            }
        }
        Self { inner, steps: lines_of_steps.map(|lines| lines * LANES), lines }
    }

    /// Number of columns, padding included.
    pub(crate) fn width(&self) -> usize {
        self.lines.len() / self.inner * LANES
    }
}

dispatch! {
    /// `epilogue(a @ weights)` for `rows` rows; row `i` starts at `i * stride` in `a` and `out`.
    ///
    /// # Shapes
    /// `a` is `[rows, inner]`, `out` is `[rows, width]`, or half that width for [`Epilogue::SwiGlu`].
    matmul => multiply(rows: usize, a: &[f32], a_stride: usize, weights: &PackedMatrix, out: &mut [f32], out_stride: usize, epilogue: Epilogue), {
        let width = if epilogue == Epilogue::SwiGlu { weights.width() / 2 } else { weights.width() };
        if rows == 0 || width == 0 {
            return;
        }
        assert!(weights.inner <= a_stride && (rows - 1) * a_stride + weights.inner <= a.len(), "activations are too short");
        assert!(width <= out_stride && (rows - 1) * out_stride + width <= out.len(), "output is too short");
    }
}

/// # Safety
/// The instruction set of `L` is there and the slices are as long as [`matmul`] asserts.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn multiply<L: Lanes>(rows: usize, a: &[f32], a_stride: usize, weights: &PackedMatrix, out: &mut [f32], out_stride: usize, epilogue: Epilogue) {
    let blocks = rows.div_ceil(TILE_ROWS);
    let (written, units) = if epilogue == Epilogue::SwiGlu { (PANEL / 2, VECTORS / 2) } else { (PANEL, VECTORS) };
    for (panel, lines) in weights.lines.chunks_exact(weights.inner * VECTORS).enumerate() {
        // A wide tile takes the panel whole; low ones take it piece by piece, each against all rows while it is in the cache.
        let pieces = if L::HAS_WIDE_TILES || rows == 1 { 1 } else { units };
        for piece in 0..pieces {
            for block in 0..blocks {
                // Blocks of nearly equal height, so that no tile is too low to hide the latency of its additions.
                let (first, end) = (rows * block / blocks, rows * (block + 1) / blocks);
                // SAFETY: `first < rows` and `panel` is within the width, so that all tiles lie within the slices.
                unsafe {
                    let tile = Tile {
                        a: a.as_ptr().add(first * a_stride),
                        a_stride,
                        inner: weights.inner,
                        panel: lines.as_ptr().cast(),
                        steps: weights.steps,
                        out: out.as_mut_ptr().add(first * out_stride + panel * written),
                        out_stride,
                        epilogue,
                    };
                    match end - first {
                        1 => tile.run::<L, 1>(piece, pieces),
                        2 => tile.run::<L, 2>(piece, pieces),
                        3 => tile.run::<L, 3>(piece, pieces),
                        4 => tile.run::<L, 4>(piece, pieces),
                        5 => tile.run::<L, 5>(piece, pieces),
                        _ => tile.run::<L, TILE_ROWS>(piece, pieces),
                    }
                }
            }
        }
    }
}

/// A few rows against one panel.
struct Tile {
    a: *const f32,
    a_stride: usize,
    inner: usize,
    panel: *const f32,
    steps: [usize; 2],
    out: *mut f32,
    out_stride: usize,
    epilogue: Epilogue,
}

impl Tile {
    /// One of `pieces` parts of the panel: all of it, or one vector (with SwiGLU one of the gate and one of the value).
    ///
    /// # Safety
    /// As for [`multiply`]; `R` rows lie behind the pointers.
    #[inline(always)]
    unsafe fn run<L: Lanes, const R: usize>(&self, piece: usize, pieces: usize) {
        const HALF: usize = VECTORS / 2;
        // SAFETY: the caller vouches for all pointers; the pieces cover the panel exactly once.
        unsafe {
            if pieces == 1 {
                let sums = self.product::<L, R, VECTORS>(0);
                if self.epilogue == Epilogue::SwiGlu {
                    for vector in 0..HALF {
                        self.gate(vector, (&sums, vector), (&sums, HALF + vector));
                    }
                } else {
                    for vector in 0..VECTORS {
                        self.finish(vector, (&sums, vector));
                    }
                }
            } else if self.epilogue == Epilogue::SwiGlu {
                // One after the other: the sums of both do not fit the registers.
                let gates = self.product::<L, R, 1>(piece);
                let values = self.product::<L, R, 1>(HALF + piece);
                self.gate(piece, (&gates, 0), (&values, 0));
            } else {
                self.finish(piece, (&self.product::<L, R, 1>(piece), 0));
            }
        }
    }

    /// The product of `R` rows with `V` vectors from `first` on.
    #[inline(always)]
    unsafe fn product<L: Lanes, const R: usize, const V: usize>(&self, first: usize) -> [[L; V]; R] {
        // SAFETY: `inner` rows lie behind `panel` and behind each row of `a`.
        unsafe {
            let mut sums = [[L::splat(0.0); V]; R];
            let mut weights = self.panel.add(first * self.steps[1]);
            for k in 0..self.inner {
                let mut columns = [L::splat(0.0); V];
                for (vector, column) in columns.iter_mut().enumerate() {
                    *column = L::load(weights.add(vector * self.steps[1]));
                }
                for (row, sums) in sums.iter_mut().enumerate() {
                    let factor = L::splat(*self.a.add(row * self.a_stride + k));
                    for (sum, column) in sums.iter_mut().zip(columns) {
                        *sum = factor.fma(column, *sum);
                    }
                }
                // A whole panel of its own: asked for well before it is read.
                if V == 1 {
                    L::prefetch(weights.wrapping_add(AHEAD));
                }
                weights = weights.add(self.steps[0]);
            }
            sums
        }
    }

    /// Writes vector `from` of the sums of each row to place `vector`.
    #[inline(always)]
    unsafe fn finish<L: Lanes, const R: usize, const V: usize>(&self, vector: usize, (sums, from): (&[[L; V]; R], usize)) {
        for (row, sums) in sums.iter().enumerate() {
            // SAFETY: the output row is as wide as the panel.
            unsafe {
                let to = self.out.add(row * self.out_stride + vector * LANES);
                let sum = if self.epilogue == Epilogue::Add { L::load(to).add(sums[from]) } else { sums[from] };
                sum.store(to);
            }
        }
    }

    /// Writes `silu(gate) * value` of one vector of each row to place `vector`.
    #[inline(always)]
    unsafe fn gate<L: Lanes, const R: usize, const V: usize>(
        &self,
        vector: usize,
        (gates, gate): (&[[L; V]; R], usize),
        (values, value): (&[[L; V]; R], usize),
    ) {
        for row in 0..R {
            // SAFETY: the output row is half as wide as the panel.
            unsafe {
                let (gate, value) = (gates[row][gate], values[row][value]);
                gate.silu().mul(value).store(self.out.add(row * self.out_stride + vector * LANES));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(seed: usize) -> f32 {
        ((seed * 2_654_435_761 % 1000) as f32 - 500.0) / 500.0
    }

    fn product(isa: Isa, rows: usize, first: usize, epilogue: Epilogue) -> Vec<f32> {
        let inner = 37;
        let line = |row: usize, first: usize| std::array::from_fn(|lane| number(row * 131 + (first + lane) * 7 + 1));
        let weights = PackedMatrix::for_tiles(None, inner, 2, isa.has_wide_tiles(), line);
        let a: Vec<f32> = (0..rows * 40).map(|index| number(index + first * 40)).collect();
        let mut out = vec![0.5; rows * 128];
        matmul(isa, rows, &a, 40, &weights, &mut out, 128, epilogue);
        out
    }

    #[test]
    fn products_equal_the_formula_on_every_instruction_set() {
        let out = product(Isa::best(), 8, 0, Epilogue::Add);
        for (row, column) in [(0, 0), (3, 77), (7, 127)] {
            let exact: f64 = (0..37).map(|k| f64::from(number(row * 40 + k)) * f64::from(number(k * 131 + column * 7 + 1))).sum();
            assert!((f64::from(out[row * 128 + column]) - exact - 0.5).abs() < 1e-5);
        }
    }

    #[test]
    fn swiglu_equals_the_formula() {
        let (plain, out) = (product(Isa::best(), 3, 0, Epilogue::Store), product(Isa::best(), 3, 0, Epilogue::SwiGlu));
        for (row, column) in [(0, 0), (1, 31), (2, 40)] {
            let gate = plain[row * 128 + column / 32 * 64 + column % 32];
            let value = plain[row * 128 + column / 32 * 64 + 32 + column % 32];
            assert!((out[row * 128 + column] - gate / (1.0 + (-gate).exp()) * value).abs() < 1e-6);
        }
    }

    #[test]
    fn panels_gated_apart_have_the_bits_of_those_gated_at_once() {
        for isa in Isa::available() {
            let (plain, at_once) = (product(isa, 7, 0, Epilogue::Store), product(isa, 7, 0, Epilogue::SwiGlu));
            for (panels, expected) in plain.chunks_exact(128).zip(at_once.chunks_exact(128)) {
                let mut out = [0.0; 64];
                super::super::gate_panels(isa, panels, &mut out);
                assert_eq!(out, expected[..64], "{isa:?}");
            }
        }
    }

    #[test]
    fn a_row_has_the_same_bits_in_every_batch_and_on_every_instruction_set() {
        for epilogue in [Epilogue::Store, Epilogue::Add, Epilogue::SwiGlu] {
            let all = product(Isa::best(), 19, 0, epilogue);
            for isa in Isa::available() {
                for (first, rows) in [(0, 1), (1, 2), (2, 7), (5, 14)] {
                    let some = product(isa, rows, first, epilogue);
                    assert_eq!(some, all[first * 128..(first + rows) * 128], "{isa:?} {epilogue:?} {first}+{rows}");
                }
            }
        }
    }
}
