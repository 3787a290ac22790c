//! The numbers of SymPy as far as arithmetic on literals goes: exact rationals, floats, complex infinity and `nan`.
//!
//! Roots are floats here and exact there: after conversion to a float the two differ by rounding only. Complex results stand for failures,
//! as their conversion to a float fails.

use num_bigint::{BigInt, Sign};

use super::{
    integer::{self, Budget},
    python::{self, Literal, Numbers, Op},
};

#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Numerator and denominator; the denominator is positive.
    Rational(BigInt, BigInt),
    Float(f64),
    /// SymPy's `zoo`: what a division by zero gives.
    Infinity,
    Nan,
}

impl Value {
    /// The float that `float()` makes, infinite for what is too large; `None` where it raises.
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Self::Rational(num, den) => Some(integer::true_division(num, den).unwrap_or(f64::INFINITY)),
            Self::Float(value) => Some(*value),
            Self::Infinity => None,
            Self::Nan => Some(f64::NAN),
        }
    }

    fn is_zero(&self) -> bool {
        match self {
            Self::Rational(num, _) => num.sign() == Sign::NoSign,
            Self::Float(value) => *value == 0.0,
            Self::Infinity | Self::Nan => false,
        }
    }
}

/// The arithmetic.
#[derive(Default)]
pub(super) struct Symbolic {
    budget: Budget,
}

impl Symbolic {
    fn fraction(&mut self, num: BigInt, den: BigInt) -> Option<Value> {
        self.budget.pay(&num, &den)?;
        let (mut a, mut b) = (num.magnitude().clone(), den.magnitude().clone());
        while b.bits() > 0 {
            (a, b) = (b.clone(), a % b);
        }
        let mut divisor = BigInt::from(a);
        if den.sign() == Sign::Minus {
            divisor = -divisor;
        }
        Some(Value::Rational(num / &divisor, den / divisor))
    }

    fn exact(&mut self, op: Op, (a, b): (&BigInt, &BigInt), (c, d): (&BigInt, &BigInt)) -> Option<Value> {
        self.budget.pay(a, d)?;
        self.budget.pay(b, c)?;
        // Whole numbers need no common divisor: denominators are positive, and one bit is a one.
        if b.bits() == 1 && d.bits() == 1 {
            match op {
                Op::Add => return Some(Value::Rational(a + c, b.clone())),
                Op::Subtract => return Some(Value::Rational(a - c, b.clone())),
                Op::Multiply => return Some(Value::Rational(integer::product(a, c)?, b.clone())),
                _ => {}
            }
        }
        match op {
            Op::Add => self.fraction(integer::product(a, d)? + integer::product(c, b)?, integer::product(b, d)?),
            Op::Subtract => self.fraction(integer::product(a, d)? - integer::product(c, b)?, integer::product(b, d)?),
            Op::Multiply => self.fraction(integer::product(a, c)?, integer::product(b, d)?),
            Op::Divide => self.fraction(integer::product(a, d)?, integer::product(b, c)?),
            // What SymPy does when a proper fraction meets an integer: the fraction is cut to an integer first.
            Op::Floor if *b != BigInt::from(1) && *d == BigInt::from(1) => Some(Value::Rational(integer::floor_division(&(a / b), c)?.0, BigInt::from(1))),
            Op::Floor | Op::Modulo => {
                let (quotient, remainder) = integer::floor_division(&integer::product(a, d)?, &integer::product(b, c)?)?;
                if op == Op::Floor {
                    // A whole number over a fraction that goes in evenly and negatively comes out one too low, unless a float can hold the fraction.
                    let is_fraction = *b == BigInt::from(1) && d.bits() > 1 && d.trailing_zeros() != Some(d.bits() - 1);
                    let is_low = is_fraction && quotient.sign() == Sign::Minus && remainder.sign() == Sign::NoSign;
                    return Some(Value::Rational(quotient - i32::from(is_low), BigInt::from(1)));
                }
                self.fraction(integer::product(a, d)? - integer::product(&quotient, &integer::product(c, b)?)?, integer::product(b, d)?)
            }
            Op::Power if *d == BigInt::from(1) => {
                let height = BigInt::from(c.magnitude().clone());
                let (num, den) = (integer::power(a, &height)?, integer::power(b, &height)?);
                if c.sign() == Sign::Minus { self.fraction(den, num) } else { Some(Value::Rational(num, den)) }
            }
            Op::Power => floats(Op::Power, integer::true_division(a, b)?, integer::true_division(c, d)?),
        }
    }
}

