//! Space for intermediate results that is used again instead of given back: fresh pages cost more than the arithmetic on them.

use std::{
    collections::BTreeMap,
    ops::{Deref, DerefMut},
    sync::{Mutex, PoisonError},
};

/// Elements that may wait for use; what is given back beyond them is freed.
const MOST: usize = 1 << 28;

/// Waiting space by length.
#[derive(Default)]
struct Pool {
    waiting: BTreeMap<usize, Vec<Vec<f32>>>,
    elements: usize,
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

fn with<T>(use_pool: impl FnOnce(&mut Pool) -> T) -> T {
    // A panic elsewhere leaves the pool whole: it is only ever pushed to and popped from.
    use_pool(POOL.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// Space of `len` elements of any value.
pub fn take(len: usize) -> Vec<f32> {
    let waiting = with(|pool| {
        let found = pool.waiting.get_mut(&len)?.pop();
        pool.elements -= found.as_ref().map_or(0, Vec::len);
        found
    });
    waiting.unwrap_or_else(|| vec![0.0; len])
}

/// Space of `len` zeros.
pub fn zeros(len: usize) -> Vec<f32> {
    let mut space = take(len);
    space.fill(0.0);
    space
}

/// Gives space back.
pub fn give(space: Vec<f32>) {
    with(|pool| {
        if pool.elements + space.len() <= MOST {
            pool.elements += space.len();
            pool.waiting.entry(space.len()).or_default().push(space);
        }
    });
}

/// Frees all that waits for use.
pub fn clear() {
    with(|pool| *pool = Pool::default());
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
