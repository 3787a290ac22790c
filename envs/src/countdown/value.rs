//! Exact rational values, for the rules that allow them on the way.

use super::Op;

/// A fraction in lowest terms; the denominator is at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value {
    /// Numerator, with the sign.
    pub num: i64,
    /// Denominator.
    pub den: i64,
}

impl Value {
    /// A whole number.
    #[inline]
    pub const fn whole(num: i64) -> Self {
        Self { num, den: 1 }
    }

    /// The fraction in lowest terms; `None` for a zero denominator or where it does not fit.
    fn reduced(num: i128, den: i128) -> Option<Self> {
        if den == 0 {
            return None;
        }
        let divisor = gcd(num.unsigned_abs(), den.unsigned_abs()) as i128 * den.signum();
        Some(Self { num: i64::try_from(num / divisor).ok()?, den: i64::try_from(den / divisor).ok()? })
    }

    /// `self op other`; `None` for a division by zero and where the result does not fit.
    pub fn apply(self, op: Op, other: Self) -> Option<Self> {
        let [a, b, c, d] = [self.num, self.den, other.num, other.den].map(i128::from);
        match op {
            Op::Add => Self::reduced(a * d + c * b, b * d),
            Op::Subtract => Self::reduced(a * d - c * b, b * d),
            Op::Multiply => Self::reduced(a * c, b * d),
            Op::Divide => Self::reduced(a * d, b * c),
        }
    }

    /// The value as a float, for heuristics.
    pub fn to_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    if let (Ok(mut x), Ok(mut y)) = (u64::try_from(a), u64::try_from(b)) {
        while y != 0 {
            (x, y) = (y, x % y);
        }
        return u128::from(x);
    }
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// What two values can make in one operation.
pub(super) fn results(x: Value, y: Value) -> impl Iterator<Item = Value> {
    let pairs = [(x, Op::Add, y), (x, Op::Multiply, y), (x, Op::Subtract, y), (y, Op::Subtract, x), (x, Op::Divide, y), (y, Op::Divide, x)];
    pairs.into_iter().filter_map(|(left, op, right)| left.apply(op, right))
}

/// Whether all of `numbers` can make `target` when any exact rational is allowed on the way.
///
/// Values of up to half of the numbers are listed; for larger parts the value that a split would still need is asked of the other side.
pub(super) fn reaches(numbers: &[Value], target: Value) -> bool {
    if numbers.is_empty() {
        return false;
    }
    let full = (1 << numbers.len()) - 1;
    let mut search = Search { listed: vec![Vec::new(); full + 1], half: (numbers.len() / 2).max(1) as u32 };
    for mask in 1..=full {
        if mask.count_ones() <= search.half {
            search.list(mask, numbers);
        }
    }
    search.reaches(full, target)
}

struct Search {
    listed: Vec<Vec<Value>>,
    half: u32,
}

impl Search {
    fn list(&mut self, mask: usize, numbers: &[Value]) {
        let mut values = Vec::new();
        if mask.is_power_of_two() {
            values.push(numbers[mask.trailing_zeros() as usize]);
        }
        for (one, other) in super::oracle::splits(mask) {
            for x in &self.listed[one] {
                values.extend(self.listed[other].iter().flat_map(|y| results(*x, *y)));
            }
        }
        values.sort_unstable();
        values.dedup();
        self.listed[mask] = values;
    }

    fn reaches(&self, mask: usize, target: Value) -> bool {
        if mask.count_ones() <= self.half {
            return self.listed[mask].binary_search(&target).is_ok();
        }
        super::oracle::splits(mask).any(|(one, other)| {
            let (small, large) = if one.count_ones() <= other.count_ones() { (one, other) } else { (other, one) };
            self.listed[small].iter().any(|x| (x.num == 0 && target.num == 0) || needed(*x, target).any(|y| self.reaches(large, y)))
        })
    }
}

/// The values `y` with `x op y` or `y op x` equal to `target`; not the case `0 * y = 0`, which any `y` meets.
fn needed(x: Value, target: Value) -> impl Iterator<Item = Value> {
    let exact = |left: Value, op, right| left.apply(op, right);
    [
        exact(target, Op::Subtract, x),
        exact(x, Op::Subtract, target),
        exact(target, Op::Add, x),
        exact(target, Op::Divide, x),
        exact(x, Op::Divide, target).filter(|y| y.num != 0),
        exact(target, Op::Multiply, x).filter(|_| x.num != 0),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_stay_in_lowest_terms() {
        let third = Value::whole(8).apply(Op::Divide, Value::whole(-24)).unwrap();
        assert_eq!(third, Value { num: -1, den: 3 });
        assert_eq!(third.apply(Op::Add, Value { num: 1, den: 3 }), Some(Value::whole(0)));
        assert_eq!(third.apply(Op::Divide, Value::whole(0)), None);
        assert_eq!(Value::whole(i64::MAX).apply(Op::Add, Value::whole(1)), None);
    }

    #[test]
    fn eight_over_three_minus_eight_over_three_makes_24() {
        let whole = |numbers: &[i64]| numbers.iter().copied().map(Value::whole).collect::<Vec<_>>();
        assert!(reaches(&whole(&[8, 3, 8, 3]), Value::whole(24)));
        assert!(!reaches(&whole(&[1, 1, 1, 1]), Value::whole(24)));
        assert!(reaches(&whole(&[0, 5, 7]), Value::whole(0)));
        assert!(!reaches(&[], Value::whole(0)));
    }
}
