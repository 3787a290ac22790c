//! Sixteen `f32` lanes: which instruction sets there are, what lanes can do, and how plain Rust does it.

use super::LANES;

/// An instruction set that this CPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Isa(Kind);

/// The instruction sets that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Isa {
    /// All that this CPU has, the fastest first.
    pub(crate) fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                found.push(Self(Kind::Avx512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self(Kind::Avx2));
            }
        }
        found.push(Self(Kind::Portable));
        found
    }

    /// The fastest that this CPU has.
    pub(crate) fn best() -> Self {
        Self::available()[0]
    }

    /// Whether the registers hold a tile of 6 rows by 4 vectors.
    pub(crate) fn has_wide_tiles(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => super::x86::Avx512::HAS_WIDE_TILES,
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => super::x86::Avx2::HAS_WIDE_TILES,
            Kind::Portable => Portable::HAS_WIDE_TILES,
        }
    }

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "AVX2",
            Kind::Portable => "portable",
        }
    }

    pub(super) fn kind(self) -> Kind {
        self.0
    }
}

/// Sixteen lanes. Every operation gives the same bits on every implementation (NaN aside).
///
/// # Safety
/// All methods need a CPU with the instruction set; `load` and `store` need sixteen numbers behind the pointer.
#[allow(clippy::missing_safety_doc)]
pub(super) trait Lanes: Copy {
    /// Whether the registers hold a tile of 6 rows by 4 vectors.
    const HAS_WIDE_TILES: bool;

    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    unsafe fn min(self, other: Self) -> Self;
    /// `self * factor + term`, rounded once.
    unsafe fn fma(self, factor: Self, term: Self) -> Self;
    /// 2 to the integer that the low bits of `self` hold after [`MAGIC`] was added to it.
    unsafe fn power_of_two(self) -> Self;
    /// `self` where `probe >= bound`, else 0.
    unsafe fn where_at_least(self, probe: Self, bound: f32) -> Self;
    /// The first `count` lanes of `self`, then those of `other`.
    unsafe fn first(self, count: usize, other: Self) -> Self;
    /// The sum over lanes: halves are added until one is left.
    unsafe fn sum(self) -> f32;
    /// The largest lane.
    unsafe fn largest(self) -> f32;

    /// Asks for the line of the cache that holds an address; nothing is read, so that it may be any.
    #[inline(always)]
    fn prefetch(_address: *const f32) {}

    /// `x / (1 + exp(-x))` of each lane.
    #[inline(always)]
    unsafe fn silu(self) -> Self {
        // SAFETY: the caller vouches for the instruction set.
        unsafe { self.div(Self::splat(0.0).sub(self).exp().add(Self::splat(1.0))) }
    }

    /// e to the power of each lane, within 2 ulp; 0 below -87.
    #[inline(always)]
    unsafe fn exp(self) -> Self {
        // SAFETY: the caller vouches for the instruction set.
        unsafe {
            let x = self.max(Self::splat(LOWEST)).min(Self::splat(HIGHEST));
            let shifted = x.fma(Self::splat(std::f32::consts::LOG2_E), Self::splat(MAGIC));
            let n = shifted.sub(Self::splat(MAGIC));
            // ln 2 in two parts, so that the remainder keeps its low bits.
            let r = n.fma(Self::splat(-0.693_359_4), x);
            let r = n.fma(Self::splat(2.121_944_4e-4), r);
            let mut p = Self::splat(1.987_569_1e-4);
            for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
                p = p.fma(r, Self::splat(coefficient));
            }
            let value = p.fma(r.mul(r), r).add(Self::splat(1.0));
            value.mul(shifted.power_of_two()).where_at_least(self, LOWEST)
        }
    }
}

/// 1.5 * 2^23: added to a small number it leaves the nearest integer in the low bits.
const MAGIC: f32 = 12_582_912.0;
const LOWEST: f32 = -87.0;
const HIGHEST: f32 = 88.0;

/// The portable lanes: plain arrays, which compilers turn into whatever vectors there are.
#[derive(Clone, Copy)]
pub(super) struct Portable([f32; LANES]);

impl Portable {
    #[inline(always)]
    fn zip(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    fn fold(self, operation: impl Fn(f32, f32) -> f32) -> f32 {
        let mut lanes = self.0;
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                lanes[lane] = operation(lanes[lane], lanes[lane + half]);
            }
        }
        lanes[0]
    }
}

impl Lanes for Portable {
    const HAS_WIDE_TILES: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; LANES])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for sixteen numbers; no alignment is assumed.
        Self(unsafe { from.cast::<[f32; LANES]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for room for sixteen numbers; no alignment is assumed.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    unsafe fn fma(self, factor: Self, term: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane].mul_add(factor.0[lane], term.0[lane])))
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        Self(self.0.map(|value| f32::from_bits(value.to_bits().wrapping_add(127) << 23)))
    }
    #[inline(always)]
    unsafe fn where_at_least(self, probe: Self, bound: f32) -> Self {
        self.zip(probe, |value, probe| if probe >= bound { value } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn first(self, count: usize, other: Self) -> Self {
        Self(std::array::from_fn(|lane| if lane < count { self.0[lane] } else { other.0[lane] }))
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        self.fold(|a, b| a + b)
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        self.fold(|a, b| if a > b { a } else { b })
    }
}
