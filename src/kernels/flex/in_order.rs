//! Sums of what threads make, taken in an order of its own, so that no bit depends on the threads.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::kernels::cpu::{space, sum};

/// Adds the rows of `parts` up, in order.
pub fn sum_in_order(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let sums = InOrder::default();
    parts.into_iter().enumerate().for_each(|(number, part)| sums.add(number, [part]));
    let [total] = sums.total();
    total
}

/// Sums that are added up in the order of their numbers, in whatever order they come.
pub struct InOrder<const N: usize>(Mutex<Arrived<N>>);

struct Arrived<const N: usize> {
    total: Option<[Vec<f32>; N]>,
    next: usize,
    early: BTreeMap<usize, [Vec<f32>; N]>,
}

impl<const N: usize> Default for InOrder<N> {
    fn default() -> Self {
        Self(Mutex::new(Arrived { total: None, next: 0, early: BTreeMap::new() }))
    }
}

impl<const N: usize> InOrder<N> {
    /// Takes the sums of a number, from 0 on; each once.
    pub fn add(&self, number: usize, sums: [Vec<f32>; N]) {
        let mut arrived = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.early.insert(number, sums);
        let arrived = &mut *arrived;
        while let Some(sums) = arrived.early.remove(&arrived.next) {
            arrived.next += 1;
            match &mut arrived.total {
                None => arrived.total = Some(sums),
                Some(total) => {
                    // On this thread: one that waited for others here could be given work that comes here too.
                    for (total, sum) in total.iter_mut().zip(sums) {
                        sum::add(total, &sum);
                        space::give(sum);
                    }
                }
            }
        }
    }

    /// What was added; nothing where there was nothing.
    pub fn total(self) -> [Vec<f32>; N] {
        let arrived = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(arrived.early.is_empty(), "no number was left out");
        arrived.total.unwrap_or([const { Vec::new() }; N])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::flex::PARAMETERS;

    #[test]
    fn sums_are_taken_in_the_order_of_their_numbers_and_not_of_their_coming() {
        // In another order the small number would survive.
        for len in [1, 19, PARAMETERS + 21] {
            let part = |x: f32| [vec![x; len], vec![2.0 * x; 3]];
            for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
                for (parts, expected) in [([1.0, 1e9, -1e9], 0.0), ([1e9, -1e9, 1.0], 1.0)] {
                    let sums = InOrder::default();
                    order.into_iter().for_each(|number| sums.add(number, part(parts[number])));
                    assert_eq!(sums.total(), part(expected), "{len}, {order:?}");
                }
            }
        }
        assert!(InOrder::<2>::default().total().iter().all(Vec::is_empty));
        assert_eq!(sum_in_order(vec![vec![1.0; 3], vec![2.0; 3]]), [3.0; 3]);
    }
}
