//! Space for intermediate results that is used again instead of given back: fresh pages cost more than the arithmetic on them.
//!
//! Batches differ in length, so that space is used again for what is a little shorter, too.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

/// Elements that may wait for use; beyond them the space that has waited longest is freed.
const MOST: usize = 1 << 28;

/// Waiting space.
struct Pool {
    /// By size and by the time it was given back.
    waiting: BTreeMap<(usize, u64), Vec<f32>>,
    /// Sizes by that time.
    sizes: BTreeMap<u64, usize>,
    elements: usize,
    most: usize,
    time: u64,
}

impl Pool {
    const fn new(most: usize) -> Self {
        Self { waiting: BTreeMap::new(), sizes: BTreeMap::new(), elements: 0, most, time: 0 }
    }

    /// The smallest that holds `len` elements and at most a quarter more.
    fn take(&mut self, len: usize) -> Option<Vec<f32>> {
        let (&key, _) = self.waiting.range((len, 0)..=(len.saturating_add(len / 4), u64::MAX)).next()?;
        Some(self.remove(key))
    }

    fn give(&mut self, space: Vec<f32>) {
        let size = space.capacity();
        if size == 0 || size > self.most {
            return;
        }
        while self.elements + size > self.most {
            let (&time, &size) = self.sizes.first_key_value().expect("elements that wait have a size");
            self.remove((size, time));
        }
        self.waiting.insert((size, self.time), space);
        self.sizes.insert(self.time, size);
        self.elements += size;
        self.time += 1;
    }

    fn remove(&mut self, (size, time): (usize, u64)) -> Vec<f32> {
        self.elements -= size;
        self.sizes.remove(&time);
        self.waiting.remove(&(size, time)).expect("what has a time waits")
    }
}

static POOL: Mutex<Pool> = Mutex::new(Pool::new(MOST));

fn with<T>(use_pool: impl FnOnce(&mut Pool) -> T) -> T {
    // A panic elsewhere leaves the pool whole: nothing in here calls what could.
    use_pool(&mut POOL.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The size that space of `len` elements is made in, at most an eighth more: few sizes serve many lengths. What is beyond the length takes no memory until
/// something longer uses it.
fn size(len: usize) -> usize {
    len.checked_next_multiple_of((len / 8).next_power_of_two() / 2).unwrap_or(len)
}

/// Space of `len` elements of any value.
pub fn take(len: usize) -> Vec<f32> {
    let mut space = with(|pool| pool.take(len)).unwrap_or_else(|| Vec::with_capacity(size(len)));
    space.resize(len, 0.0);
    space
}

/// Space of `len` zeros.
pub fn zeros(len: usize) -> Vec<f32> {
    let mut space = take(len);
    space.fill(0.0);
    space
}

/// Gives space back.
pub fn give(space: Vec<f32>) {
    with(|pool| pool.give(space));
}

/// Frees all that waits for use.
pub fn clear() {
    with(|pool| *pool = Pool::new(MOST));
}

/// Space that gives itself back.
pub struct Scratch(Vec<f32>);

impl Scratch {
    /// Space of `len` elements of any value.
    pub fn new(len: usize) -> Self {
        Self(take(len))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        give(std::mem::take(&mut self.0));
    }
}

impl Deref for Scratch {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_is_used_again_for_what_is_as_long_or_up_to_a_fifth_shorter() {
        let mut pool = Pool::new(10_000);
        for size in [1000, 1100, 1000] {
            pool.give(Vec::with_capacity(size));
        }
        let taken = [1001, 1000, 800, 800, 799].map(|len| pool.take(len).map(|space| space.capacity()));
        assert_eq!(taken, [Some(1100), Some(1000), Some(1000), None, None]);
        assert_eq!((pool.elements, pool.waiting.len(), pool.sizes.len()), (0, 0, 0));
    }

    #[test]
    fn a_full_pool_frees_what_has_waited_longest_and_what_it_cannot_hold() {
        let mut pool = Pool::new(1000);
        for size in [300, 200, 400, 0, 1001] {
            pool.give(Vec::with_capacity(size));
        }
        assert_eq!(pool.elements, 900);
        pool.give(Vec::with_capacity(250));
        assert_eq!((pool.elements, pool.take(300)), (850, None));
        assert_eq!([200, 400, 250].map(|len| pool.take(len).map(|space| space.capacity())), [Some(200), Some(400), Some(250)]);
    }

    #[test]
    fn batches_of_many_lengths_come_to_use_the_same_space() {
        let mut pool = Pool::new(usize::MAX);
        let mut made = 0;
        for step in 0..500 {
            // Between 2,000 and 4,000 tokens, in any order.
            let tokens = 2000 + step * 7919 % 2000;
            let spaces: Vec<Vec<f32>> = [8, 24, 8, 64]
                .map(|width| tokens * width)
                .into_iter()
                .map(|len| {
                    pool.take(len).unwrap_or_else(|| {
                        made += 1;
                        Vec::with_capacity(size(len))
                    })
                })
                .collect();
            spaces.into_iter().for_each(|space| pool.give(space));
        }
        assert!(made <= 50, "{made} times 2,000");
    }

    #[test]
    fn sizes_are_at_most_an_eighth_more_than_what_they_are_for() {
        for len in (0..3000).chain([usize::MAX / 8, usize::MAX / 4 + 1]) {
            let size = size(len);
            assert!(size >= len && size - len <= len / 8, "{size} for {len}");
        }
    }

    #[test]
    fn space_has_the_length_that_was_asked_for() {
        for len in [0, 1, 100_003, 100_000, 100_010] {
            let space = zeros(len);
            assert!(space.len() == len && space.iter().all(|x| *x == 0.0));
            give(space);
        }
    }
}