impl Numbers for Symbolic {
    type Value = Value;

    fn literal(&mut self, text: &str) -> Option<Value> {
        match python::literal(text)? {
            Literal::Whole(digits, base) => Some(Value::Rational(BigInt::parse_bytes(digits.as_bytes(), base)?, BigInt::from(1))),
            Literal::Decimal(text) => text.parse().ok().map(Value::Float),
        }
    }

    fn negate(&mut self, value: Value) -> Option<Value> {
        Some(match value {
            Value::Rational(num, den) => Value::Rational(-num, den),
            Value::Float(value) => Value::Float(-value),
            other => other,
        })
    }

    fn apply(&mut self, op: Op, left: Value, right: Value) -> Option<Value> {
        match (op, &left, &right) {
            (_, Value::Nan, _) | (_, _, Value::Nan) => Some(Value::Nan),
            (Op::Divide, Value::Infinity, Value::Infinity) | (Op::Add | Op::Subtract, Value::Infinity, Value::Infinity) => Some(Value::Nan),
            (Op::Multiply, Value::Infinity, other) | (Op::Multiply, other, Value::Infinity) => Some(if other.is_zero() { Value::Nan } else { Value::Infinity }),
            (Op::Add | Op::Subtract, ..) if matches!(left, Value::Infinity) || matches!(right, Value::Infinity) => Some(Value::Infinity),
            (Op::Divide, Value::Infinity, _) => Some(Value::Infinity),
            (Op::Divide, _, Value::Infinity) => Some(Value::Rational(BigInt::ZERO, BigInt::from(1))),
            (Op::Modulo, Value::Infinity, _) | (Op::Modulo | Op::Power, _, Value::Infinity) => Some(Value::Nan),
            (Op::Floor, Value::Infinity, other) => other.float().map_or(Some(Value::Nan), |_| Some(Value::Infinity)),
            (Op::Floor, _, Value::Infinity) => Some(Value::Rational(BigInt::ZERO, BigInt::from(1))),
            (Op::Power, Value::Infinity, height) => {
                let height = height.float()?;
                Some(if height == 0.0 {
                    Value::Rational(BigInt::from(1), BigInt::from(1))
                } else if height < 0.0 {
                    Value::Rational(BigInt::ZERO, BigInt::from(1))
                } else {
                    Value::Infinity
                })
            }
            (Op::Floor, Value::Float(_), _) if right.is_zero() => Some(if left.is_zero() { Value::Nan } else { Value::Infinity }),
            (Op::Divide, ..) if right.is_zero() => Some(if left.is_zero() { Value::Nan } else { Value::Infinity }),
            (Op::Floor | Op::Modulo, ..) if right.is_zero() => None,
            (Op::Power, ..) if right.is_zero() => Some(Value::Rational(BigInt::from(1), BigInt::from(1))),
            (Op::Power, ..) if left.is_zero() => {
                let is_negative = right.float()? < 0.0;
                Some(if is_negative { Value::Infinity } else { Value::Rational(BigInt::ZERO, BigInt::from(1)) })
            }
            (_, Value::Rational(a, b), Value::Rational(c, d)) => self.exact(op, (a, b), (c, d)),
            (Op::Floor, Value::Rational(_, den), Value::Float(right)) if *den == BigInt::from(1) => {
                integer::float_division(left.float()?, *right).map(|(quotient, _)| Value::Float(quotient))
            }
            (Op::Modulo, Value::Float(a), Value::Float(b)) if (a / b).fract() == 0.0 => Some(Value::Float(0.0)),
            _ => floats(op, left.float()?, right.float()?),
        }
    }
}

fn floats(op: Op, left: f64, right: f64) -> Option<Value> {
    let value = match op {
        Op::Add => left + right,
        Op::Subtract => left - right,
        Op::Multiply => left * right,
        Op::Divide => left / right,
        Op::Floor => (left / right).floor(),
        Op::Modulo => integer::float_division(left, right)?.1,
        Op::Power if left < 0.0 && right.fract() != 0.0 => return None,
        Op::Power => left.powf(right),
    };
    Some(Value::Float(value))
}
