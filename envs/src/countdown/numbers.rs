//! A state of Countdown, its operations and its actions.

use serde::{Deserialize, Serialize};

use super::{MAX_NUMBERS, Value};

/// The numbers that are left, in order: unused inputs first, results behind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Numbers {
    pub(super) len: u8,
    /// Numerators; whole numbers under all rules but `rational`.
    pub(super) values: [i64; MAX_NUMBERS],
    denominators: [i64; MAX_NUMBERS],
}

impl Numbers {
    pub(super) const EMPTY: Self = Self { len: 0, values: [0; MAX_NUMBERS], denominators: [0; MAX_NUMBERS] };

    /// The numerators as a slice: the numbers themselves under all rules but `rational`.
    #[inline]
    pub fn as_slice(&self) -> &[i64] {
        &self.values[..usize::from(self.len)]
    }

    /// The exact values.
    #[inline]
    pub fn values(&self) -> impl DoubleEndedIterator<Item = Value> + '_ {
        (0..usize::from(self.len)).map(|position| Value { num: self.values[position], den: self.denominators[position] })
    }

    /// The value at a position below the length.
    #[inline]
    pub(super) fn value(&self, position: usize) -> Option<Value> {
        (position < usize::from(self.len)).then(|| Value { num: self.values[position], den: self.denominators[position] })
    }

    #[inline]
    pub(super) fn push(&mut self, value: Value) {
        self.values[usize::from(self.len)] = value.num;
        self.denominators[usize::from(self.len)] = value.den;
        self.len += 1;
    }
}

impl std::fmt::Debug for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.values().map(|value| (value.num, value.den))).finish()
    }
}

/// One of the four operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Op {
    /// Addition.
    #[serde(rename = "+")]
    Add,
    /// Multiplication.
    #[serde(rename = "*")]
    Multiply,
    /// Subtraction.
    #[serde(rename = "-")]
    Subtract,
    /// Division.
    #[serde(rename = "/")]
    Divide,
}

impl Op {
    /// All operations, in the order in which children are generated.
    pub const ALL: [Self; 4] = [Self::Add, Self::Multiply, Self::Subtract, Self::Divide];

    /// The sign as text.
    #[inline]
    pub fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Multiply => '*',
            Self::Subtract => '-',
            Self::Divide => '/',
        }
    }

    /// `left op right` under the rules `sos`; `None` where it is not allowed.
    #[inline]
    pub fn apply(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Self::Add => left.checked_add(right),
            Self::Multiply => left.checked_mul(right),
            Self::Subtract => (left >= right).then(|| left - right),
            Self::Divide => (right != 0 && left >= right && left % right == 0).then(|| left / right),
        }
    }
}

/// An operation on two positions of the state, in the order of its operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Combine {
    /// Position of the left operand.
    pub left: u8,
    /// What is done.
    pub op: Op,
    /// Position of the right operand.
    pub right: u8,
}
