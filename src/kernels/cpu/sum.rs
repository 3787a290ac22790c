//! Sums of gradients.

use super::simd::{LANES, simd_fn};

simd_fn! {
    /// Adds the parts to `total`, each as long, in their order.
    pub fn add[s](total: &mut [f32], parts: &[&[f32]]) {
        for at in (0..total.len()).step_by(LANES) {
            let mut sum = s.get(total, at);
            for part in parts {
                sum = s.add(sum, s.get(part, at));
            }
            s.put(total, at, sum);
        }
    }
}
