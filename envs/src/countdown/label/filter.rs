//! A quick test that most unsolvable lists of four numbers fail: everything that would have to be equal is compared in its low 16 bits,
//! many at a time.
//!
//! Values that are equal agree in their low bits, and sums, differences and products of low bits are the low bits of the results, so what
//! fails here is certainly unsolvable; what passes is examined exactly.

use super::{factor, last_numbers, needed};

/// Values side by side, by their low 16 bits.
type Lanes = [u16; 16];

/// Whether four numbers may make `target`; `values` are the results of their six pairs, of which the fourth may not count.
pub(super) fn may_reach(numbers: [i64; 4], values: &[([i64; 4], usize); 6], target: i64) -> bool {
    let pairs = values.map(|(list, len)| [list[0], list[1], list[2], list[if len == 4 { 3 } else { 0 }]].map(|value| value as u16));
    let halves = [(0, 5), (1, 4), (2, 3)].map(|(one, other)| {
        let (left, right): (Lanes, Lanes) = (std::array::from_fn(|lane| pairs[one][lane / 4]), std::array::from_fn(|lane| pairs[other][lane % 4]));
        some_makes(&left, &right, &[target as u16])
    });
    if halves.contains(&true) {
        return true;
    }
    last_numbers(numbers).into_iter().any(|(last, others)| {
        if last == 0 && target == 0 {
            return true;
        }
        let limit = others.iter().map(|(_, third)| factor(*third)).product();
        let (wanted, len) = needed(last, target, limit);
        if len == 0 {
            return false;
        }
        let wanted: [u16; 4] = std::array::from_fn(|place| wanted[if place < len { place } else { 0 }] as u16);
        let of = |lane: usize| others[if lane < 12 { lane / 4 } else { 0 }];
        let (left, right): (Lanes, Lanes) = (std::array::from_fn(|lane| pairs[of(lane).0][lane % 4]), std::array::from_fn(|lane| of(lane).1 as u16));
        some_makes(&left, &right, &wanted)
    })
}

/// Whether in some lane one operation on the two values may make one of those wanted.
#[inline(always)]
fn some_makes<const N: usize>(left: &Lanes, right: &Lanes, wanted: &[u16; N]) -> bool {
    let mut hits = [0_u16; 16];
    for &value in wanted {
        for ((hit, &x), &y) in hits.iter_mut().zip(left).zip(right) {
            let is_result = (x.wrapping_add(y) == value) | (x.wrapping_mul(y) == value) | (x.wrapping_sub(y) == value) | (y.wrapping_sub(x) == value);
            let is_quotient = (value.wrapping_mul(y) == x) | (value.wrapping_mul(x) == y);
            *hit |= u16::from(is_result | is_quotient);
        }
    }
    hits.iter().any(|hit| *hit != 0)
}
