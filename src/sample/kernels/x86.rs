//! Sixteen `f32` lanes in the registers of AVX-512 and AVX2.

use super::LANES;
use super::lanes::Lanes;
use std::arch::x86_64::*;

/// One 512-bit register.
#[derive(Clone, Copy)]
pub(super) struct Avx512(__m512);

/// Two 256-bit registers: lanes 0 to 7, lanes 8 to 15.
#[derive(Clone, Copy)]
pub(super) struct Avx2(__m256, __m256);

/// Folds eight lanes to one by halves.
macro_rules! fold_halves {
    ($eight:expr, $four_operation:ident, $one_operation:ident) => {{
        let eight = $eight;
        let four = $four_operation(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = $four_operation(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32($one_operation(two, _mm_shuffle_ps::<1>(two, two)))
    }};
}

// SAFETY of all blocks below: the caller of each method vouches for the instruction set and for the pointers; loads and stores assume no alignment.
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
impl Lanes for Avx2 {
    const HAS_WIDE_TILES: bool = false;

    #[inline(always)]
    fn prefetch(address: *const f32) {
        // SAFETY: SSE has the instruction, which every processor of this architecture has, and nothing is read.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
    }
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
