//! Sums of what threads make, taken in an order of its own, so that no bit depends on the threads.

use std::{
    collections::BTreeMap,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use crate::kernels::cpu::{space, sum};

/// Adds the rows of `parts` up, in order.
pub fn sum_in_order(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let sums = InOrder::new(0);
    parts.into_iter().enumerate().for_each(|(number, part)| sums.turn(number).add([part]));
    let [total] = sums.total();
    total
}

/// Sums that are added up in the order of their numbers, which are taken in order and come in any.
pub struct InOrder<const N: usize> {
    arrived: Mutex<Arrived<N>>,
    has_moved: Condvar,
    ahead: usize,
}

struct Arrived<const N: usize> {
    total: Option<[Vec<f32>; N]>,
    next: usize,
    early: BTreeMap<usize, [Vec<f32>; N]>,
    is_given_up: bool,
}

/// The right to add the sums of a number.
pub struct Turn<'a, const N: usize> {
    sums: &'a InOrder<N>,
    number: usize,
    is_done: bool,
}

impl<const N: usize> InOrder<N> {
    /// Sums of which none is begun that is more than `ahead` after the first that is missing, which bounds how many wait.
    pub fn new(ahead: usize) -> Self {
        let arrived = Arrived { total: None, next: 0, early: BTreeMap::new(), is_given_up: false };
        Self { arrived: Mutex::new(arrived), has_moved: Condvar::new(), ahead }
    }

    /// Begins a number, from 0 on; each once, and none before all smaller ones were begun. Waits while it is too far ahead: a thread with the smallest number
    /// that is missing never does, and until the last number was begun none with a turn may wait for other threads.
    pub fn turn(&self, number: usize) -> Turn<'_, N> {
        let is_early = |arrived: &mut Arrived<N>| number > arrived.next + self.ahead && !arrived.is_given_up;
        drop(self.has_moved.wait_while(self.lock(), is_early).unwrap_or_else(PoisonError::into_inner));
        Turn { sums: self, number, is_done: false }
    }

    /// What was added; nothing where there was nothing.
    pub fn total(self) -> [Vec<f32>; N] {
        let arrived = self.arrived.into_inner().unwrap_or_else(PoisonError::into_inner);
        debug_assert!(arrived.early.is_empty(), "no number was left out");
        arrived.total.unwrap_or([const { Vec::new() }; N])
    }

    fn lock(&self) -> MutexGuard<'_, Arrived<N>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<const N: usize> Turn<'_, N> {
    /// Adds the sums of the number.
    pub fn add(mut self, sums: [Vec<f32>; N]) {
        self.is_done = true;
        let mut arrived = self.sums.lock();
        arrived.early.insert(self.number, sums);
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
        self.sums.has_moved.notify_all();
    }
}

impl<const N: usize> Drop for Turn<'_, N> {
    /// A thread that panics keeps no other waiting.
    fn drop(&mut self) {
        if !self.is_done {
            self.sums.lock().is_given_up = true;
            self.sums.has_moved.notify_all();
        }
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
                    let sums = InOrder::new(3);
                    order.into_iter().for_each(|number| sums.turn(number).add(part(parts[number])));
                    assert_eq!(sums.total(), part(expected), "{len}, {order:?}");
                }
            }
        }
        assert!(InOrder::<2>::new(0).total().iter().all(Vec::is_empty));
        assert_eq!(sum_in_order(vec![vec![1.0; 3], vec![2.0; 3]]), [3.0; 3]);
    }

    #[test]
    fn a_number_far_ahead_waits_for_the_first_that_is_missing_or_given_up() {
        for is_given_up in [false, true] {
            let (sums, begun) = (InOrder::new(1), std::sync::atomic::AtomicUsize::new(0));
            let [first, second] = [sums.turn(0), sums.turn(1)];
            std::thread::scope(|scope| {
                let third = scope.spawn(|| {
                    let turn = sums.turn(2);
                    let seen = begun.load(std::sync::atomic::Ordering::SeqCst);
                    turn.add([vec![4.0]]);
                    seen
                });
                second.add([vec![2.0]]);
                begun.store(1, std::sync::atomic::Ordering::SeqCst);
                if is_given_up {
                    drop(first)
                } else {
                    first.add([vec![1.0]])
                }
                assert_eq!(third.join().unwrap(), 1, "it began before");
            });
            if !is_given_up {
                assert_eq!(sums.total(), [vec![7.0]]);
            }
        }
    }
}
