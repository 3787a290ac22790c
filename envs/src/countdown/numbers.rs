//! A state of Countdown, its operations and its actions.

use serde::{Deserialize, Serialize};

use super::{MAX_NUMBERS, Value, label::divide};

/// The numbers that are left, in order: unused inputs first, results behind.
///
/// A fraction is the result of an operation, and every operation leaves one number less, so the numerators and the denominators of the
/// fractions together never need more places than there were inputs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Numbers {
    pub(super) len: u8,
    /// The positions that hold a fraction, as bits; none under all rules but `rational`.
    fractions: u8,
    /// The numerators, behind them the denominators of the fractions, and zeros.
    cells: [i64; MAX_NUMBERS],
}

impl Numbers {
    pub(super) const EMPTY: Self = Self { len: 0, fractions: 0, cells: [0; MAX_NUMBERS] };

    /// The numerators as a slice: the numbers themselves under all rules but `rational`.
    #[inline]
    pub fn as_slice(&self) -> &[i64] {
        &self.cells[..usize::from(self.len)]
    }

    /// Whether no number is a fraction.
    #[inline]
    pub(super) fn is_whole(&self) -> bool {
        self.fractions == 0
    }

    /// The exact values.
    #[inline]
    pub fn values(&self) -> impl DoubleEndedIterator<Item = Value> + '_ {
        (0..usize::from(self.len)).map(|position| Value { num: self.cells[position], den: self.denominator(position) })
    }

    /// The value at a position below the length.
    #[inline]
    pub(super) fn value(&self, position: usize) -> Option<Value> {
        (position < usize::from(self.len)).then(|| Value { num: self.cells[position], den: self.denominator(position) })
    }

    #[inline]
    fn denominator(&self, position: usize) -> i64 {
        if self.fractions >> position & 1 == 0 {
            return 1;
        }
        let before = (self.fractions & ((1 << position) - 1)).count_ones() as usize;
        self.cells[usize::from(self.len) + before]
    }

    #[inline]
    pub(super) fn push(&mut self, value: Value) {
        let len = usize::from(self.len);
        if self.fractions | u8::from(value.den != 1) != 0 {
            self.cells.copy_within(len..MAX_NUMBERS - 1, len + 1);
            if value.den != 1 {
                self.cells[len + 1 + self.fractions.count_ones() as usize] = value.den;
                self.fractions |= 1 << len;
            }
        }
        self.cells[len] = value.num;
        self.len += 1;
    }

    /// The numbers without those at two different positions below the length, and `result` behind them.
    #[inline]
    pub(super) fn combined(&self, left: usize, right: usize, result: Value) -> Self {
        let mut next = Self::EMPTY;
        if self.fractions != 0 || result.den != 1 {
            let kept = self.values().enumerate().filter(|(position, _)| *position != left && *position != right);
            kept.for_each(|(_, value)| next.push(value));
            next.push(result);
            return next;
        }
        // Which numbers stay is unpredictable, so their places are computed, not branched to.
        let (low, high, kept) = (left.min(right), left.max(right), usize::from(self.len) - 2);
        for place in 0..kept {
            next.cells[place] = self.cells[place + usize::from(place >= low) + usize::from(place + 1 >= high)];
        }
        next.cells[kept] = result.num;
        next.len = self.len - 1;
        next
    }
}

/// By length, then by numerators, then by denominators, position by position.
impl Ord for Numbers {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let denominators = |numbers: Self| (0..usize::from(numbers.len)).map(move |position| numbers.denominator(position));
        let numerators = || self.as_slice().cmp(other.as_slice());
        self.len.cmp(&other.len).then_with(numerators).then_with(|| denominators(*self).cmp(denominators(*other)))
    }
}

impl PartialOrd for Numbers {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
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
            Self::Divide if right == 0 || left < right => None,
            Self::Divide => {
                let (quotient, rest) = divide(left, right);
                (rest == 0).then_some(quotient)
            }
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

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::SeedTree;

    #[test]
    fn packed_numbers_keep_every_value_and_order_as_lists_do() {
        let mut rng = SeedTree::root(31).stream(0);
        let (mut fractions, mut last) = (0, (Numbers::EMPTY, Vec::<Value>::new()));
        for _ in 0..5000 {
            let mut list: Vec<Value> = (0..MAX_NUMBERS).map(|_| Value::whole(rng.random_range(0..=9))).collect();
            let mut numbers = Numbers::EMPTY;
            list.iter().for_each(|value| numbers.push(*value));
            for _ in 0..rng.random_range(0..MAX_NUMBERS) {
                let (left, right) = (rng.random_range(0..list.len()), rng.random_range(0..list.len()));
                let op = [Op::Divide, Op::Divide, Op::Subtract, Op::Multiply][rng.random_range(0..4)];
                let Some(result) = list[left].apply(op, list[right]).filter(|_| left != right) else { continue };
                numbers = numbers.combined(left, right, result);
                list =
                    list.iter().enumerate().filter(|(position, _)| *position != left && *position != right).map(|(_, value)| *value).chain([result]).collect();
                assert_eq!(numbers.values().collect::<Vec<_>>(), list);
                assert_eq!(
                    (0..=list.len()).map(|position| numbers.value(position)).collect::<Vec<_>>(),
                    list.iter().copied().map(Some).chain([None]).collect::<Vec<_>>()
                );
                assert_eq!(numbers.is_whole(), list.iter().all(|value| value.den == 1));
            }
            let key =
                |list: &[Value]| (list.len(), list.iter().map(|value| value.num).collect::<Vec<_>>(), list.iter().map(|value| value.den).collect::<Vec<_>>());
            assert_eq!(numbers.cmp(&last.0), key(&list).cmp(&key(&last.1)));
            assert_eq!(numbers == last.0, list == last.1);
            fractions = fractions.max(list.iter().filter(|value| value.den != 1).count());
            last = (numbers, list);
        }
        assert_eq!(fractions, 3, "six places are filled to the last");
    }
}
