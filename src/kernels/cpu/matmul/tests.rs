//! Products against the definition, and the bits of their parts.

use super::*;
use crate::kernels::cpu::on_every_isa;

fn naive(a: &[f32], b: &[f32], k: usize, n: usize) -> Vec<f32> {
    a.chunks(k).flat_map(|row| (0..n).map(move |j| row.iter().enumerate().map(|(p, a)| a * b[p * n + j]).sum())).collect()
}

fn numbers(len: usize, seed: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 + seed * 104_729) % 1013) as f32 / 1013.0 - 0.5).collect()
}

fn transpose(x: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|j| x.iter().skip(j).step_by(columns).copied()).collect()
}

/// Both ways in which each side can lie, and prepared or not.
fn check((m, k, n): (usize, usize, usize)) {
    let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
    let expected = naive(&a, &b, k, n);
    let (at, bt) = (transpose(&a, k), transpose(&b, n));
    let left = [Matrix::new(&a, k), Matrix::new(&at, m).transposed()];
    let right = [Matrix::new(&b, n), Matrix::new(&bt, k).transposed()];
    for a in left {
        for b in right {
            let [mut plain, mut prepared] = [vec![1.0; m * n], vec![f32::NAN; m * n]];
            matmul(&mut plain, a, b, true);
            matmul_prepared(&mut prepared, a, &Prepared::new(b), false);
            for (at, expected) in expected.iter().enumerate() {
                let bound = 1e-5 + 1e-6 * k as f32;
                assert!((plain[at] - 1.0 - expected).abs() < bound && (prepared[at] - expected).abs() < bound, "{m} by {k} by {n}, {at}");
            }
        }
    }
}

#[test]
fn products_of_odd_sizes_equal_the_definition() {
    // Also of several parts of the sum and of the rows, of as many rows as a part can have, of one element, row, column or term, and of whole tiles.
    let sizes = [
        (37, 19, 23),
        (1100, 21, 17),
        (1024, 384, 3),
        (12, 20, 70),
        (5, 901, 33),
        (7, 384, 16),
        (12, 385, 32),
        (2, 8, 100),
        (1, 1, 1),
        (3, 1, 20),
        (1, 1, 17),
        (9, 5, 1),
        (1, 40, 5),
    ];
    on_every_isa(|| sizes.into_iter().for_each(check));
}

#[test]
fn a_product_over_nothing_is_zero_and_one_of_no_rows_is_nothing() {
    on_every_isa(|| {
        for m in [1, 100] {
            let mut out = vec![7.0; m * 20];
            let (a, b) = (Matrix::new(&[], m).transposed(), Matrix::new(&[], 20));
            matmul(&mut out, a, b, true);
            assert!(out.iter().all(|out| *out == 7.0));
            matmul_prepared(&mut out, a, &Prepared::new(b), false);
            assert!(out.iter().all(|out| *out == 0.0));
            out.fill(7.0);
            matmul_prepared_parallel(&mut out, a, &Prepared::new(b), false);
            assert!(out.iter().all(|out| *out == 0.0));
            out.fill(7.0);
            matmul_parallel(&mut out, a, b, false);
            assert!(out.iter().all(|out| *out == 0.0));
        }
        let b = numbers(60, 1);
        matmul(&mut [], Matrix::new(&[], 3), Matrix::new(&b, 20), false);
        matmul_parallel(&mut [], Matrix::new(&[], 3), Matrix::new(&b, 20), false);
    });
}

#[test]
fn rows_have_the_same_bits_in_parts_of_any_size() {
    on_every_isa(|| {
        let (m, k, n) = (300, 700, 40);
        let (a, b) = (numbers(m * k, 1), numbers(k * n, 2));
        let b = Prepared::new(Matrix::new(&b, n));
        let mut whole = vec![0.0; m * n];
        matmul_prepared(&mut whole, Matrix::new(&a, k), &b, false);
        for part in [1, 7, 256] {
            let mut parts = vec![0.0; m * n];
            parts.chunks_mut(part * n).zip(a.chunks(part * k)).for_each(|(out, a)| matmul_prepared(out, Matrix::new(a, k), &b, false));
            assert!(parts == whole || !parts_keep_bits(), "parts of {part} rows");
        }
    });
}

#[test]
fn all_threads_give_the_bits_of_one() {
    on_every_isa(|| {
        for i in [96, 50, 1000] {
            let (n, o) = (700, 130);
            let (x, grad) = (numbers(n * i, 1), numbers(n * o, 2));
            let (x, grad) = (Matrix::new(&x, i).transposed(), Matrix::new(&grad, o));
            let prepared = Prepared::new(grad);
            for accumulate in [false, true] {
                let [mut one, mut all, mut all_prepared] = std::array::from_fn(|_| vec![0.5; i * o]);
                matmul(&mut one, x, grad, accumulate);
                matmul_parallel(&mut all, x, grad, accumulate);
                matmul_prepared_parallel(&mut all_prepared, x, &prepared, accumulate);
                assert_eq!(one, all);
                assert!(one == all_prepared || !parts_keep_bits(), "{i} rows, accumulate: {accumulate}");
            }
        }
    });
}

#[test]
fn what_is_not_finite_stays_in_its_row_and_column() {
    // Rows and columns that fill a tile up are computed with the others.
    on_every_isa(|| {
        for m in [8, 14] {
            let (k, n) = (11, 18);
            let [mut a, mut b] = [numbers(m * k, 1), numbers(k * n, 2)];
            (a[3 * k], b[17]) = (f32::INFINITY, f32::NAN);
            let at = transpose(&a, k);
            for a in [Matrix::new(&a, k), Matrix::new(&at, m).transposed()] {
                let mut out = vec![0.0; m * n];
                matmul(&mut out, a, Matrix::new(&b, n), false);
                for (at, out) in out.iter().enumerate() {
                    assert_eq!(out.is_finite(), at / n != 3 && at % n != 17, "{m} rows, row {}, column {}", at / n, at % n);
                }
            }
        }
    });
}
