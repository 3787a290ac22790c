//! The machine's peak in single precision: the fastest of some large square matrix products with the `gemm` crate on all processors, in GFLOP/s, and on one.
//!
//! `cargo bench --bench sgemm`: the bar beside which `train` and `sample` are read.

use std::{io::Write, time::Instant};

use gemm::Parallelism;

fn main() -> std::io::Result<()> {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    for threads in [1, processors] {
        let best = [512, 1024, 2048].map(|size| measure(size, threads)).into_iter().fold(0.0, f64::max);
        let line = serde_json::json!({ "case": format!("sgemm {threads}"), "gflops": (best * 10.0).round() / 10.0 });
        writeln!(std::io::stdout(), "{line}")?;
    }
    Ok(())
}

/// GFLOP/s of the fastest of some products of two `size` x `size` matrices.
fn measure(size: usize, threads: usize) -> f64 {
    let values = |salt: usize| -> Vec<f32> { (0..size * size).map(|index| ((index * 31 + salt) % 17) as f32 - 8.0).collect() };
    let (a, b, mut c) = (values(1), values(2), vec![0f32; size * size]);
    let parallelism = if threads == 1 { Parallelism::None } else { Parallelism::Rayon(threads) };
    let mut best = f64::INFINITY;
    for _ in 0..8 {
        let start = Instant::now();
        let stride = size as isize;
        // SAFETY: the three matrices have `size * size` elements, and `c` is not one of the others.
        unsafe {
            gemm::gemm(
                size,
                size,
                size,
                c.as_mut_ptr(),
                1,
                stride,
                false,
                a.as_ptr(),
                1,
                stride,
                b.as_ptr(),
                1,
                stride,
                0.0,
                1.0,
                false,
                false,
                false,
                parallelism,
            );
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    assert!(c.iter().all(|value| value.is_finite()), "a product of small integers is not finite");
    2.0 * (size as f64).powi(3) / best / 1e9
}
