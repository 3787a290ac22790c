//! Whether threads have run out of pieces of work, so that they can help with those of others.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Pieces of work that threads take one after the other.
pub struct Pieces(AtomicUsize);

impl Pieces {
    /// So many that no thread has taken.
    pub fn new(count: usize) -> Self {
        Self(AtomicUsize::new(count))
    }

    /// A thread takes the next one; no more often than there are pieces.
    pub fn take(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether none is left, so that threads may be idle.
    pub fn are_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_idle_once_the_last_piece_was_taken() {
        let pieces = Pieces::new(2);
        pieces.take();
        assert!(!pieces.are_taken());
        pieces.take();
        assert!(pieces.are_taken());
    }
}
