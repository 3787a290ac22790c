//! The complex numbers that Python's powers of negative numbers lead into.

/// `re + im i`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Complex {
    pub(super) re: f64,
    pub(super) im: f64,
}

impl Complex {
    pub(super) const fn real(re: f64) -> Self {
        Self { re, im: 0.0 }
    }

    pub(super) fn modulus(self) -> f64 {
        self.re.hypot(self.im)
    }

    pub(super) fn negated(self) -> Self {
        Self { re: -self.re, im: -self.im }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { re: self.re + other.re, im: self.im + other.im }
    }

    pub(super) fn times(self, other: Self) -> Self {
        Self { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    /// `None` for a division by zero.
    pub(super) fn over(self, other: Self) -> Option<Self> {
        let norm = other.re * other.re + other.im * other.im;
        let product = self.times(Self { im: -other.im, ..other });
        (norm != 0.0).then(|| Self { re: product.re / norm, im: product.im / norm })
    }

    /// `None` for a power of zero that has no value.
    pub(super) fn power(self, exponent: Self) -> Option<Self> {
        if exponent == Self::real(0.0) {
            return Some(Self::real(1.0));
        }
        if self == Self::real(0.0) {
            return (exponent.im == 0.0 && exponent.re > 0.0).then_some(Self::real(0.0));
        }
        let (modulus, angle) = (self.modulus(), self.im.atan2(self.re));
        let size = modulus.powf(exponent.re) * (-angle * exponent.im).exp();
        let turn = angle * exponent.re + exponent.im * modulus.ln();
        Some(Self { re: size * turn.cos(), im: size * turn.sin() })
    }
}
