//! One AdamW step over slices, and sums of squares.

use super::simd::{LANES, simd_fn};
use crate::kernels::AdamStep;

simd_fn! {
    /// Steps a parameter into `out` and its moments in place.
    pub fn step<S>(parameter: &[f32], gradient: &[f32], first: &mut [f32], second: &mut [f32], step: &AdamStep, out: &mut [f32]) {
        let (correct1, correct2) = step.corrections();
        let decay = S::splat(1.0 - step.learning_rate * step.weight_decay);
        let rate = S::splat(-step.learning_rate * correct1);
        for at in (0..parameter.len()).step_by(LANES) {
            let g = S::mul(S::get(gradient, at), S::splat(step.gradient_scale));
            let m = S::fma(S::get(first, at), S::splat(step.beta1), S::mul(g, S::splat(1.0 - step.beta1)));
            let v = S::fma(S::get(second, at), S::splat(step.beta2), S::mul(S::mul(g, g), S::splat(1.0 - step.beta2)));
            S::put(first, at, m);
            S::put(second, at, v);
            let root = S::add(S::sqrt(S::mul(v, S::splat(correct2))), S::splat(step.epsilon));
            S::put(out, at, S::fma(S::get(parameter, at), decay, S::mul(rate, S::div(m, root))));
        }
    }
}

simd_fn! {
    /// The sum of the squares, with a total in double precision.
    pub fn square_sum<S>(x: &[f32]) -> f64 {
        let mut total = 0.0;
        // Single precision over short stretches, double between them.
        for part in x.chunks(64 * LANES) {
            let mut sum = S::splat(0.0);
            for at in (0..part.len()).step_by(LANES) {
                let v = S::get(part, at);
                sum = S::fma(v, v, sum);
            }
            total += f64::from(S::sum(sum));
        }
        total
    }
}
