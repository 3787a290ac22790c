//! Products of packed matrices on one thread, for registers of eight numbers.
//!
//! The right side is cut into panels of sixteen columns and the left side into tiles of six rows, each laid out as it is read. A panel stays in the first
//! level of the cache while all tiles pass by from the second: a step of the inner loop, twelve multiply-adds into twelve registers, takes 24 bytes from
//! there (the order of loops of Goto and van de Geijn, ACM TOMS 34(3), 2008). The `gemm` crate holds the narrow side and lets the wide one pass, which
//! takes 64. Where registers hold sixteen numbers, tiles of this size have too few sums to keep them busy.

use super::{
    matrix::Matrix,
    simd::{LANES, Simd, simd_fn},
    space::Scratch,
};

/// Rows of a tile.
const TILE: usize = 6;

/// Most terms of a sum that are taken at a time, a multiple of [`STEP`]: so much of a panel, and what passes by, fit the first level of the cache.
const DEPTH: usize = 384;

/// Most rows of the left side that are packed at a time, in whole tiles.
const ROWS: usize = 768;

/// Rows that are asked for ahead while a panel is packed.
const AHEAD: usize = 16;

/// Numbers of a row that lie together in a tile of a row-major matrix.
const STEP: usize = 8;

/// The right side of a product.
#[derive(Clone, Copy)]
pub enum Right<'a> {
    /// To be packed on the way.
    Plain(Matrix<'a>),
    /// Panels as [`pack_panel`] makes them of whole columns, one after the other, of a matrix of so many rows and columns.
    Packed(&'a [f32], [usize; 2]),
}

/// Parts of about the same size, as few as there can be of at most `most`.
fn part(len: usize, most: usize) -> usize {
    len.div_ceil(len.div_ceil(most).max(1))
}

/// Terms of a sum of so many that are taken at a time.
pub fn depth(k: usize) -> usize {
    part(k, DEPTH)
}

/// The space from its first line of the cache on.
fn aligned(space: &mut [f32]) -> &mut [f32] {
    let skip = space.as_ptr().align_offset(64).min(LANES);
    &mut space[skip..]
}

simd_fn! {
    /// Packs the rows from `first` on of sixteen columns from `column` on, as many rows as `to` has lines of sixteen; zeros for columns that there are not.
    pub fn pack_panel[s](b: Matrix<'_>, first: usize, column: usize, to: &mut [f32]) {
        let lines = to.as_chunks_mut::<LANES>().0;
        let width = LANES.min(b.columns() - column);
        if width < LANES {
            lines.fill([0.0; LANES]);
        }
        match b.line_of_row() {
            Some(stride) => {
                let rows = &b.elements()[first * stride + column..];
                for (p, (from, to)) in rows.chunks(stride).zip(lines).enumerate() {
                    // Each row is far from the last one, which the processor does not foresee.
                    s.prefetch(rows.get((p + AHEAD) * stride..).unwrap_or_default());
                    match from.first_chunk() {
                        Some(from) if width == LANES => *to = *from,
                        _ => to[..width].copy_from_slice(&from[..width]),
                    }
                }
            }
            None => {
                for q in 0..width {
                    for (p, to) in lines.iter_mut().enumerate() {
                        to[q] = b.at(first + p, column + q);
                    }
                }
            }
        }
    }
}

simd_fn! {
    /// Writes `a · b` into `out`, row-major, or adds it where `accumulate`.
    pub fn product[s](out: &mut [f32], a: Matrix<'_>, b: Right<'_>, accumulate: bool) {
        let (m, k) = (a.rows(), a.columns());
        let n = match b {
            Right::Plain(b) => b.columns(),
            Right::Packed(_, [_, n]) => n,
        };
        if k == 0 && !accumulate {
            out.fill(0.0);
        }
        let (depth, height) = (depth(k), part(m, ROWS).next_multiple_of(TILE).max(TILE));
        // Of one length each, so that space that was given back fits.
        let mut tiles = Scratch::new(ROWS * DEPTH + LANES);
        let mut panel = Scratch::new(DEPTH * LANES + LANES);
        let (tiles, panel) = (aligned(&mut tiles), aligned(&mut panel));
        for p in (0..k).step_by(depth.max(1)) {
            let (depth, accumulate) = (depth.min(k - p), accumulate || p > 0);
            for i in (0..m).step_by(height) {
                let height = height.min(m - i);
                let is_row_major = a.line_of_row().is_some();
                if is_row_major { pack_rows(a, (i, height), (p, depth), tiles) } else { pack_columns(a, (i, height), (p, depth), tiles) }
                for j in (0..n).step_by(LANES) {
                    let panel = match b {
                        Right::Plain(b) => {
                            pack_panel(b, p, j, &mut panel[..depth * LANES]);
                            &panel[..depth * LANES]
                        }
                        Right::Packed(panels, _) => &panels[j * k + p * LANES..][..depth * LANES],
                    };
                    let (out, width) = (&mut out[i * n + j..], LANES.min(n - j));
                    let place = Place { row: n, width, accumulate };
                    if is_row_major { column::<S, true>(s, tiles, panel, height, out, place) } else { column::<S, false>(s, tiles, panel, height, out, place) }
                }
            }
        }
    }
}

/// Where the tiles of a panel go.
#[derive(Clone, Copy)]
struct Place {
    /// Numbers from row to row.
    row: usize,
    /// Columns, at most sixteen.
    width: usize,
    accumulate: bool,
}

/// All tiles, made by rows or by columns, by one panel.
#[inline(always)]
fn column<S: Simd, const BY_ROW: bool>(s: S, tiles: &[f32], panel: &[f32], height: usize, out: &mut [f32], place: Place) {
    let len = (panel.len() / LANES).next_multiple_of(STEP) * TILE;
    for (i, tile) in (0..height).step_by(TILE).zip(tiles.chunks_exact(len)) {
        let rows = TILE.min(height - i);
        by_panel::<S, BY_ROW>(s, tile, panel.as_chunks().0, rows, &mut out[i * place.row..], place);
    }
}

/// A tile by a panel; the first `rows` rows are written.
#[inline(always)]
fn by_panel<S: Simd, const BY_ROW: bool>(s: S, tile: &[f32], panel: &[[f32; LANES]], rows: usize, out: &mut [f32], place: Place) {
    for row in out.chunks(place.row).take(rows) {
        s.prefetch(row);
    }
    let at = |row: usize, q: usize| if BY_ROW { row * STEP + q } else { q * TILE + row };
    // Variables and not an array, which is kept in memory where its loops are unrolled too late.
    let zero = s.splat(0.0);
    let [mut a, mut b, mut c, mut d, mut e, mut f] = [zero; TILE];
    macro_rules! add {
        ($left:expr, $q:expr, $right:expr) => {
            let right = s.load($right);
            a = s.fma(s.splat($left[at(0, $q)]), right, a);
            b = s.fma(s.splat($left[at(1, $q)]), right, b);
            c = s.fma(s.splat($left[at(2, $q)]), right, c);
            d = s.fma(s.splat($left[at(3, $q)]), right, d);
            e = s.fma(s.splat($left[at(4, $q)]), right, e);
            f = s.fma(s.splat($left[at(5, $q)]), right, f);
        };
    }
    if BY_ROW {
        let (whole, rest) = panel.split_at(panel.len() / STEP * STEP);
        for (right, left) in whole.chunks_exact(STEP).zip(tile.chunks_exact(TILE * STEP)) {
            for q in 0..STEP {
                add!(left, q, &right[q]);
            }
        }
        if !rest.is_empty() {
            let left = &tile[whole.len() * TILE..][..TILE * STEP];
            for (q, right) in rest.iter().enumerate() {
                add!(left, q, right);
            }
        }
    } else {
        // Unrolled, it would run out of registers.
        for (right, left) in panel.iter().zip(tile.as_chunks::<TILE>().0) {
            add!(left, 0, right);
        }
    }
    let sums = [a, b, c, d, e, f];
    if rows < TILE || place.width < LANES {
        let mut tile = [[0.0; LANES]; TILE];
        for (sum, line) in sums.into_iter().zip(&mut tile) {
            s.store(sum, line);
        }
        for (line, out) in tile.iter().take(rows).zip(out.chunks_mut(place.row)) {
            for (sum, out) in line.iter().zip(&mut out[..place.width]) {
                *out = if place.accumulate { *out + sum } else { *sum };
            }
        }
        return;
    }
    macro_rules! write {
        ($sum:ident, $r:ident, $line:ident, $value:expr) => {
            for ($r, $sum) in sums.into_iter().enumerate() {
                let $line = out[$r * place.row..].first_chunk_mut().expect("the tile is whole");
                s.store($value, $line);
            }
        };
    }
    if place.accumulate {
        write!(sum, r, line, s.add(s.load(line), sum));
    } else {
        write!(sum, r, line, sum);
    }
}

/// Packs rows of a row-major matrix into tiles: [`STEP`] numbers of the first row, of the second, and so on.
#[inline(always)]
fn pack_rows(a: Matrix<'_>, (first, height): (usize, usize), (start, depth): (usize, usize), to: &mut [f32]) {
    let stride = a.line_of_row().unwrap_or(1);
    let padded = depth.next_multiple_of(STEP);
    for (i, tile) in (0..height).step_by(TILE).zip(to.chunks_exact_mut(TILE * padded)) {
        for r in 0..TILE {
            // Rows that there are not are computed and not written.
            let row = first + (i + r).min(height - 1);
            let (blocks, rest) = a.elements()[row * stride + start..][..depth].as_chunks::<STEP>();
            for (from, to) in blocks.iter().zip(tile.chunks_exact_mut(TILE * STEP)) {
                to[r * STEP..][..STEP].copy_from_slice(from);
            }
            if !rest.is_empty() {
                tile[(padded - STEP) * TILE + r * STEP..][..rest.len()].copy_from_slice(rest);
            }
        }
    }
}

/// Packs rows of a transposed row-major matrix into tiles: the first number of every row, the second, and so on.
#[inline(always)]
fn pack_columns(a: Matrix<'_>, (first, height): (usize, usize), (start, depth): (usize, usize), to: &mut [f32]) {
    let padded = depth.next_multiple_of(STEP);
    let line = |p: usize| &a.elements()[(start + p) * a.line_of_column() + first..][..height];
    // Some columns for all tiles: each is read in order, and what is written of a tile lies together.
    for p in (0..depth).step_by(STEP) {
        let tiles = to.chunks_exact_mut(TILE * padded).map(|tile| tile.as_chunks_mut::<TILE>().0[p..].first_chunk_mut().expect("the depth was padded"));
        // Columns that there are not are packed and not read.
        let lines: [&[f32]; STEP] = std::array::from_fn(|q| line((p + q).min(depth - 1)));
        let whole: [&[[f32; TILE]]; STEP] = lines.map(|line| line.as_chunks().0);
        let rest: [&[f32]; STEP] = lines.map(|line| line.as_chunks::<TILE>().1);
        for (i, tile) in (0..height.div_ceil(TILE)).zip(tiles) {
            let tile: &mut [[f32; TILE]; STEP] = tile;
            for (q, to) in tile.iter_mut().enumerate() {
                match whole[q].get(i) {
                    Some(from) => *to = *from,
                    // Rows that there are not are computed and not written.
                    None => to[..rest[q].len()].copy_from_slice(rest[q]),
                }
            }
        }
    }
}
