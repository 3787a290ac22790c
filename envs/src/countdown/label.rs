//! Exact labels under the rules `sos` at a rate of millions per second: does a list of numbers make a target, using all of them?
//!
//! The search runs backwards from the target: a split of the numbers with the value `x` on one side leaves at most five values that the
//! other side must make. Parts of one and two numbers are tested directly, those of three are looked up, and no larger part is ever
//! listed. Needed values above the largest that a part can make are dropped, which also keeps the arithmetic from overflowing. Nothing
//! is allocated.

mod filter;

use super::{MAX_NUMBERS, oracle::splits};

/// Below this, four numbers and a target of at most a million stay within an `i64` without checks.
const SMALL: i64 = 1 << 15;

/// Whether all of `numbers`, at most [`MAX_NUMBERS`] non-negative ones, make `target`.
pub(super) fn reaches(numbers: &[i64], target: i64) -> bool {
    match *numbers {
        [] => false,
        [a] => a == target,
        [a, b] => pair(a, b, target),
        [a, b, c] => triple([a, b, c], target),
        [a, b, c, d] if numbers.iter().all(|value| *value < SMALL) => quadruple([a, b, c, d], target),
        _ => Larger::new(numbers).reaches((1 << numbers.len()) - 1, target),
    }
}

/// A factor of the bound on what numbers can make: 1 counts as 2, since 1 + b is at most 2 b, and so does 0.
fn factor(value: i64) -> i64 {
    value.max(2)
}

fn pair(a: i64, b: i64, target: i64) -> bool {
    let (larger, smaller) = (a.max(b), a.min(b));
    a + b == target || larger - smaller == target || a.saturating_mul(b) == target || (smaller != 0 && smaller.saturating_mul(target) == larger)
}

/// The distinct ways are not needed, so results may repeat: `a + b`, `a * b`, larger minus smaller and, where exact, larger by smaller.
fn pair_values(a: i64, b: i64) -> ([i64; 4], usize) {
    let (larger, smaller) = (a.max(b), a.min(b));
    let mut values = [a + b, a * b, larger - smaller, 0];
    if smaller == 0 {
        return (values, 3);
    }
    let (quotient, rest) = divide(larger, smaller);
    values[3] = quotient;
    (values, 3 + usize::from(rest == 0))
}

/// Quotient and rest of non-negative numbers; the narrow division is several times faster.
#[inline]
pub(super) fn divide(a: i64, b: i64) -> (i64, i64) {
    if (a | b) >> 32 == 0 {
        let (a, b) = (a as u32, b as u32);
        (i64::from(a / b), i64::from(a % b))
    } else {
        (a / b, a % b)
    }
}

/// The values `y` up to `limit` with `x op y = target` in either order; `0 * y = 0` is the caller's case.
fn needed(x: i64, target: i64, limit: i64) -> ([i64; 4], usize) {
    let (mut values, mut len) = ([0; 4], 0);
    let mut add = |value: i64| {
        values[len] = value;
        len += usize::from(value <= limit);
    };
    add((target - x).abs());
    add(target + x);
    if x != 0 && target != 0 {
        add(target.saturating_mul(x));
        // Either `x * y = target` or `x / y = target`; equal values need 1 both times.
        let (quotient, rest) = if target >= x { divide(target, x) } else { divide(x, target) };
        if rest == 0 {
            add(quotient);
        }
    } else if x != 0 {
        add(0);
    }
    (values, len)
}

/// Whether a part with the value `x` leaves a value up to `limit` that `rest` makes.
#[inline(always)]
fn completes(x: i64, target: i64, limit: i64, mut rest: impl FnMut(i64) -> bool) -> bool {
    if x == 0 && target == 0 {
        return true;
    }
    let (values, len) = needed(x, target, limit);
    values[..len].iter().any(|value| rest(*value))
}

fn triple([a, b, c]: [i64; 3], target: i64) -> bool {
    [[a, b, c], [b, a, c], [c, a, b]].into_iter().any(|[x, p, q]| completes(x, target, factor(p) * factor(q), |value| pair(p, q, value)))
}

