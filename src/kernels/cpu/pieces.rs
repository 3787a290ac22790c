//! Whether threads have run out of pieces of work, so that they can help with those of others.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Pieces of work that threads take one after the other.
pub struct Pieces {
    untaken: AtomicUsize,
    unfinished: AtomicUsize,
}

/// A piece that a thread works on, until it is dropped.
pub struct Piece<'a>(&'a Pieces);

impl Pieces {
    /// So many that no thread has taken.
    pub fn new(count: usize) -> Self {
        Self { untaken: AtomicUsize::new(count), unfinished: AtomicUsize::new(count) }
    }

    /// A thread takes the next one; no more often than there are pieces.
    pub fn take(&self) -> Piece<'_> {
        let before = self.untaken.fetch_sub(1, Ordering::Relaxed);
        debug_assert!(before > 0, "a piece that there is not was taken");
        Piece(self)
    }

    /// Whether none is left to be taken and fewer are in work than there are threads.
    pub(super) fn leave_idle(&self, threads: usize) -> bool {
        self.untaken.load(Ordering::Relaxed) == 0 && self.unfinished.load(Ordering::Relaxed) < threads
    }
}

impl Drop for Piece<'_> {
    fn drop(&mut self) {
        self.0.unfinished.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_idle_once_every_piece_was_taken_and_fewer_are_in_work_than_threads() {
        let pieces = Pieces::new(3);
        drop(pieces.take());
        let second = pieces.take();
        assert!(!pieces.leave_idle(2), "one is left");
        let third = pieces.take();
        assert!(!pieces.leave_idle(2), "both threads work");
        assert!(pieces.leave_idle(3));
        drop(second);
        assert!(pieces.leave_idle(2) && !pieces.leave_idle(1));
        drop(third);
        assert!(pieces.leave_idle(1));
    }
}
