//! Sixteen numbers in the registers of AVX-512 and AVX2.

mod tile;

use std::arch::x86_64::*;

use super::{LANES, Simd};

/// AVX-512, where it is: one register.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels::cpu) struct Avx512(());

/// AVX2 with FMA, where they are: two registers.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels::cpu) struct Avx2(());

impl Avx512 {
    /// Whether the processor has AVX-512 with all that functions for it are compiled for.
    #[inline(always)]
    pub(in crate::kernels::cpu) fn detect() -> Option<Self> {
        let is_there = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma");
        is_there.then_some(Self(()))
    }
}

impl Avx2 {
    /// Whether the processor has AVX2 and FMA.
    #[inline(always)]
    pub(in crate::kernels::cpu) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

/// The value of intrinsics.
macro_rules! has {
    ($call:expr) => {
        // SAFETY: the method has a `self`, which detection alone makes, so that the instructions are there. Loads and stores are of a reference to sixteen
        // numbers, eight or sixteen of them at a time, and assume no alignment.
        unsafe { $call }
    };
}

impl Simd for Avx512 {
    type V = __m512;
    const HAS_MANY_REGISTERS: bool = true;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        has!(_mm512_set1_ps(x))
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::V {
        has!(_mm512_loadu_ps(x.as_ptr()))
    }
    #[inline(always)]
    fn store(self, v: Self::V, into: &mut [f32; LANES]) {
        has!(_mm512_storeu_ps(into.as_mut_ptr(), v))
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        has!(_mm512_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        has!(_mm512_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        has!(_mm512_mul_ps(a, b))
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        has!(_mm512_div_ps(a, b))
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        has!(_mm512_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        has!(_mm512_max_ps(a, b))
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        has!(_mm512_min_ps(a, b))
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        has!(_mm512_sqrt_ps(a))
    }
    #[inline(always)]
    fn prefetch(self, x: &[f32]) {
        // Of any address; nothing is read.
        has!(_mm_prefetch::<_MM_HINT_T0>(x.as_ptr().cast()));
    }
    #[inline(always)]
    fn power_of_two(self, biased: Self::V) -> Self::V {
        has!(_mm512_castsi512_ps(_mm512_slli_epi32::<23>(_mm512_castps_si512(biased))))
    }
}

impl Simd for Avx2 {
    type V = [__m256; 2];
    const HAS_MANY_REGISTERS: bool = false;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        has!([_mm256_set1_ps(x); 2])
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::V {
        has!([_mm256_loadu_ps(x.as_ptr()), _mm256_loadu_ps(x.as_ptr().add(8))])
    }
    #[inline(always)]
    fn store(self, v: Self::V, into: &mut [f32; LANES]) {
        has!({
            _mm256_storeu_ps(into.as_mut_ptr(), v[0]);
            _mm256_storeu_ps(into.as_mut_ptr().add(8), v[1]);
        })
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        has!([_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])])
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        has!([_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])])
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        has!([_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])])
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        has!([_mm256_div_ps(a[0], b[0]), _mm256_div_ps(a[1], b[1])])
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        has!([_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])])
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        has!([_mm256_max_ps(a[0], b[0]), _mm256_max_ps(a[1], b[1])])
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        has!([_mm256_min_ps(a[0], b[0]), _mm256_min_ps(a[1], b[1])])
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        has!([_mm256_sqrt_ps(a[0]), _mm256_sqrt_ps(a[1])])
    }
    #[inline(always)]
    fn prefetch(self, x: &[f32]) {
        // Of any address; nothing is read.
        has!(_mm_prefetch::<_MM_HINT_T0>(x.as_ptr().cast()));
    }
    #[inline(always)]
    fn tile_of_rows(self, left: (&[f32], usize), panel: &[[f32; LANES]], out: &mut [f32], columns: usize, accumulate: bool) {
        tile::of_rows(self, left, panel, out, columns, accumulate);
    }
    #[inline(always)]
    fn tile_of_columns<const TERM: usize>(self, left: [&[f32]; 3], panel: &[[f32; LANES]], out: &mut [f32], columns: usize, accumulate: bool) {
        tile::of_columns::<TERM>(self, left, panel, out, columns, accumulate);
    }
    #[inline(always)]
    fn power_of_two(self, biased: Self::V) -> Self::V {
        biased.map(|x| has!(_mm256_castsi256_ps(_mm256_slli_epi32::<23>(_mm256_castps_si256(x)))))
    }
}
