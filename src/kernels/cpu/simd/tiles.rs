//! Products of a tile and a panel where the processor has nothing of its own for them.

use super::{LANES, Simd, TILE};

/// Writes the product of six rows, whose numbers `left` gives by row and term, and the lines of a panel, or adds it where `accumulate`.
///
/// # Panics
/// Where `out` has fewer than six rows.
#[inline(always)]
pub(super) fn add_tile<S: Simd>(s: S, left: impl Fn(usize, usize) -> f32, panel: &[[f32; LANES]], out: &mut [f32], columns: usize, accumulate: bool) {
    let mut sums = [s.splat(0.0); TILE];
    for (term, line) in panel.iter().enumerate() {
        let line = s.load(line);
        for (row, sum) in sums.iter_mut().enumerate() {
            *sum = s.fma(s.splat(left(row, term)), line, *sum);
        }
    }
    for (row, sum) in sums.into_iter().enumerate() {
        let out = out[row * columns..].first_chunk_mut().expect("a tile has a place");
        s.store(if accumulate { s.add(s.load(out), sum) } else { sum }, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::cpu::simd::{on_every_isa, simd_fn};

    /// Numbers of which sums of products are exact.
    fn left(row: usize, term: usize) -> f32 {
        ((row * 31 + term * 7) % 17) as f32 - 8.0
    }

    fn right(term: usize, column: usize) -> f32 {
        ((term * 13 + column * 5) % 19) as f32 - 9.0
    }

    simd_fn! {
        fn rows[s](tile: &[f32], block: usize, panel: &[[f32; LANES]], out: &mut [f32], columns: usize, accumulate: bool) {
            s.tile_of_rows((tile, block), panel, out, columns, accumulate);
        }
    }

    simd_fn! {
        fn columns[s](tile: [&[f32]; 3], panel: &[[f32; LANES]], out: &mut [f32], columns: usize, accumulate: bool) {
            s.tile_of_columns::<32>(tile, panel, out, columns, accumulate);
        }
    }

    /// A place of seven rows, of which the first six are the product, added to what is there.
    fn check(terms: usize, columns: usize, multiply: impl Fn(&[[f32; LANES]], &mut [f32], bool)) {
        let panel: Vec<[f32; LANES]> = (0..terms).map(|term| std::array::from_fn(|column| right(term, column))).collect();
        for accumulate in [false, true] {
            let mut out = vec![0.5; 7 * columns];
            multiply(&panel, &mut out, accumulate);
            for (at, out) in out.iter().enumerate() {
                let (row, column) = (at / columns, at % columns);
                let sum: f32 = (0..terms).map(|term| left(row, term) * right(term, column)).sum();
                let expected = match (row < TILE && column < LANES, accumulate) {
                    (true, false) => sum,
                    (true, true) => sum + 0.5,
                    (false, _) => 0.5,
                };
                assert_eq!(*out, expected, "{terms} terms, row {row}, column {column} of {columns}, accumulate: {accumulate}");
            }
        }
    }

    #[test]
    fn a_tile_by_rows_or_columns_gives_the_product_and_nothing_beside_it() {
        on_every_isa(|| {
            for terms in [0_usize, 1, 7, 8, 9, 15, 16, 17, 33, 100] {
                for width in [LANES, 23] {
                    // Blocks of six rows and one more; nothing lies behind the last block.
                    let block = 7 * LANES;
                    let mut tile = vec![f32::NAN; terms.div_ceil(LANES) * block];
                    (0..terms).for_each(|term| (0..TILE).for_each(|row| tile[term / LANES * block + row * LANES + term % LANES] = left(row, term)));
                    tile.truncate(tile.len().saturating_sub(LANES));
                    check(terms, width, |panel, out, accumulate| rows(&tile, block, panel, out, width, accumulate));
                    // Eight numbers a term, of which the parts begin anywhere.
                    let mut parts = [vec![], vec![], vec![]];
                    for (part, numbers) in parts.iter_mut().enumerate() {
                        *numbers = vec![f32::NAN; terms * 8];
                        (0..terms).for_each(|term| (0..2).for_each(|row| numbers[term * 8 + row] = left(2 * part + row, term)));
                        numbers.truncate(numbers.len().saturating_sub(6));
                    }
                    check(terms, width, |panel, out, accumulate| columns([&parts[0], &parts[1], &parts[2]], panel, out, width, accumulate));
                }
            }
        });
    }

    #[test]
    fn what_is_too_short_is_refused() {
        on_every_isa(|| {
            let (panel, tile) = (vec![[1.0; LANES]; 17], vec![1.0; 2 * TILE * LANES]);
            let refused = |multiply: &dyn Fn()| std::panic::catch_unwind(std::panic::AssertUnwindSafe(multiply)).is_err();
            let place = TILE * LANES;
            assert!(refused(&|| rows(&tile[..TILE * LANES + 5], TILE * LANES, &panel, &mut vec![0.0; place], LANES, false)));
            assert!(refused(&|| rows(&tile, TILE * LANES, &panel, &mut vec![0.0; place - 1], LANES, false)));
            assert!(refused(&|| rows(&tile, usize::MAX / 2, &panel, &mut vec![0.0; place], LANES, false)));
            // Six rows so far apart that their number overflows.
            assert!(refused(&|| rows(&tile, TILE * LANES, &panel, &mut vec![0.0; place], usize::MAX / 5 + 2, false)));
            let part = &tile[..16 * 8 + 2];
            assert!(!refused(&|| columns([part; 3], &panel, &mut vec![0.0; place], LANES, false)));
            assert!(refused(&|| columns([part, &part[1..], part], &panel, &mut vec![0.0; place], LANES, false)));
            assert!(refused(&|| columns([part; 3], &panel, &mut vec![0.0; place - 1], LANES, false)));
        });
    }
}
