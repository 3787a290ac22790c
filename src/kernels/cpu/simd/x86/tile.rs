//! The inner loop of products for AVX2, in assembly: the compiler keeps the twelve sums in registers only at some unrollings, and its way into the loop and out
//! of it took a fourteenth of the time of long products and more of short ones.

use std::arch::asm;

use super::Avx2;
use crate::kernels::cpu::simd::{LANES, TILE};

/// Bytes of a number.
const NUMBER: usize = size_of::<f32>();

/// Multiply-adds into `ymm0` to `ymm11` for the term `$q` from where the pointers stand.
#[rustfmt::skip] // a line of assembly a line
macro_rules! term {
    ($q:literal) => {
        concat!(
            "vmovups ymm12, [{b} + 64*", $q, "]\n",
            "vmovups ymm13, [{b} + 64*", $q, " + 32]\n",
            "vbroadcastss ymm14, [{a0} + {term}*", $q, "]\n",
            "vbroadcastss ymm15, [{a0} + {term}*", $q, " + {row}]\n",
            "vfmadd231ps ymm0, ymm12, ymm14\n",
            "vfmadd231ps ymm1, ymm13, ymm14\n",
            "vfmadd231ps ymm2, ymm12, ymm15\n",
            "vfmadd231ps ymm3, ymm13, ymm15\n",
            "vbroadcastss ymm14, [{a1} + {term}*", $q, "]\n",
            "vbroadcastss ymm15, [{a1} + {term}*", $q, " + {row}]\n",
            "vfmadd231ps ymm4, ymm12, ymm14\n",
            "vfmadd231ps ymm5, ymm13, ymm14\n",
            "vfmadd231ps ymm6, ymm12, ymm15\n",
            "vfmadd231ps ymm7, ymm13, ymm15\n",
            "vbroadcastss ymm14, [{a2} + {term}*", $q, "]\n",
            "vbroadcastss ymm15, [{a2} + {term}*", $q, " + {row}]\n",
            "vfmadd231ps ymm8, ymm12, ymm14\n",
            "vfmadd231ps ymm9, ymm13, ymm14\n",
            "vfmadd231ps ymm10, ymm12, ymm15\n",
            "vfmadd231ps ymm11, ymm13, ymm15\n",
        )
    };
}

/// The same for several terms, with a line of the left side asked for ahead: the next tiles where they were packed, and something that does no harm elsewhere.
macro_rules! terms {
    ($ahead:literal: $($q:literal)*) => {
        concat!("prefetcht0 [{a0} + 1024 + ", $ahead, "]\n", $(term!($q)),*)
    };
}

/// Adds up a tile of six rows by the lines of a panel, in passes of so many terms that are written out.
///
/// `$left` points at the first two rows, the next two and the last two; rows of two are `$row` bytes apart and terms `$term` bytes within a pass, and passes
/// `$pass` bytes.
///
/// To be safe, the numbers that are so described for as many terms as the panel has lines, and six times sixteen numbers at `$out`, `$columns` apart, can be
/// read, and the latter written. What is asked for ahead is not read, and the stack is not used.
macro_rules! add_tile {
    ($terms:literal terms: $($pass_of:expr),*; $left:expr, $row:expr, $term:expr, $pass:expr, $panel:expr, $out:expr, $columns:expr, $accumulate:expr) => {
        asm!(
            // The place, asked for long before it is needed; `fourth` is its fourth row.
            "lea {fourth}, [{out} + 2*{n}]",
            "add {fourth}, {n}",
            "prefetchw [{out}]",
            "prefetchw [{out} + {n}]",
            "prefetchw [{out} + 2*{n}]",
            "prefetchw [{fourth}]",
            "prefetchw [{fourth} + {n}]",
            "prefetchw [{fourth} + 2*{n}]",
            "vxorps ymm0, ymm0, ymm0",
            "vxorps ymm1, ymm1, ymm1",
            "vxorps ymm2, ymm2, ymm2",
            "vxorps ymm3, ymm3, ymm3",
            "vxorps ymm4, ymm4, ymm4",
            "vxorps ymm5, ymm5, ymm5",
            "vxorps ymm6, ymm6, ymm6",
            "vxorps ymm7, ymm7, ymm7",
            "vxorps ymm8, ymm8, ymm8",
            "vxorps ymm9, ymm9, ymm9",
            "vxorps ymm10, ymm10, ymm10",
            "vxorps ymm11, ymm11, ymm11",
            "test {passes}, {passes}",
            "jz 3f",
            ".p2align 4",
            "2:",
            $($pass_of,)*
            "add {a0}, {pass}",
            "add {a1}, {pass}",
            "add {a2}, {pass}",
            concat!("add {b}, 64*", $terms),
            "dec {passes}",
            "jnz 2b",
            "3:",
            "test {rest}, {rest}",
            "jz 5f",
            "4:",
            term!("0"),
            "add {a0}, {term}",
            "add {a1}, {term}",
            "add {a2}, {term}",
            "add {b}, 64",
            "dec {rest}",
            "jnz 4b",
            "5:",
            "test {accumulate:e}, {accumulate:e}",
            "jz 6f",
            "vaddps ymm0, ymm0, [{out}]",
            "vaddps ymm1, ymm1, [{out} + 32]",
            "vaddps ymm2, ymm2, [{out} + {n}]",
            "vaddps ymm3, ymm3, [{out} + {n} + 32]",
            "vaddps ymm4, ymm4, [{out} + 2*{n}]",
            "vaddps ymm5, ymm5, [{out} + 2*{n} + 32]",
            "vaddps ymm6, ymm6, [{fourth}]",
            "vaddps ymm7, ymm7, [{fourth} + 32]",
            "vaddps ymm8, ymm8, [{fourth} + {n}]",
            "vaddps ymm9, ymm9, [{fourth} + {n} + 32]",
            "vaddps ymm10, ymm10, [{fourth} + 2*{n}]",
            "vaddps ymm11, ymm11, [{fourth} + 2*{n} + 32]",
            "6:",
            "vmovups [{out}], ymm0",
            "vmovups [{out} + 32], ymm1",
            "vmovups [{out} + {n}], ymm2",
            "vmovups [{out} + {n} + 32], ymm3",
            "vmovups [{out} + 2*{n}], ymm4",
            "vmovups [{out} + 2*{n} + 32], ymm5",
            "vmovups [{fourth}], ymm6",
            "vmovups [{fourth} + 32], ymm7",
            "vmovups [{fourth} + {n}], ymm8",
            "vmovups [{fourth} + {n} + 32], ymm9",
            "vmovups [{fourth} + 2*{n}], ymm10",
            "vmovups [{fourth} + 2*{n} + 32], ymm11",
            // The compiler does not know that upper halves were written, which would slow other code down.
            "vzeroupper",
            a0 = inout(reg) $left[0] => _,
            a1 = inout(reg) $left[1] => _,
            a2 = inout(reg) $left[2] => _,
            b = inout(reg) $panel.as_ptr() => _,
            passes = inout(reg) $panel.len() / $terms => _,
            rest = inout(reg) $panel.len() % $terms => _,
            pass = in(reg) $pass,
            out = in(reg) $out.as_mut_ptr(),
            fourth = out(reg) _,
            n = in(reg) $columns * NUMBER,
            accumulate = in(reg) u32::from($accumulate),
            row = const $row,
            term = const $term,
            out("ymm0") _, out("ymm1") _, out("ymm2") _, out("ymm3") _, out("ymm4") _, out("ymm5") _, out("ymm6") _, out("ymm7") _,
            out("ymm8") _, out("ymm9") _, out("ymm10") _, out("ymm11") _, out("ymm12") _, out("ymm13") _, out("ymm14") _, out("ymm15") _,
            options(nostack),
        )
    };
}

