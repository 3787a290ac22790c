//! One AdamW step over slices, and sums of squares.

use super::simd::{LANES, simd_fn};
use crate::kernels::AdamStep;

simd_fn! {
    /// Steps a parameter into `out` and its moments in place.
    pub fn step[s](parameter: &[f32], gradient: &[f32], first: &mut [f32], second: &mut [f32], step: &AdamStep, out: &mut [f32]) {
        let (correct1, correct2) = step.corrections();
        let decay = s.splat(1.0 - step.learning_rate * step.weight_decay);
        let rate = s.splat(-step.learning_rate * correct1);
        for at in (0..parameter.len()).step_by(LANES) {
            let g = s.mul(s.get(gradient, at), s.splat(step.gradient_scale));
            let m = s.fma(s.get(first, at), s.splat(step.beta1), s.mul(g, s.splat(1.0 - step.beta1)));
            let v = s.fma(s.get(second, at), s.splat(step.beta2), s.mul(s.mul(g, g), s.splat(1.0 - step.beta2)));
            s.put(first, at, m);
            s.put(second, at, v);
            let root = s.add(s.sqrt(s.mul(v, s.splat(correct2))), s.splat(step.epsilon));
            s.put(out, at, s.fma(s.get(parameter, at), decay, s.mul(rate, s.div(m, root))));
        }
    }
}

simd_fn! {
    /// The sum of the squares, with a total in double precision.
    pub fn square_sum[s](x: &[f32]) -> f64 {
        let mut total = 0.0;
        // Single precision over short stretches, double between them.
        for part in x.chunks(64 * LANES) {
            let mut sum = s.splat(0.0);
            for at in (0..part.len()).step_by(LANES) {
                let v = s.get(part, at);
                sum = s.fma(v, v, sum);
            }
            total += f64::from(s.sum(sum));
        }
        total
    }
}
