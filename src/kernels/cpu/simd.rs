//! Sixteen numbers at a time: AVX-512, AVX2 or plain Rust, chosen at run time.
//!
//! `unsafe` is confined to this file: calls of intrinsics, which are sound where the processor has the feature, and the calls of functions
//! compiled for a feature, which are made only after it was detected.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64 as x86;

/// Numbers in a vector.
pub(super) const LANES: usize = 16;

/// A vector of sixteen `f32` and its arithmetic. All methods are meant to be inlined into a function made by [`simd_fn`].
pub(super) trait Simd: Copy {
    /// The vector.
    type V: Copy;
    /// Whether there are 32 registers of a vector each, not 16 of half a vector.
    const HAS_MANY_REGISTERS: bool;

    fn splat(x: f32) -> Self::V;
    fn load(x: &[f32; LANES]) -> Self::V;
    fn store(v: Self::V, into: &mut [f32; LANES]);
    fn add(a: Self::V, b: Self::V) -> Self::V;
    fn sub(a: Self::V, b: Self::V) -> Self::V;
    fn mul(a: Self::V, b: Self::V) -> Self::V;
    fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`.
    fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The greater; `b` where either is not a number.
    fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The lesser; `b` where either is not a number.
    fn min(a: Self::V, b: Self::V) -> Self::V;
    fn sqrt(a: Self::V) -> Self::V;
    /// `2^n` where the low bits of the pattern of `biased` hold `n + 127`.
    fn power_of_two(biased: Self::V) -> Self::V;

    /// Sum of the lanes, in an order that is the same everywhere.
    #[inline(always)]
    fn sum(v: Self::V) -> f32 {
        let mut lanes = [0.0; LANES];
        Self::store(v, &mut lanes);
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                lanes[lane] += lanes[lane + half];
            }
        }
        lanes[0]
    }

    /// Greatest of the lanes.
    #[inline(always)]
    fn greatest(v: Self::V) -> f32 {
        let mut lanes = [0.0; LANES];
        Self::store(v, &mut lanes);
        lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// The vector at `at`; zeros beyond the end.
    #[inline(always)]
    fn get(x: &[f32], at: usize) -> Self::V {
        match x[at..].first_chunk() {
            Some(lanes) => Self::load(lanes),
            None => Self::load(&padded(&x[at..])),
        }
    }

    /// Writes the vector at `at`; nothing beyond the end.
    #[inline(always)]
    fn put(x: &mut [f32], at: usize, v: Self::V) {
        let rest = &mut x[at..];
        match rest.first_chunk_mut() {
            Some(lanes) => Self::store(v, lanes),
            None => {
                let mut lanes = [0.0; LANES];
                Self::store(v, &mut lanes);
                cut(&lanes, rest);
            }
        }
    }

    /// The exponential function, to about one unit in the last place; arguments are held within [-87, 88].
    #[inline(always)]
    fn exp(x: Self::V) -> Self::V {
        // Adding this leaves the nearest integer, with the exponent's bias, in the low bits of the pattern.
        const ROUND: f32 = 12_582_912.0 + 127.0;
        // The bounds stand first: what is not a number then stays so.
        let x = Self::min(Self::splat(88.0), Self::max(Self::splat(-87.0), x));
        let biased = Self::fma(x, Self::splat(std::f32::consts::LOG2_E), Self::splat(ROUND));
        let n = Self::sub(biased, Self::splat(ROUND));
        // ln 2 in two parts, so that the remainder keeps its digits.
        let r = Self::fma(n, Self::splat(-0.693_359_4), x);
        let r = Self::fma(n, Self::splat(2.121_944_4e-4), r);
        let mut p = Self::splat(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
            p = Self::fma(p, r, Self::splat(coefficient));
        }
        let p = Self::add(Self::fma(Self::mul(p, r), r, r), Self::splat(1.0));
        Self::mul(p, Self::power_of_two(biased))
    }
}

#[cold]
#[inline(never)]
fn padded(x: &[f32]) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    lanes[..x.len()].copy_from_slice(x);
    lanes
}

#[cold]
#[inline(never)]
fn cut(lanes: &[f32; LANES], into: &mut [f32]) {
    into.copy_from_slice(&lanes[..into.len()]);
}

/// Plain Rust, for any processor.
#[derive(Clone, Copy)]
pub(super) struct Portable;

#[inline(always)]
fn each(a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

impl Simd for Portable {
    type V = [f32; LANES];
    const HAS_MANY_REGISTERS: bool = false;

    #[inline(always)]
    fn splat(x: f32) -> Self::V {
        [x; LANES]
    }
    #[inline(always)]
    fn load(x: &[f32; LANES]) -> Self::V {
        *x
    }
    #[inline(always)]
    fn store(v: Self::V, into: &mut [f32; LANES]) {
        *into = v;
    }
    #[inline(always)]
    fn add(a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Not `mul_add`: without the instruction that is a slow call.
        Self::add(Self::mul(a, b), c)
    }
    #[inline(always)]
    fn max(a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(a: Self::V) -> Self::V {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    fn power_of_two(biased: Self::V) -> Self::V {
        biased.map(|x| f32::from_bits(x.to_bits() << 23))
    }
}

/// AVX-512: one register.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx512;

/// AVX2 with FMA: two registers.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(super) struct Avx2;

// SAFETY of both impls: their methods run only inside functions of `simd_fn` that were compiled for the feature and are called only where it
// was detected; references to sixteen numbers are valid for a load or store of sixteen numbers.

#[cfg(target_arch = "x86_64")]
impl Simd for Avx512 {
    type V = x86::__m512;
    const HAS_MANY_REGISTERS: bool = true;

    #[inline(always)]
    fn splat(x: f32) -> Self::V {
        unsafe { x86::_mm512_set1_ps(x) }
    }
    #[inline(always)]
    fn load(x: &[f32; LANES]) -> Self::V {
        unsafe { x86::_mm512_loadu_ps(x.as_ptr()) }
    }
    #[inline(always)]
    fn store(v: Self::V, into: &mut [f32; LANES]) {
        unsafe { x86::_mm512_storeu_ps(into.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn add(a: Self::V, b: Self::V) -> Self::V {
        unsafe { x86::_mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(a: Self::V, b: Self::V) -> Self::V {
        unsafe { x86::_mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(a: Self::V, b: Self::V) -> Self::V {
        unsafe { x86::_mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(a: Self::V, b: Self::V) -> Self::V {
        unsafe { x86::_mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { x86::_mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(a: Self::V, b: Self::V) -> Self::V {
        unsafe { x86::_mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn min(a: Self::V, b: Self::V) -> Self::V {
        unsafe { x86::_mm512_min_ps(a, b) }
    }
    #[inline(always)]
    fn sqrt(a: Self::V) -> Self::V {
        unsafe { x86::_mm512_sqrt_ps(a) }
    }
    #[inline(always)]
    fn power_of_two(biased: Self::V) -> Self::V {
        unsafe { x86::_mm512_castsi512_ps(x86::_mm512_slli_epi32::<23>(x86::_mm512_castps_si512(biased))) }
    }
}

#[cfg(target_arch = "x86_64")]
impl Simd for Avx2 {
    type V = [x86::__m256; 2];
    const HAS_MANY_REGISTERS: bool = false;

    #[inline(always)]
    fn splat(x: f32) -> Self::V {
        unsafe { [x86::_mm256_set1_ps(x); 2] }
    }
    #[inline(always)]
    fn load(x: &[f32; LANES]) -> Self::V {
        unsafe { [x86::_mm256_loadu_ps(x.as_ptr()), x86::_mm256_loadu_ps(x.as_ptr().add(8))] }
    }
    #[inline(always)]
    fn store(v: Self::V, into: &mut [f32; LANES]) {
        unsafe {
            x86::_mm256_storeu_ps(into.as_mut_ptr(), v[0]);
            x86::_mm256_storeu_ps(into.as_mut_ptr().add(8), v[1]);
        }
    }
    #[inline(always)]
    fn add(a: Self::V, b: Self::V) -> Self::V {
        unsafe { [x86::_mm256_add_ps(a[0], b[0]), x86::_mm256_add_ps(a[1], b[1])] }
    }
    #[inline(always)]
    fn sub(a: Self::V, b: Self::V) -> Self::V {
        unsafe { [x86::_mm256_sub_ps(a[0], b[0]), x86::_mm256_sub_ps(a[1], b[1])] }
    }
    #[inline(always)]
    fn mul(a: Self::V, b: Self::V) -> Self::V {
        unsafe { [x86::_mm256_mul_ps(a[0], b[0]), x86::_mm256_mul_ps(a[1], b[1])] }
    }
    #[inline(always)]
    fn div(a: Self::V, b: Self::V) -> Self::V {
        unsafe { [x86::_mm256_div_ps(a[0], b[0]), x86::_mm256_div_ps(a[1], b[1])] }
    }
    #[inline(always)]
    fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        unsafe { [x86::_mm256_fmadd_ps(a[0], b[0], c[0]), x86::_mm256_fmadd_ps(a[1], b[1], c[1])] }
    }
    #[inline(always)]
    fn max(a: Self::V, b: Self::V) -> Self::V {
        unsafe { [x86::_mm256_max_ps(a[0], b[0]), x86::_mm256_max_ps(a[1], b[1])] }
    }
    #[inline(always)]
    fn min(a: Self::V, b: Self::V) -> Self::V {
        unsafe { [x86::_mm256_min_ps(a[0], b[0]), x86::_mm256_min_ps(a[1], b[1])] }
    }
    #[inline(always)]
    fn sqrt(a: Self::V) -> Self::V {
        unsafe { [x86::_mm256_sqrt_ps(a[0]), x86::_mm256_sqrt_ps(a[1])] }
    }
    #[inline(always)]
    fn power_of_two(biased: Self::V) -> Self::V {
        biased.map(|x| unsafe { x86::_mm256_castsi256_ps(x86::_mm256_slli_epi32::<23>(x86::_mm256_castps_si256(x))) })
    }
}

/// Makes a function that is compiled for each level of vector instructions and runs as the best that the processor has.
macro_rules! simd_fn {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$s:ident>($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn generic<$s: $crate::kernels::cpu::simd::Simd>($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                fn avx512($($arg: $ty),*) $(-> $ret)? {
                    generic::<$crate::kernels::cpu::simd::Avx512>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $ty),*) $(-> $ret)? {
                    generic::<$crate::kernels::cpu::simd::Avx2>($($arg),*)
                }
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("fma")
                {
                    // SAFETY: the processor has what the function is compiled for.
                    return unsafe { avx512($($arg),*) };
                }
                if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                    // SAFETY: as above.
                    return unsafe { avx2($($arg),*) };
                }
            }
            generic::<$crate::kernels::cpu::simd::Portable>($($arg),*)
        }
    };
}
pub(super) use simd_fn;

#[cfg(test)]
mod tests {
    use super::*;

    simd_fn! {
        fn exponentials<S>(x: &[f32], out: &mut [f32]) {
            for at in (0..x.len()).step_by(LANES) {
                S::put(out, at, S::exp(S::get(x, at)));
            }
        }
    }

    #[test]
    fn the_exponential_is_right_to_the_last_digits_and_in_odd_lengths() {
        let x: Vec<f32> = (0..4_001).map(|i| -86.5 + 0.0435 * i as f32).collect();
        let mut out = vec![0.0; x.len()];
        exponentials(&x, &mut out);
        let mut plain = vec![0.0; x.len()];
        for (x, out) in x.chunks(LANES).zip(plain.chunks_mut(LANES)) {
            Portable::put(out, 0, Portable::exp(Portable::get(x, 0)));
        }
        for ((x, fast), plain) in x.iter().zip(out).zip(plain) {
            let exact = f64::from(*x).exp();
            for value in [fast, plain] {
                assert!((f64::from(value) / exact - 1.0).abs() < 4e-7, "exp({x}) = {value}, not {exact}");
            }
        }
    }
}
