//! Sixteen `f32` lanes on each instruction set, and the exponential function on them.

use super::LANES;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

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

/// One 512-bit register.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

/// Two 256-bit registers: lanes 0 to 7, lanes 8 to 15.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256, __m256);

/// Folds eight lanes to one by halves.
#[cfg(target_arch = "x86_64")]
macro_rules! fold_halves {
    ($eight:expr, $four_operation:ident, $one_operation:ident) => {{
        let eight = $eight;
        let four = $four_operation(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = $four_operation(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32($one_operation(two, _mm_shuffle_ps::<1>(two, two)))
    }};
}

// SAFETY of all blocks below: the caller of each method vouches for the instruction set and for the pointers; loads and stores assume no alignment.
#[cfg(target_arch = "x86_64")]
impl Lanes for Avx512 {
    const HAS_WIDE_TILES: bool = true;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(unsafe { _mm512_set1_ps(value) })
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(unsafe { _mm512_loadu_ps(from) })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { _mm512_add_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(unsafe { _mm512_sub_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(unsafe { _mm512_mul_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Self(unsafe { _mm512_div_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(unsafe { _mm512_max_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(unsafe { _mm512_min_ps(self.0, other.0) })
    }
    #[inline(always)]
    unsafe fn fma(self, factor: Self, term: Self) -> Self {
        Self(unsafe { _mm512_fmadd_ps(self.0, factor.0, term.0) })
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        unsafe {
            let exponent = _mm512_add_epi32(_mm512_castps_si512(self.0), _mm512_set1_epi32(127));
            Self(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent)))
        }
    }
    #[inline(always)]
    unsafe fn where_at_least(self, probe: Self, bound: f32) -> Self {
        unsafe { Self(_mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(probe.0, _mm512_set1_ps(bound)), self.0)) }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize, other: Self) -> Self {
        let mask = if count >= LANES { u16::MAX } else { (1 << count) - 1 };
        Self(unsafe { _mm512_mask_mov_ps(other.0, mask, self.0) })
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            fold_halves!(_mm256_add_ps(_mm512_castps512_ps256(self.0), high), _mm_add_ps, _mm_add_ss)
        }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        unsafe {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(self.0)));
            fold_halves!(_mm256_max_ps(_mm512_castps512_ps256(self.0), high), _mm_max_ps, _mm_max_ss)
        }
    }
}

// SAFETY of all blocks below: as for `Avx512`.
#[cfg(target_arch = "x86_64")]
impl Lanes for Avx2 {
    const HAS_WIDE_TILES: bool = false;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        unsafe { Self(_mm256_set1_ps(value), _mm256_set1_ps(value)) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { Self(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe {
            _mm256_storeu_ps(to, self.0);
            _mm256_storeu_ps(to.add(8), self.1);
        }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { Self(_mm256_add_ps(self.0, other.0), _mm256_add_ps(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        unsafe { Self(_mm256_sub_ps(self.0, other.0), _mm256_sub_ps(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        unsafe { Self(_mm256_mul_ps(self.0, other.0), _mm256_mul_ps(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        unsafe { Self(_mm256_div_ps(self.0, other.0), _mm256_div_ps(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        unsafe { Self(_mm256_max_ps(self.0, other.0), _mm256_max_ps(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        unsafe { Self(_mm256_min_ps(self.0, other.0), _mm256_min_ps(self.1, other.1)) }
    }
    #[inline(always)]
    unsafe fn fma(self, factor: Self, term: Self) -> Self {
        unsafe { Self(_mm256_fmadd_ps(self.0, factor.0, term.0), _mm256_fmadd_ps(self.1, factor.1, term.1)) }
    }
    #[inline(always)]
    unsafe fn power_of_two(self) -> Self {
        unsafe {
            let low = _mm256_add_epi32(_mm256_castps_si256(self.0), _mm256_set1_epi32(127));
            let high = _mm256_add_epi32(_mm256_castps_si256(self.1), _mm256_set1_epi32(127));
            Self(_mm256_castsi256_ps(_mm256_slli_epi32::<23>(low)), _mm256_castsi256_ps(_mm256_slli_epi32::<23>(high)))
        }
    }
    #[inline(always)]
    unsafe fn where_at_least(self, probe: Self, bound: f32) -> Self {
        unsafe {
            let bound = _mm256_set1_ps(bound);
            let low = _mm256_cmp_ps::<_CMP_GE_OQ>(probe.0, bound);
            let high = _mm256_cmp_ps::<_CMP_GE_OQ>(probe.1, bound);
            Self(_mm256_and_ps(low, self.0), _mm256_and_ps(high, self.1))
        }
    }
    #[inline(always)]
    unsafe fn first(self, count: usize, other: Self) -> Self {
        unsafe {
            let count = _mm256_set1_ps(count as f32);
            let low = _mm256_cmp_ps::<_CMP_LT_OQ>(_mm256_setr_ps(0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0), count);
            let high = _mm256_cmp_ps::<_CMP_LT_OQ>(_mm256_setr_ps(8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0), count);
            Self(_mm256_blendv_ps(other.0, self.0, low), _mm256_blendv_ps(other.1, self.1, high))
        }
    }
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        unsafe { fold_halves!(_mm256_add_ps(self.0, self.1), _mm_add_ps, _mm_add_ss) }
    }
    #[inline(always)]
    unsafe fn largest(self) -> f32 {
        unsafe { fold_halves!(_mm256_max_ps(self.0, self.1), _mm_max_ps, _mm_max_ss) }
    }
}
