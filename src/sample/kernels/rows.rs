//! Operations on one row of numbers.

use super::lanes::Lanes;
use super::{LANES, PANEL, dispatch};

dispatch! {
    /// RMSNorm: `out = x / sqrt(mean(x^2) + epsilon) * gain`.
    ///
    /// # Shapes
    /// All are `[d]`.
    rms_norm => rms_norm_with(x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32]), {
        assert!(x.len() == gain.len() && x.len() == out.len(), "the rows differ in length");
    }
}

dispatch! {
    /// `out[i] = exp((x[i] - shift) * scale)`, and the sum of all.
    exponentials => exponentials_with(x: &[f32], shift: f32, scale: f32, out: &mut [f32]) -> f32, {
        assert!(x.len() == out.len(), "the rows differ in length");
    }
}

dispatch! {
    /// The largest number; minus infinity where there is none.
    maximum => maximum_with(x: &[f32]) -> f32, {}
}

dispatch! {
    /// `silu(gate) * value` of panels of gates and the values that they gate, as a product with [`Epilogue::SwiGlu`](super::Epilogue::SwiGlu) has it.
    ///
    /// # Shapes
    /// `panels` is `[p, 2, 32]`, `out` is `[p, 32]`
    gate_panels => gate_panels_with(panels: &[f32], out: &mut [f32]), {
        assert!(panels.len() == 2 * out.len() && panels.len().is_multiple_of(PANEL), "panels and output differ in length");
    }
}

/// # Safety
/// The instruction set of `L` is there and the slices are as [`gate_panels`] asserts.
#[inline(always)]
unsafe fn gate_panels_with<L: Lanes>(panels: &[f32], out: &mut [f32]) {
    const HALF: usize = PANEL / 2;
    for (panel, out) in panels.chunks_exact(PANEL).zip(out.chunks_exact_mut(HALF)) {
        for at in (0..HALF).step_by(LANES) {
            // SAFETY: a panel holds two halves, each of whole lines.
            unsafe {
                let (gate, value) = (L::load(panel.as_ptr().add(at)), L::load(panel.as_ptr().add(HALF + at)));
                gate.silu().mul(value).store(out.as_mut_ptr().add(at));
            }
        }
    }
}

/// The sixteen numbers from `at` on; those past the end are `fill`.
#[inline(always)]
unsafe fn load<L: Lanes>(x: &[f32], at: usize, fill: f32) -> L {
    // SAFETY: a whole line lies within `x`, or the copy is a whole line.
    unsafe {
        if at + LANES <= x.len() {
            return L::load(x.as_ptr().add(at));
        }
        let mut line = [fill; LANES];
        line[..x.len() - at].copy_from_slice(&x[at..]);
        L::load(line.as_ptr())
    }
}

/// Writes the sixteen numbers from `at` on, up to the end.
#[inline(always)]
unsafe fn store<L: Lanes>(value: L, out: &mut [f32], at: usize) {
    // SAFETY: as for `load`.
    unsafe {
        if at + LANES <= out.len() {
            return value.store(out.as_mut_ptr().add(at));
        }
        let mut line = [0.0; LANES];
        value.store(line.as_mut_ptr());
        let count = out.len() - at;
        out[at..].copy_from_slice(&line[..count]);
    }
}

#[inline(always)]
unsafe fn rms_norm_with<L: Lanes>(x: &[f32], gain: &[f32], epsilon: f32, out: &mut [f32]) {
    // SAFETY: the caller vouches for the instruction set; bounds are kept by `load` and `store`.
    unsafe {
        let mut squares = L::splat(0.0);
        for at in (0..x.len()).step_by(LANES) {
            let value = load::<L>(x, at, 0.0);
            squares = value.fma(value, squares);
        }
        let factor = L::splat(1.0 / (squares.sum() / x.len() as f32 + epsilon).sqrt());
        for at in (0..x.len()).step_by(LANES) {
            store(load::<L>(x, at, 0.0).mul(factor).mul(load(gain, at, 0.0)), out, at);
        }
    }
}

#[inline(always)]
unsafe fn exponentials_with<L: Lanes>(x: &[f32], shift: f32, scale: f32, out: &mut [f32]) -> f32 {
    // SAFETY: as for `rms_norm_with`.
    unsafe {
        let mut sum = L::splat(0.0);
        for at in (0..x.len()).step_by(LANES) {
            let value = load::<L>(x, at, f32::NEG_INFINITY).sub(L::splat(shift)).mul(L::splat(scale)).exp();
            sum = sum.add(value);
            store(value, out, at);
        }
        sum.sum()
    }
}

#[inline(always)]
unsafe fn maximum_with<L: Lanes>(x: &[f32]) -> f32 {
    // SAFETY: as for `rms_norm_with`.
    unsafe {
        let mut largest = L::splat(f32::NEG_INFINITY);
        for at in (0..x.len()).step_by(LANES) {
            largest = largest.max(load(x, at, f32::NEG_INFINITY));
        }
        largest.largest()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Isa;
    use super::*;

    #[test]
    fn exponentials_are_exact_to_two_ulp_and_equal_on_every_instruction_set() {
        let x: Vec<f32> = (0..20_003).map(|index| index as f32 * -0.005 + 10.0).chain([f32::NEG_INFINITY, -88.0]).collect();
        let mut reference = vec![0.0; x.len()];
        let sum = exponentials(Isa::best(), &x, 0.5, 1.0, &mut reference);
        for (x, value) in x.iter().zip(&reference) {
            let exact = f64::from(x - 0.5).exp();
            let expected = if x - 0.5 < -87.0 { 0.0 } else { exact };
            assert!((f64::from(*value) - expected).abs() <= exact * 2.4e-7, "{x} {value} {exact}");
        }
        for isa in Isa::available() {
            let mut out = vec![0.0; x.len()];
            assert_eq!(exponentials(isa, &x, 0.5, 1.0, &mut out).to_bits(), sum.to_bits());
            assert_eq!(out, reference);
        }
    }

    #[test]
    fn rms_norm_equals_the_formula_on_odd_widths() {
        for width in [1, 15, 16, 50, 128] {
            let x: Vec<f32> = (0..width).map(|index| (index as f32 * 0.7).sin()).collect();
            let gain: Vec<f32> = (0..width).map(|index| 1.0 + index as f32 * 0.01).collect();
            let mean = x.iter().map(|x| f64::from(x * x)).sum::<f64>() / width as f64;
            for isa in Isa::available() {
                let mut out = vec![0.0; width];
                rms_norm(isa, &x, &gain, 1e-5, &mut out);
                for index in 0..width {
                    let exact = f64::from(x[index]) / (mean + 1e-5).sqrt() * f64::from(gain[index]);
                    assert!((f64::from(out[index]) - exact).abs() < 1e-6);
                }
            }
        }
    }

    #[test]
    fn the_maximum_of_nothing_is_minus_infinity() {
        for isa in Isa::available() {
            assert_eq!(maximum(isa, &[]), f32::NEG_INFINITY);
            assert_eq!(maximum(isa, &[-3.0, -1.5, -2.0]), -1.5);
        }
    }
}
