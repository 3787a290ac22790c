//! Python's built-in numbers: integers of any size, floats, and the complex numbers that roots of negative ones are.

use num_bigint::{BigInt, Sign};

use super::{
    complex::Complex,
    integer::{self, Budget},
    python::{self, Literal, Numbers, Op},
};

/// The built-in numbers of Python.
#[derive(Default)]
pub(super) struct Builtin {
    budget: Budget,
}

/// A number of Python.
pub(super) enum Value {
    Int(BigInt),
    Float(f64),
    Complex(Complex),
}

impl Value {
    /// Whether it equals a whole number, as `==` has it.
    pub(super) fn equals(&self, whole: &BigInt) -> bool {
        match self {
            Self::Int(value) => value == whole,
            Self::Float(value) => integer::to_float(whole) == Some(*value),
            Self::Complex(value) => value.im == 0.0 && integer::to_float(whole) == Some(value.re),
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Self::Int(value) => integer::to_float(value),
            Self::Float(value) => Some(*value),
            Self::Complex(_) => None,
        }
    }

    fn complex(&self) -> Option<Complex> {
        match self {
            Self::Complex(value) => Some(*value),
            real => real.float().map(Complex::real),
        }
    }
}

impl Numbers for Builtin {
    type Value = Value;

    fn literal(&mut self, text: &str) -> Option<Value> {
        match python::literal(text)? {
            Literal::Whole(digits, base) => BigInt::parse_bytes(digits.as_bytes(), base).map(Value::Int),
            Literal::Decimal(text) => text.parse().ok().map(Value::Float),
        }
    }

    fn negate(&mut self, value: Value) -> Option<Value> {
        Some(match value {
            Value::Int(value) => Value::Int(-value),
            Value::Float(value) => Value::Float(-value),
            Value::Complex(value) => Value::Complex(value.negated()),
        })
    }

    fn apply(&mut self, op: Op, left: Value, right: Value) -> Option<Value> {
        match (&left, &right) {
            (Value::Int(left), Value::Int(right)) => {
                self.budget.pay(left, right)?;
                whole(op, left, right)
            }
            (Value::Complex(_), _) | (_, Value::Complex(_)) => complex(op, left.complex()?, right.complex()?).map(Value::Complex),
            _ => float(op, left.float()?, right.float()?),
        }
    }
}

fn whole(op: Op, left: &BigInt, right: &BigInt) -> Option<Value> {
    Some(match op {
        Op::Add => Value::Int(left + right),
        Op::Subtract => Value::Int(left - right),
        Op::Multiply => Value::Int(integer::product(left, right)?),
        Op::Divide => Value::Float(integer::true_division(left, right)?),
        Op::Floor => Value::Int(integer::floor_division(left, right)?.0),
        Op::Modulo => Value::Int(integer::floor_division(left, right)?.1),
        Op::Power if right.sign() == Sign::Minus => return float(Op::Power, integer::to_float(left)?, integer::to_float(right)?),
        Op::Power => Value::Int(integer::power(left, right)?),
    })
}

fn float(op: Op, left: f64, right: f64) -> Option<Value> {
    let value = match op {
        Op::Add => left + right,
        Op::Subtract => left - right,
        Op::Multiply => left * right,
        Op::Divide if right == 0.0 => return None,
        Op::Divide => left / right,
        Op::Floor => integer::float_division(left, right)?.0,
        Op::Modulo => integer::float_division(left, right)?.1,
        Op::Power if left == 0.0 && right < 0.0 => return None,
        Op::Power if left < 0.0 && right.fract() != 0.0 => {
            return Complex::real(left).power(Complex::real(right)).map(Value::Complex);
        }
        Op::Power => Some(left.powf(right)).filter(|value| value.is_finite() || !left.is_finite() || !right.is_finite())?,
    };
    Some(Value::Float(value))
}

fn complex(op: Op, left: Complex, right: Complex) -> Option<Complex> {
    match op {
        Op::Add => Some(left.plus(right)),
        Op::Subtract => Some(left.plus(right.negated())),
        Op::Multiply => Some(left.times(right)),
        Op::Divide => left.over(right),
        Op::Power => left.power(right),
        Op::Floor | Op::Modulo => None,
    }
}