/// Stops where a place has fewer than six rows that begin `columns` numbers apart; no length is so large that the sum overflows.
#[inline(always)]
fn check_place(out: &[f32], columns: usize) {
    assert!(columns <= out.len() && out.len() >= (TILE - 1) * columns + LANES, "a tile has a place");
}

/// See [`Simd::tile_of_rows`](super::super::Simd::tile_of_rows).
#[inline(always)]
pub(super) fn of_rows(_: Avx2, (left, block): (&[f32], usize), panel: &[[f32; LANES]], out: &mut [f32], columns: usize, accumulate: bool) {
    let needed = (panel.len().saturating_sub(1) / LANES).checked_mul(block).and_then(|blocks| blocks.checked_add(TILE * LANES));
    assert!(panel.is_empty() || needed.is_some_and(|needed| left.len() >= needed), "a tile has as many terms as a panel");
    check_place(out, columns);
    let rows = [0, 2, 4].map(|row| left.as_ptr().wrapping_add(row * LANES));
    // SAFETY: an `Avx2` says that the processor has the instructions, and the lines above check what the macro asks for.
    unsafe {
        add_tile!(
            16 terms: terms!("0": "0" "1"), terms!("64": "2" "3" "4"), terms!("128": "5" "6" "7"), terms!("192": "8" "9" "10"), terms!("256": "11" "12" "13"),
            terms!("320": "14" "15");
            rows, LANES * NUMBER, NUMBER, block * NUMBER, panel, out, columns, accumulate
        );
    }
}

/// See [`Simd::tile_of_columns`](super::super::Simd::tile_of_columns).
#[inline(always)]
pub(super) fn of_columns<const TERM: usize>(_: Avx2, left: [&[f32]; 3], panel: &[[f32; LANES]], out: &mut [f32], columns: usize, accumulate: bool) {
    const { assert!(TERM.is_multiple_of(NUMBER) && TERM <= 4096, "terms are whole numbers, not far apart") };
    // No panel is so long that the product overflows.
    let needed = panel.len().saturating_sub(1) * (TERM / NUMBER) + 2;
    assert!(panel.is_empty() || left.iter().all(|rows| rows.len() >= needed), "a tile has as many terms as a panel");
    check_place(out, columns);
    let rows = left.map(<[f32]>::as_ptr);
    // SAFETY: an `Avx2` says that the processor has the instructions, and the lines above check what the macro asks for.
    unsafe {
        add_tile!(
            8 terms: terms!("0": "0" "1"), terms!("64": "2" "3" "4"), terms!("128": "5" "6" "7");
            rows, NUMBER, TERM, const { 8 * TERM }, panel, out, columns, accumulate
        );
    }
}
