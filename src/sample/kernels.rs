//! The inner loops of the CPU decoder, on AVX-512, on AVX2 with FMA, or on plain Rust, chosen at run time.
//!
//! **Invariant**: every output number is one fixed chain of operations. It depends neither on how many rows are computed together nor on the instruction set:
//! all three work on sixteen lanes, fuse multiply and add, and add lanes up in one order.
//!
//! `unsafe` here is raw loads and stores within bounds that the safe entry points assert, and calls of code compiled for an instruction
//! set that was detected before.

mod attention;
mod lanes;
mod matmul;
mod rows;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use attention::{AttentionShape, attend};
pub(crate) use lanes::Isa;
pub(crate) use matmul::{Epilogue, PANEL, PackedMatrix, TILE_ROWS, matmul};
pub(crate) use rows::{exponentials, gate_panels, maximum, rms_norm};

/// Number of lanes that all kernels work on.
pub(crate) const LANES: usize = 16;

/// Sixteen numbers that fill one cache line.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [f32; LANES]);

impl Line {
    /// Sixteen zeros.
    pub(crate) const ZERO: Self = Self([0.0; LANES]);
}

/// Defines the safe entry point `$name`, which runs the generic `$inner` compiled for the instruction set at hand.
macro_rules! dispatch {
    ($(#[$doc:meta])* $name:ident => $inner:ident($($argument:ident: $type:ty),*) $(-> $output:ty)?, { $($check:tt)* }) => {
        $(#[$doc])*
        #[allow(clippy::too_many_arguments)]
        pub(crate) fn $name(isa: $crate::sample::kernels::Isa, $($argument: $type),*) $(-> $output)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            #[allow(clippy::too_many_arguments)]
            fn avx512($($argument: $type),*) $(-> $output)? {
                // SAFETY: this function has the instruction set; the bounds were asserted by the caller below.
                unsafe { $inner::<$crate::sample::kernels::x86::Avx512>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            #[allow(clippy::too_many_arguments)]
            fn avx2($($argument: $type),*) $(-> $output)? {
                // SAFETY: as above.
                unsafe { $inner::<$crate::sample::kernels::x86::Avx2>($($argument),*) }
            }
            $($check)*
            match isa.kind() {
                // SAFETY: an `Isa` of this kind exists only where the CPU was found to have it.
                #[cfg(target_arch = "x86_64")]
                $crate::sample::kernels::lanes::Kind::Avx512 => unsafe { avx512($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::sample::kernels::lanes::Kind::Avx2 => unsafe { avx2($($argument),*) },
                // SAFETY: plain Rust runs everywhere; the bounds were asserted above.
                $crate::sample::kernels::lanes::Kind::Portable => unsafe { $inner::<$crate::sample::kernels::lanes::Portable>($($argument),*) },
            }
        }
    };
}
pub(crate) use dispatch;
