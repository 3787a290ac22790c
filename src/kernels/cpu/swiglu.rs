//! SwiGLU over a joint gate and up projection, forward and backward.

use super::simd::{LANES, simd_fn};

simd_fn! {
    /// `silu(gate) * up` of the rows of `gate_up: [n, 2f]` into `out: [n, f]`.
    pub fn forward<S>(gate_up: &[f32], f: usize, out: &mut [f32]) {
        let one = S::splat(1.0);
        for (row, out) in gate_up.chunks_exact(2 * f).zip(out.chunks_exact_mut(f)) {
            let (gate, up) = row.split_at(f);
            for at in (0..f).step_by(LANES) {
                let g = S::get(gate, at);
                let sigmoid = S::div(one, S::add(one, S::exp(S::sub(S::splat(0.0), g))));
                S::put(out, at, S::mul(S::mul(g, sigmoid), S::get(up, at)));
            }
        }
    }
}

simd_fn! {
    /// The gradient by `gate_up: [n, 2f]` into `out`, from that by the result, `grad: [n, f]`; also the result again, into `result: [n, f]`,
    /// as the weight behind it needs it.
    pub fn backward<S>(grad: &[f32], gate_up: &[f32], f: usize, out: &mut [f32], result: &mut [f32]) {
        let one = S::splat(1.0);
        let rows = grad.chunks_exact(f).zip(gate_up.chunks_exact(2 * f)).zip(out.chunks_exact_mut(2 * f)).zip(result.chunks_exact_mut(f));
        for (((grad, row), out), result) in rows {
            let (gate, up) = row.split_at(f);
            let (out_gate, out_up) = out.split_at_mut(f);
            for at in (0..f).step_by(LANES) {
                let (g, u, grad) = (S::get(gate, at), S::get(up, at), S::get(grad, at));
                let sigmoid = S::div(one, S::add(one, S::exp(S::sub(S::splat(0.0), g))));
                let silu = S::mul(g, sigmoid);
                // d silu(g) / dg = s + silu (1 - s)
                let slope = S::fma(silu, S::sub(one, sigmoid), sigmoid);
                S::put(out_gate, at, S::mul(S::mul(grad, u), slope));
                S::put(out_up, at, S::mul(grad, silu));
                S::put(result, at, S::mul(silu, u));
            }
        }
    }
}
