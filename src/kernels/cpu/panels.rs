//! Products of packed matrices on one thread, for registers of eight numbers.
//!
//! The right side is cut into panels of sixteen columns and the left side into tiles of six rows, each laid out as it is read. A panel stays in the first
//! level of the cache while all tiles pass by from the second: a step of the inner loop, twelve multiply-adds into twelve registers, takes 24 bytes from
//! there (the order of loops of Goto and van de Geijn, ACM TOMS 34(3), 2008). The `gemm` crate holds the narrow side and lets the wide one pass, which
//! takes 64. Where registers hold sixteen numbers, tiles of this size have too few sums to keep them busy.

use std::ops::Range;

use super::{
    matrix::Matrix,
    paneled::put_row,
    simd::{LANES, Simd, TILE, simd_fn},
    space::Scratch,
};

/// Most terms of a sum that are taken at a time, a multiple of [`STEP`]: so much of a panel, and what passes by, fit the first level of the cache.
const DEPTH: usize = 384;

/// Most rows of the left side that are packed at a time, in whole tiles; the right side is packed again for the next ones.
const ROWS: usize = 171 * TILE;

/// Numbers of a row that lie together in a tile made by rows.
const STEP: usize = LANES;

/// Panels of the right side that are packed at a time: a row gives a line of the cache to each.
pub const GROUP: usize = 4;

/// Rows that are asked for ahead while panels are packed.
const AHEAD: usize = 16;

/// The right side of a product.
#[derive(Clone, Copy)]
pub enum Right<'a> {
    /// To be packed on the way.
    Plain(Matrix<'a>),
    /// Panels as [`pack_panels`] makes them of whole columns, one after the other, of a matrix of so many rows and columns.
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
    /// Packs some rows of the columns from `column` on, as many panels as `to` has room for; zeros for columns that there are not.
    pub fn pack_panels[s](b: Matrix<'_>, rows: Range<usize>, column: usize, to: &mut [f32]) {
        let (first, depth) = (rows.start, rows.len());
        let width = (to.len() / depth.max(1)).min(b.columns() - column);
        if !width.is_multiple_of(LANES) {
            to[width / LANES * depth * LANES..].fill(0.0);
        }
        match b.line_of_row() {
            Some(stride) => {
                let rows = &b.elements()[first * stride + column..];
                for (p, row) in rows.chunks(stride).take(depth).enumerate() {
                    // Each row is far from the last one, which the processor does not foresee.
                    s.prefetch_all(rows.get((p + AHEAD) * stride..).and_then(|row| row.get(..width)).unwrap_or_default());
                    put_row(to, depth, p, &row[..width]);
                }
            }
            None => {
                for q in 0..width {
                    let lines = to[q / LANES * depth * LANES..][..depth * LANES].as_chunks_mut::<LANES>().0;
                    for (p, to) in lines.iter_mut().enumerate() {
                        to[q % LANES] = b.at(first + p, column + q);
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
        let mut panels = Scratch::new(GROUP * DEPTH * LANES + LANES);
        let (tiles, panels) = (aligned(&mut tiles), aligned(&mut panels));
        for p in (0..k).step_by(depth.max(1)) {
            let (depth, accumulate) = (depth.min(k - p), accumulate || p > 0);
            for i in (0..m).step_by(height) {
                let height = height.min(m - i);
                let is_row_major = a.line_of_row().is_some();
                if is_row_major { pack_rows(a, (i, height), (p, depth), tiles) } else { pack_columns(a, (i, height), (p, depth), tiles) }
                for j in (0..n).step_by(LANES) {
                    let panel = match b {
                        Right::Plain(b) => {
                            let of_group = j / LANES % GROUP;
                            if of_group == 0 {
                                let count = GROUP.min((n - j).div_ceil(LANES));
                                pack_panels(b, p..p + depth, j, &mut panels[..count * depth * LANES]);
                            }
                            &panels[of_group * depth * LANES..][..depth * LANES]
                        }
                        Right::Packed(packed, _) => &packed[j * k + p * LANES..][..depth * LANES],
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
    if rows == TILE && place.width == LANES {
        return multiply::<S, BY_ROW>(s, tile, panel, out, place.row, place.accumulate);
    }
    let mut whole = [0.0; TILE * LANES];
    multiply::<S, BY_ROW>(s, tile, panel, &mut whole, LANES, false);
    for (line, out) in whole.chunks_exact(LANES).take(rows).zip(out.chunks_mut(place.row)) {
        for (sum, out) in line.iter().zip(&mut out[..place.width]) {
            *out = if place.accumulate { *out + sum } else { *sum };
        }
    }
}

/// All of it. A function and not a closure, which might not be compiled for the processor.
#[inline(always)]
fn multiply<S: Simd, const BY_ROW: bool>(s: S, tile: &[f32], panel: &[[f32; LANES]], out: &mut [f32], columns: usize, accumulate: bool) {
    if BY_ROW {
        s.tile_of_rows((tile, TILE * STEP), panel, out, columns, accumulate);
    } else {
        s.tile_of_columns::<{ TILE * size_of::<f32>() }>([tile, &tile[2..], &tile[4..]], panel, out, columns, accumulate);
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
    /// Columns that are packed for all tiles at a time, so that each is read in order and what is written of a tile lies together; and the numbers of a register.
    const COLUMNS: usize = 8;
    let padded = depth.next_multiple_of(STEP);
    let line = |p: usize| &a.elements()[(start + p) * a.line_of_column() + first..][..height];
    for p in (0..depth).step_by(COLUMNS) {
        // Columns that there are not are packed and not read.
        let lines: [&[f32]; COLUMNS] = std::array::from_fn(|q| line((p + q).min(depth - 1)));
        for (i, tile) in (0..height).step_by(TILE).zip(to.chunks_exact_mut(TILE * padded)) {
            let tile: &mut [f32; TILE * COLUMNS] = tile[p * TILE..].first_chunk_mut().expect("the depth was padded");
            if height - i >= COLUMNS {
                // Eight numbers are a copy of one register; what is too much of one column gives way to the next.
                for q in 0..COLUMNS - 1 {
                    tile[q * TILE..][..COLUMNS].copy_from_slice(&lines[q][i..][..COLUMNS]);
                }
                tile[(COLUMNS - 1) * TILE..].copy_from_slice(&lines[COLUMNS - 1][i..][..TILE]);
            } else {
                // Rows that there are not are computed and not written.
                for (line, to) in lines.iter().zip(tile.chunks_exact_mut(TILE)) {
                    let from = &line[i..height.min(i + TILE)];
                    to[..from.len()].copy_from_slice(from);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::cpu::on_every_isa;

    #[test]
    fn what_space_held_before_is_in_no_product() {
        on_every_isa(|| {
            for (m, k, n) in [(14, 11, 18), (8, 17, 16), (1, 8, 70), (13, 400, 33)] {
                for len in [ROWS * DEPTH + LANES, GROUP * DEPTH * LANES + LANES] {
                    Scratch::new(len).fill(f32::NAN);
                }
                let (a, b, mut out) = (vec![1.0; m * k], vec![1.0; k * n], vec![0.0; m * n]);
                for a in [Matrix::new(&a, k), Matrix::new(&a, m).transposed()] {
                    product(&mut out, a, Right::Plain(Matrix::new(&b, n)), false);
                    assert!(out.iter().all(|sum| *sum == k as f32), "{m} by {k} by {n}");
                }
            }
        });
    }
}
