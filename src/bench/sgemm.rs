//! The machine's peak in single precision: the fastest of some large square matrix products.

use std::time::Instant;

use super::{Case, Setup};
use crate::kernels::{Matrix, matmul, matmul_parallel};

/// Rows and columns of the matrices; caches favour one or another.
const SIZES: [usize; 3] = [512, 1024, 2048];

pub(super) const ONE: Case =
    Case { name: "matrix product, one thread", unit: "GFLOP", is_slow: false, is_single: true, flops: Some(|| 1e9), measure: |setup| Ok(peaks(setup)) };

pub(super) const ALL: Case = Case { name: "matrix product", is_single: false, ..ONE };

fn peaks(setup: &Setup) -> Vec<f64> {
    (0..setup.repeats).map(|_| peak(setup.threads, setup.seconds)).collect()
}

/// GFLOP/s of the fastest product within about `seconds`; on one thread, or on rayon's where there are to be more.
pub fn peak(threads: usize, seconds: f64) -> f64 {
    SIZES.iter().map(|size| fastest(*size, threads, seconds / SIZES.len() as f64)).fold(0.0, f64::max)
}

fn fastest(size: usize, threads: usize, seconds: f64) -> f64 {
    let values = |salt: usize| -> Vec<f32> { (0..size * size).map(|index| ((index * 31 + salt) % 17) as f32 - 8.0).collect() };
    let (a, b, mut c) = (values(1), values(2), vec![0f32; size * size]);
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    // The first product warms up.
    for round in 0.. {
        let begin = Instant::now();
        match threads {
            1 => matmul(&mut c, Matrix::new(&a, size), Matrix::new(&b, size), false),
            _ => matmul_parallel(&mut c, Matrix::new(&a, size), Matrix::new(&b, size), false),
        }
        if round > 0 {
            best = best.min(begin.elapsed().as_secs_f64());
        }
        if round > 1 && start.elapsed().as_secs_f64() >= seconds {
            break;
        }
    }
    assert!(c.iter().all(|value| value.is_finite()), "a product of small integers is not finite");
    2.0 * (size as f64).powi(3) / best / 1e9
}
