//! Softmax cross-entropy of rows of logits; the gradient replaces the logits.

use super::simd::{LANES, simd_fn};

simd_fn! {
    /// Gives the weighted sum of the negative log-likelihoods, in nats, and turns `logits: [n, v]` into its gradient.
    ///
    /// A row of weight 0 gives no loss and a gradient of exact zeros.
    pub fn forward_backward[s](logits: &mut [f32], targets: &[i32], weights: &[f32]) -> f64 {
        let v = logits.len() / targets.len().max(1);
        let mut loss = 0.0;
        for ((row, &target), &weight) in logits.chunks_exact_mut(v).zip(targets).zip(weights) {
            if weight == 0.0 {
                row.fill(0.0);
                continue;
            }
            let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let chosen = row[target as usize];
            let mut sum = s.splat(0.0);
            let whole = v / LANES * LANES;
            for at in (0..whole).step_by(LANES) {
                let power = s.exp(s.sub(s.get(row, at), s.splat(highest)));
                s.put(row, at, power);
                sum = s.add(sum, power);
            }
            let mut sum = s.sum(sum);
            if whole < v {
                let power = s.exp(s.sub(s.get(row, whole), s.splat(highest)));
                s.put(row, whole, power);
                sum += row[whole..].iter().sum::<f32>();
            }
            loss += f64::from(weight) * f64::from(sum.ln() + highest - chosen);
            let scale = s.splat(weight / sum);
            for at in (0..v).step_by(LANES) {
                s.put(row, at, s.mul(s.get(row, at), scale));
            }
            row[target as usize] -= weight;
        }
        loss
    }
}
