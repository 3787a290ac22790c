//! Division and powers as Python has them, of whole numbers of any size within a budget of work, and of floats.

use num_bigint::{BigInt, Sign};

/// The most bits of a result. Python goes on; a score that waits for more is no score.
const MAX_BITS: u64 = 1 << 15;

/// What an evaluation may still spend, in products of machine words.
pub(super) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(1 << 20)
    }
}

impl Budget {
    /// Pays for an operation of two numbers; `None` where the budget is spent.
    pub(super) fn pay(&mut self, left: &BigInt, right: &BigInt) -> Option<()> {
        let words = |number: &BigInt| number.bits() / 64 + 1;
        self.0 = self.0.checked_sub(words(left) * words(right))?;
        Some(())
    }
}

/// `base ** exponent` for an exponent of at least 0.
pub(super) fn power(base: &BigInt, exponent: &BigInt) -> Option<BigInt> {
    let is_small = base.bits() <= 1;
    let exponent = match u32::try_from(exponent) {
        Ok(exponent) => exponent,
        // 0, 1 and -1 have powers of any height.
        Err(_) if is_small && exponent.sign() == Sign::Plus => 2 + u32::from(exponent.bit(0)),
        Err(_) => return None,
    };
    if !is_small && base.bits().checked_mul(u64::from(exponent))? > MAX_BITS {
        return None;
    }
    Some(base.pow(if is_small && exponent > 3 { 2 + exponent % 2 } else { exponent }))
}

/// The product, within the bounds.
pub(super) fn product(left: &BigInt, right: &BigInt) -> Option<BigInt> {
    (left.bits() + right.bits() <= MAX_BITS).then(|| left * right)
}

/// Quotient and remainder, rounded towards negative infinity; `None` for a division by zero.
pub(super) fn floor_division(left: &BigInt, right: &BigInt) -> Option<(BigInt, BigInt)> {
    if right.sign() == Sign::NoSign {
        return None;
    }
    let (quotient, remainder) = (left / right, left % right);
    let is_off = remainder.sign() != Sign::NoSign && remainder.sign() != right.sign();
    Some(if is_off { (quotient - 1, remainder + right) } else { (quotient, remainder) })
}

/// The nearest float; `None` where it would be infinite.
pub(super) fn to_float(number: &BigInt) -> Option<f64> {
    let text = number.to_string();
    text.parse().ok().filter(|float: &f64| float.is_finite())
}

/// The float nearest to a quotient, as Python's true division gives it; `None` for a division by zero and on overflow.
pub(super) fn true_division(left: &BigInt, right: &BigInt) -> Option<f64> {
    if right.sign() == Sign::NoSign {
        return None;
    }
    if left.bits() <= 53 && right.bits() <= 53 {
        return Some(to_float(left)? / to_float(right)?);
    }
    // 100 significant bits are enough to round well.
    let shift = (right.bits() + 100).saturating_sub(left.bits());
    let quotient = (left << shift) / right;
    let float = to_float(&quotient)? * 2_f64.powi(-(shift as i32));
    float.is_finite().then_some(float)
}

/// Quotient and remainder of floats, rounded towards negative infinity from the exact remainder; `None` for a division by zero.
///
/// `8 // .2` is 39, as the float `.2` is a little more than a fifth.
pub(super) fn float_division(left: f64, right: f64) -> Option<(f64, f64)> {
    if right == 0.0 {
        return None;
    }
    let mut remainder = left % right;
    let mut quotient = (left - remainder) / right;
    if remainder != 0.0 && (remainder < 0.0) != (right < 0.0) {
        (remainder, quotient) = (remainder + right, quotient - 1.0);
    }
    let floor = quotient.floor();
    Some((if quotient - floor > 0.5 { floor + 1.0 } else { floor }, remainder))
}
