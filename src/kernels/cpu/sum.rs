//! Sums of gradients.

use super::simd::{LANES, simd_fn};

simd_fn! {
    /// Adds `part`, as long, to `total`.
    pub fn add[s](total: &mut [f32], part: &[f32]) {
        for at in (0..total.len()).step_by(LANES) {
            s.put(total, at, s.add(s.get(total, at), s.get(part, at)));
        }
    }
}
