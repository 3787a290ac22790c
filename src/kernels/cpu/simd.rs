//! Sixteen numbers at a time: AVX-512, AVX2 or plain Rust, chosen at run time.
//!
//! **Invariant**: whoever holds a value of [`Avx512`] or [`Avx2`] runs on a processor that has these instructions, as only detection makes one. Vector
//! arithmetic is methods of such a value, so that safe code cannot run what is not there.
//!
//! `unsafe` is calls of intrinsics, in [`x86`], and of functions compiled for instructions, in [`simd_fn`].

#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

/// Numbers in a vector.
pub(super) const LANES: usize = 16;

/// The arithmetic of vectors of sixteen `f32`. All methods are meant to be inlined into a function made by [`simd_fn`].
pub(super) trait Simd: Copy {
    /// The vector.
    type V: Copy;
    /// Whether there are 32 registers of a vector each, not 16 of half a vector.
    const HAS_MANY_REGISTERS: bool;

    fn splat(self, x: f32) -> Self::V;
    fn load(self, x: &[f32; LANES]) -> Self::V;
    fn store(self, v: Self::V, into: &mut [f32; LANES]);
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The greater; `b` where either is not a number.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The lesser; `b` where either is not a number.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `2^n` where the low bits of the pattern of `biased` hold `n + 127`.
    fn power_of_two(self, biased: Self::V) -> Self::V;

    /// Asks for the line of the cache that `x` begins in, which is soon read or written.
    #[inline(always)]
    fn prefetch(self, _x: &[f32]) {}

    /// Asks for the lines of the cache that `x` lies in; where it does not begin with one, the last may be left out.
    #[inline(always)]
    fn prefetch_all(self, x: &[f32]) {
        for at in (0..x.len()).step_by(LANES) {
            self.prefetch(&x[at..]);
        }
    }

    /// Sum of the lanes, in an order that is the same everywhere.
    #[inline(always)]
    fn sum(self, v: Self::V) -> f32 {
        let mut lanes = [0.0; LANES];
        self.store(v, &mut lanes);
        for half in [8, 4, 2, 1] {
            for lane in 0..half {
                lanes[lane] += lanes[lane + half];
            }
        }
        lanes[0]
    }

