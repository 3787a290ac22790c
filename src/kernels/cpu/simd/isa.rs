//! Which instructions kernels run on.

use super::Portable;
#[cfg(target_arch = "x86_64")]
use super::{Avx2, Avx512};

/// The instructions that kernels run on.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernels::cpu) enum Isa {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    Portable(Portable),
}

impl Isa {
    /// The best that the processor has; in tests those that [`on_every_isa`] chose.
    #[inline(always)]
    pub(in crate::kernels::cpu) fn chosen() -> Self {
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
pub(in crate::kernels::cpu) fn has_vectors_of_eight() -> bool {
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
pub(in crate::kernels::cpu) use simd_fn;
#[cfg(test)]
pub use tests::{on_every_isa, on_threads};

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

    /// Runs this on so many threads, whose kernels run on what those of this one do.
    pub fn on_threads<T: Send>(count: usize, run: impl FnOnce() -> T + Send) -> T {
        let chosen = CHOSEN.get();
        rayon::ThreadPoolBuilder::new().num_threads(count).start_handler(move |_| CHOSEN.set(chosen)).build().unwrap().install(run)
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
}
