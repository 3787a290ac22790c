//! How far a call of the sampler is, for another thread that tells people.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts completions as they end. Clones count the same ones.
#[derive(Clone, Debug, Default)]
pub struct SampleProgress(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    ended: AtomicUsize,
    asked: AtomicUsize,
}

impl SampleProgress {
    /// A call begins that asks for so many completions.
    pub(super) fn begin(&self, asked: usize) {
        self.0.ended.store(0, Ordering::Relaxed);
        self.0.asked.store(asked, Ordering::Relaxed);
    }

    /// A completion ends.
    pub(super) fn end_one(&self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// How many completions of the call at hand, or of the last one, have ended, and how many it asks for.
    pub fn counts(&self) -> (usize, usize) {
        let asked = self.0.asked.load(Ordering::Relaxed);
        (self.0.ended.load(Ordering::Relaxed).min(asked), asked)
    }
}
