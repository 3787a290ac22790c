//! RMSNorm of rows of `d` numbers, forward and backward.

use super::simd::{LANES, simd_fn};

simd_fn! {
    /// Normalizes the rows of `x: [n, d]` into `out`, with the inverse root mean squares in `inverse: [n]`.
    pub fn forward<S>(x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32], inverse: &mut [f32]) {
        let d = gain.len();
        for ((x, out), inverse) in x.chunks_exact(d).zip(out.chunks_exact_mut(d)).zip(inverse) {
            let mut squares = S::splat(0.0);
            for at in (0..d).step_by(LANES) {
                let v = S::get(x, at);
                squares = S::fma(v, v, squares);
            }
            *inverse = 1.0 / (S::sum(squares) / d as f32 + epsilon).sqrt();
            let scale = S::splat(*inverse);
            for at in (0..d).step_by(LANES) {
                S::put(out, at, S::mul(S::mul(S::get(x, at), scale), S::get(gain, at)));
            }
        }
    }
}

/// What the backward pass reads.
pub struct Saved<'a> {
    /// Input of the forward pass, `[n, d]`.
    pub x: &'a [f32],
    /// Gain, `[d]`.
    pub gain: &'a [f32],
    /// Inverse root mean squares, `[n]`.
    pub inverse: &'a [f32],
}

simd_fn! {
    /// Adds the gradient by the input to `grad_x: [n, d]` and that by the gain to `grad_gain: [d]`.
    pub fn backward<S>(grad: &[f32], saved: &Saved<'_>, grad_x: &mut [f32], grad_gain: &mut [f32]) {
        let d = saved.gain.len();
        let rows = grad.chunks_exact(d).zip(saved.x.chunks_exact(d)).zip(saved.inverse).zip(grad_x.chunks_exact_mut(d));
        for (((grad, x), inverse), grad_x) in rows {
            let inverse_v = S::splat(*inverse);
            let mut along = S::splat(0.0);
            for at in (0..d).step_by(LANES) {
                let normed = S::mul(S::get(x, at), inverse_v);
                let part = S::mul(S::get(grad, at), normed);
                S::put(grad_gain, at, S::add(S::get(grad_gain, at), part));
                along = S::fma(part, S::get(saved.gain, at), along);
            }
            // dx = inverse * (gain * grad - normed * mean(gain * grad * normed))
            let along = S::splat(-S::sum(along) / d as f32 * inverse);
            for at in (0..d).step_by(LANES) {
                let scaled = S::fma(S::get(x, at), along, S::mul(S::get(grad, at), S::get(saved.gain, at)));
                S::put(grad_x, at, S::fma(scaled, inverse_v, S::get(grad_x, at)));
            }
        }
    }
}