    /// Greatest of the lanes.
    #[inline(always)]
    fn greatest(self, v: Self::V) -> f32 {
        let mut lanes = [0.0; LANES];
        self.store(v, &mut lanes);
        lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// The vector at `at`; zeros beyond the end.
    #[inline(always)]
    fn get(self, x: &[f32], at: usize) -> Self::V {
        match x[at..].first_chunk() {
            Some(lanes) => self.load(lanes),
            None => self.load(&padded(&x[at..])),
        }
    }

    /// Writes the vector at `at`; nothing beyond the end.
    #[inline(always)]
    fn put(self, x: &mut [f32], at: usize, v: Self::V) {
        let rest = &mut x[at..];
        match rest.first_chunk_mut() {
            Some(lanes) => self.store(v, lanes),
            None => {
                let mut lanes = [0.0; LANES];
                self.store(v, &mut lanes);
                cut(&lanes, rest);
            }
        }
    }

    /// The exponential function, to about one unit in the last place; arguments are held within [-87, 88].
    #[inline(always)]
    fn exp(self, x: Self::V) -> Self::V {
        // Adding this leaves the nearest integer, with the exponent's bias, in the low bits of the pattern.
        const ROUND: f32 = 12_582_912.0 + 127.0;
        // The bounds stand first: what is not a number then stays so.
        let x = self.min(self.splat(88.0), self.max(self.splat(-87.0), x));
        let biased = self.fma(x, self.splat(std::f32::consts::LOG2_E), self.splat(ROUND));
        let n = self.sub(biased, self.splat(ROUND));
        // ln 2 in two parts, so that the remainder keeps its digits.
        let r = self.fma(n, self.splat(-0.693_359_4), x);
        let r = self.fma(n, self.splat(2.121_944_4e-4), r);
        let mut p = self.splat(1.987_569_1e-4);
        for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
            p = self.fma(p, r, self.splat(coefficient));
        }
        let p = self.add(self.fma(self.mul(p, r), r, r), self.splat(1.0));
        self.mul(p, self.power_of_two(biased))
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
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

#[inline(always)]
fn each(a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

impl Simd for Portable {
    type V = [f32; LANES];
    const HAS_MANY_REGISTERS: bool = false;

    #[inline(always)]
    fn splat(self, x: f32) -> Self::V {
        [x; LANES]
    }
    #[inline(always)]
    fn load(self, x: &[f32; LANES]) -> Self::V {
        *x
    }
    #[inline(always)]
    fn store(self, v: Self::V, into: &mut [f32; LANES]) {
        *into = v;
    }
    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Not `mul_add`: without the instruction that is a slow call.
        self.add(self.mul(a, b), c)
    }
    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        each(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    fn power_of_two(self, biased: Self::V) -> Self::V {
        biased.map(|x| f32::from_bits(x.to_bits() << 23))
    }
}

/// The instructions that kernels run on.
#[derive(Clone, Copy, Debug)]
pub(super) enum Isa {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    Portable(Portable),
}

impl Isa {
    /// The best that the processor has; in tests those that [`on_every_isa`] chose.
    #[inline(always)]
    pub(super) fn chosen() -> Self {
        #[cfg(test)]
        if let Some(isa) = tests::CHOSEN.get() {
            return isa;
        }
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(avx512) = Avx512::detect() {
                return Self::Avx512(avx512);
            }
            if let Some(avx2) = Avx2::detect() {
                return Self::Avx2(avx2);
            }
        }
        Self::Portable(Portable)
    }
}

/// Whether registers hold eight numbers, of which sixteen take two.
pub(super) fn has_vectors_of_eight() -> bool {
    #[cfg(target_arch = "x86_64")]
    if let Isa::Avx2(_) = Isa::chosen() {
        return true;
    }
    false
}

/// Makes a function that is compiled for each level of vector instructions and runs as the best that the processor has. The name in brackets is that of the
/// [`Simd`] in its body.
macro_rules! simd_fn {
    ($(#[$meta:meta])* $vis:vis fn $name:ident[$s:ident]($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name($($arg: $ty),*) $(-> $ret)? {
            #[inline(always)]
            fn generic<S: $crate::kernels::cpu::simd::Simd>($s: S, $($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512(s: $crate::kernels::cpu::simd::Avx512, $($arg: $ty),*) $(-> $ret)? {
                generic(s, $($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2(s: $crate::kernels::cpu::simd::Avx2, $($arg: $ty),*) $(-> $ret)? {
                generic(s, $($arg),*)
            }
            match $crate::kernels::cpu::simd::Isa::chosen() {
                // SAFETY: an `Avx512` exists only where the processor has all that the function is compiled for.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::cpu::simd::Isa::Avx512(s) => unsafe { avx512(s, $($arg),*) },
                // SAFETY: the same holds for an `Avx2`.
                #[cfg(target_arch = "x86_64")]
                $crate::kernels::cpu::simd::Isa::Avx2(s) => unsafe { avx2(s, $($arg),*) },
                $crate::kernels::cpu::simd::Isa::Portable(s) => generic(s, $($arg),*),
            }
        }
    };
}
pub(super) use simd_fn;
#[cfg(test)]
pub use tests::on_every_isa;

#[cfg(test)]
mod tests {
    use std::{cell::Cell, sync::Mutex};

    use super::*;

    thread_local! {
        /// What the kernels of this thread run on, where it is not the best.
        pub(super) static CHOSEN: Cell<Option<Isa>> = const { Cell::new(None) };
    }

    /// All that this processor has.
    fn available() -> Vec<Isa> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            found.extend(Avx512::detect().map(Isa::Avx512));
            found.extend(Avx2::detect().map(Isa::Avx2));
        }
        found.push(Isa::Portable(Portable));
        found
    }

    /// Runs a test once for each level of instructions that this processor has, on threads whose kernels all run on them.
    pub fn on_every_isa(test: impl Fn() + Sync) {
        for isa in available() {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(2).start_handler(move |_| CHOSEN.set(Some(isa))).build().unwrap();
            pool.install(&test);
        }
    }

    simd_fn! {
        fn exponentials[s](x: &[f32], out: &mut [f32]) {
            for at in (0..x.len()).step_by(LANES) {
                s.put(out, at, s.exp(s.get(x, at)));
            }
        }
    }

    simd_fn! {
        fn level[s]() -> &'static str {
            fn name<S>(_: S) -> &'static str {
                std::any::type_name::<S>()
            }
            name(s)
        }
    }

    #[test]
    fn a_kernel_runs_once_on_each_level() {
        let ran = Mutex::new(Vec::new());
        on_every_isa(|| ran.lock().unwrap().push((level(), rayon::join(level, level))));
        let (ran, levels) = (ran.into_inner().unwrap(), available());
        assert_eq!(ran.len(), levels.len());
        for ((on_first, on_both), isa) in ran.iter().zip(levels) {
            let expected = format!("{isa:?}");
            let is_it = |name: &&str| expected.starts_with(name.rsplit("::").next().unwrap());
            assert!([on_first, &on_both.0, &on_both.1].into_iter().all(is_it), "{on_first}, {on_both:?}, not {expected}");
        }
        // The best is what runs where nothing was chosen.
        assert_eq!(level(), ran[0].0);
    }

    #[test]
    fn the_exponential_is_right_to_the_last_digits_and_in_odd_lengths() {
        on_every_isa(|| {
            let x: Vec<f32> = (0..4_001).map(|i| -86.5 + 0.0435 * i as f32).collect();
            let mut out = vec![0.0; x.len()];
            exponentials(&x, &mut out);
            for (x, value) in x.iter().zip(out) {
                let exact = f64::from(*x).exp();
                assert!((f64::from(value) / exact - 1.0).abs() < 4e-7, "exp({x}) = {value}, not {exact}, in {}", level());
            }
        });
    }
}
