//! RMSNorm of rows of `d` numbers, forward and backward.

use super::simd::{LANES, simd_fn};

simd_fn! {
    /// Normalizes the rows of `x: [n, d]` into `out`, with the inverse root mean squares in `inverse: [n]`.
    pub fn forward[s](x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32], inverse: &mut [f32]) {
        let d = gain.len();
        for ((x, out), inverse) in x.chunks_exact(d).zip(out.chunks_exact_mut(d)).zip(inverse) {
            let mut squares = s.splat(0.0);
            for at in (0..d).step_by(LANES) {
                let v = s.get(x, at);
                squares = s.fma(v, v, squares);
            }
            *inverse = 1.0 / (s.sum(squares) / d as f32 + epsilon).sqrt();
            let scale = s.splat(*inverse);
            for at in (0..d).step_by(LANES) {
                s.put(out, at, s.mul(s.mul(s.get(x, at), scale), s.get(gain, at)));
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
    pub fn backward[s](grad: &[f32], saved: &Saved<'_>, grad_x: &mut [f32], grad_gain: &mut [f32]) {
        let d = saved.gain.len();
        let rows = grad.chunks_exact(d).zip(saved.x.chunks_exact(d)).zip(saved.inverse).zip(grad_x.chunks_exact_mut(d));
        for (((grad, x), inverse), grad_x) in rows {
            let inverse_v = s.splat(*inverse);
            let mut along = s.splat(0.0);
            for at in (0..d).step_by(LANES) {
                let normed = s.mul(s.get(x, at), inverse_v);
                let part = s.mul(s.get(grad, at), normed);
                s.put(grad_gain, at, s.add(s.get(grad_gain, at), part));
                along = s.fma(part, s.get(saved.gain, at), along);
            }
            // dx = inverse * (gain * grad - normed * mean(gain * grad * normed))
            let along = s.splat(-s.sum(along) / d as f32 * inverse);
            for at in (0..d).step_by(LANES) {
                let scaled = s.fma(s.get(x, at), along, s.mul(s.get(grad, at), s.get(saved.gain, at)));
                s.put(grad_x, at, s.fma(scaled, inverse_v, s.get(grad_x, at)));
            }
        }
    }
}