fn quadruple([a, b, c, d]: [i64; 4], target: i64) -> bool {
    // Each pair of the numbers beside the other two: the values of both sides meet at the root.
    let pairs = [[a, b, c, d], [a, c, b, d], [a, d, b, c], [b, c, a, d], [b, d, a, c], [c, d, a, b]];
    let values = pairs.map(|[p, q, ..]| pair_values(p, q));
    if !filter::may_reach([a, b, c, d], &values, target) {
        return false;
    }
    for (one, other) in [(0, 5), (1, 4), (2, 3)] {
        let ((left, left_len), (right, right_len)) = (&values[one], &values[other]);
        let mut is_hit = false;
        for x in &left[..*left_len] {
            for y in &right[..*right_len] {
                is_hit |= makes_one_of(*x, *y, &[target]);
            }
        }
        if is_hit {
            return true;
        }
    }
    // One number last: what the other three would have to make is a short list, so their own values need not be divided out.
    last_numbers([a, b, c, d]).into_iter().any(|(x, others)| {
        if x == 0 && target == 0 {
            return true;
        }
        let limit = others.iter().map(|(_, third)| factor(*third)).product();
        let (mut wanted, len) = needed(x, target, limit);
        wanted[len..].fill(-1);
        let mut is_hit = false;
        for (place, third) in others {
            let (list, len) = &values[place];
            for y in &list[..*len] {
                is_hit |= makes_one_of(*y, third, &wanted);
            }
        }
        is_hit
    })
}

/// Per number that comes last: the places of the pairs among the other three, each with the third.
fn last_numbers([a, b, c, d]: [i64; 4]) -> [(i64, [(usize, i64); 3]); 4] {
    [(a, [(3, d), (4, c), (5, b)]), (b, [(1, d), (2, c), (5, a)]), (c, [(0, d), (2, b), (4, a)]), (d, [(0, c), (1, b), (3, a)])]
}

/// Whether one operation on two values makes one of those wanted, of which negative ones stand for none; free of branches.
#[inline(always)]
fn makes_one_of<const N: usize>(x: i64, y: i64, wanted: &[i64; N]) -> bool {
    let (larger, smaller) = (x.max(y), x.min(y));
    let (sum, product, difference) = (x + y, x * y, larger - smaller);
    let mut is_hit = false;
    for &value in wanted {
        let is_quotient = (smaller != 0) & (value * smaller == larger);
        is_hit |= (sum == value) | (product == value) | (difference == value) | is_quotient;
    }
    is_hit
}

/// The values of three numbers: at most 48, behind a filter of 256 bits.
#[derive(Clone, Copy)]
struct Listed {
    filter: [u64; 4],
    len: u8,
    values: [i64; 48],
}

impl Listed {
    const EMPTY: Self = Self { filter: [0; 4], len: 0, values: [0; 48] };

    fn as_slice(&self) -> &[i64] {
        &self.values[..usize::from(self.len)]
    }

    /// Word and bit of a value in the filter.
    fn bit(value: i64) -> (usize, u64) {
        let hash = (value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((hash >> 62) as usize, 1 << (hash >> 56 & 63))
    }

    fn has(&self, value: i64) -> bool {
        let (word, bit) = Self::bit(value);
        self.filter[word] & bit != 0 && self.as_slice().contains(&value)
    }

    fn insert(&mut self, value: i64) {
        if !self.has(value) {
            let (word, bit) = Self::bit(value);
            self.filter[word] |= bit;
            self.values[usize::from(self.len)] = value;
            self.len += 1;
        }
    }
}

/// Numbers with the values of all their triples.
struct Larger {
    numbers: [i64; MAX_NUMBERS],
    /// By mask: the bound on what the part can make.
    limits: [i64; 1 << MAX_NUMBERS],
    /// By mask: the place of a triple in the list.
    ranks: [u8; 1 << MAX_NUMBERS],
    triples: [Listed; 20],
}

impl Larger {
    fn new(input: &[i64]) -> Self {
        let mut all = Self { numbers: [0; MAX_NUMBERS], limits: [1; 1 << MAX_NUMBERS], ranks: [0; 1 << MAX_NUMBERS], triples: [Listed::EMPTY; 20] };
        all.numbers[..input.len()].copy_from_slice(input);
        let mut rank = 0;
        for mask in 1..1_usize << input.len() {
            let lowest = mask.trailing_zeros() as usize;
            all.limits[mask] = all.limits[mask & (mask - 1)].saturating_mul(factor(all.numbers[lowest]));
            if mask.count_ones() == 3 {
                all.ranks[mask] = rank;
                all.list(mask, usize::from(rank));
                rank += 1;
            }
        }
        all
    }

