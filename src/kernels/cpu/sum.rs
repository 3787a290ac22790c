//! Sums of gradients.

use super::simd::{LANES, simd_fn};

simd_fn! {
    /// Adds the parts to `total`, each as long, in their order.
    pub fn add<S>(total: &mut [f32], parts: &[&[f32]]) {
        for at in (0..total.len()).step_by(LANES) {
            let mut sum = S::get(total, at);
            for part in parts {
                sum = S::add(sum, S::get(part, at));
            }
            S::put(total, at, sum);
        }
    }
}
