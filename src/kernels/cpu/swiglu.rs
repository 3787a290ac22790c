//! SwiGLU over a joint gate and up projection, forward and backward.

use super::simd::{LANES, simd_fn};

simd_fn! {
    /// `silu(gate) * up` of the rows of `gate_up: [n, 2f]` into `out: [n, f]`.
    pub fn forward[s](gate_up: &[f32], f: usize, out: &mut [f32]) {
        let one = s.splat(1.0);
        for (row, out) in gate_up.chunks_exact(2 * f).zip(out.chunks_exact_mut(f)) {
            let (gate, up) = row.split_at(f);
            for at in (0..f).step_by(LANES) {
                let g = s.get(gate, at);
                let sigmoid = s.div(one, s.add(one, s.exp(s.sub(s.splat(0.0), g))));
                s.put(out, at, s.mul(s.mul(g, sigmoid), s.get(up, at)));
            }
        }
    }
}

simd_fn! {
    /// The gradient by `gate_up: [n, 2f]` into `out`, from that by the result, `grad: [n, f]`, in whose place it leaves the result, as the weight behind it needs
    /// it.
    pub fn backward[s](grad: &mut [f32], gate_up: &[f32], f: usize, out: &mut [f32]) {
        let one = s.splat(1.0);
        let rows = grad.chunks_exact_mut(f).zip(gate_up.chunks_exact(2 * f)).zip(out.chunks_exact_mut(2 * f));
        for ((grad, row), out) in rows {
            let (gate, up) = row.split_at(f);
            let (out_gate, out_up) = out.split_at_mut(f);
            for at in (0..f).step_by(LANES) {
                let (g, u, by_result) = (s.get(gate, at), s.get(up, at), s.get(grad, at));
                let sigmoid = s.div(one, s.add(one, s.exp(s.sub(s.splat(0.0), g))));
                let silu = s.mul(g, sigmoid);
                // d silu(g) / dg = s + silu (1 - s)
                let slope = s.fma(silu, s.sub(one, sigmoid), sigmoid);
                s.put(out_gate, at, s.mul(s.mul(by_result, u), slope));
                s.put(out_up, at, s.mul(by_result, silu));
                s.put(grad, at, s.mul(silu, u));
            }
        }
    }
}