    fn list(&mut self, mask: usize, rank: usize) {
        for (one, other) in splits(mask) {
            let (single, double) = if one.is_power_of_two() { (one, other) } else { (other, one) };
            let x = self.single(single);
            let (first, second) = self.double(double);
            let (values, len) = pair_values(first, second);
            for y in &values[..len] {
                let (results, count) = pair_values(x, *y);
                results[..count].iter().for_each(|value| self.triples[rank].insert(*value));
            }
        }
    }

    fn single(&self, mask: usize) -> i64 {
        self.numbers[mask.trailing_zeros() as usize]
    }

    fn double(&self, mask: usize) -> (i64, i64) {
        (self.single(mask), self.single(mask & (mask - 1)))
    }

    fn reaches(&self, mask: usize, target: i64) -> bool {
        match mask.count_ones() {
            1 => return self.single(mask) == target,
            2 => {
                let (a, b) = self.double(mask);
                return pair(a, b, target);
            }
            3 => return self.triples[usize::from(self.ranks[mask])].has(target),
            _ => {}
        }
        // Even splits first: they decide most problems at the price of the lists that exist anyway.
        (1..=mask.count_ones() / 2).rev().any(|size| {
            splits(mask).any(|(one, other)| {
                let (small, large) = if one.count_ones() <= other.count_ones() { (one, other) } else { (other, one) };
                small.count_ones() == size && self.split_reaches(small, large, target)
            })
        })
    }

    fn split_reaches(&self, small: usize, large: usize, target: i64) -> bool {
        let limit = self.limits[large];
        let completes = |x: &i64| completes(*x, target, limit, |value| self.reaches(large, value));
        match small.count_ones() {
            1 => completes(&self.single(small)),
            2 => {
                let (first, second) = self.double(small);
                let (values, len) = pair_values(first, second);
                values[..len].iter().any(completes)
            }
            _ => self.triples[usize::from(self.ranks[small])].as_slice().iter().any(completes),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::{SeedTree, countdown::ReachableSets};

    #[test]
    fn labels_equal_the_full_value_sets() {
        let mut rng = SeedTree::root(21).stream(0);
        for round in 0..6000 {
            let len = rng.random_range(1..=if round % 20 == 0 { 6 } else { 5 });
            let largest = [3, 12, 99, 999][rng.random_range(0..4)];
            let numbers: Vec<i64> = (0..len).map(|_| rng.random_range(0..=largest)).collect();
            let highest = [20, 100, 1_000_000][rng.random_range(0..3)];
            let target = rng.random_range(0..=highest);
            let sets = ReachableSets::new(&numbers);
            assert_eq!(reaches(&numbers, target), sets.reaches(target), "{numbers:?} {target}");
            if len < 5 {
                for value in sets.all_values() {
                    assert!(reaches(&numbers, value), "{numbers:?} {value}");
                }
            }
        }
    }

    #[test]
    fn the_largest_inputs_do_not_overflow() {
        assert!(reaches(&[999; 6], 999_i64.pow(6)));
        assert!(!reaches(&[999; 6], 1_000_001));
        assert!(reaches(&[0; 6], 0));
        assert!(!reaches(&[0; 6], 1));
        assert!(reaches(&[999_i64.pow(3), 999, 999, 999], 1));
        assert!(reaches(&[999_i64.pow(3), 2, 3, 999], 999_i64.pow(3) + 999 + 1));
    }
}
