//! Threads that compute the same rows together, each its own columns, and hand them to each other.
//!
//! They meet some twenty times a token, so they wait by spinning. That is fast where each has a processor of its own, and very slow where other programs take
//! turns with them: [`Member::is_stalling`] says when to give up.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Rounds of spinning (some 50 microseconds) before the time slice is given away.
const PATIENCE: u32 = 1 << 10;

/// Long waits that are forgiven: the first ones, when threads are just starting, and then one in so many meetings.
const FORGIVEN: (u32, u32) = (8, 500);

/// What the members of a team share.
pub(super) struct Team {
    size: usize,
    arrived: AtomicUsize,
    generation: AtomicUsize,
    has_failed: AtomicBool,
    /// Two, used in turn: when a member writes to one again, all others have read it, because they have come to the meeting in between.
    exchanged: [Vec<AtomicU64>; 2],
}

/// One thread of a team.
pub(super) struct Member<'a> {
    team: &'a Team,
    turn: usize,
    meetings: u32,
    long_waits: u32,
}

impl Team {
    /// A team of `size` threads that exchange at most `numbers` numbers at a time.
    pub(super) fn new(size: usize, numbers: usize) -> Self {
        let buffer = || (0..numbers.div_ceil(2)).map(|_| AtomicU64::new(0)).collect();
        Self { size, arrived: AtomicUsize::new(0), generation: AtomicUsize::new(0), has_failed: AtomicBool::new(false), exchanged: [buffer(), buffer()] }
    }

    /// Must be called once by each thread.
    pub(super) fn join(&self) -> Member<'_> {
        Member { team: self, turn: 0, meetings: 0, long_waits: 0 }
    }
}

impl Member<'_> {
    /// Waits until all members have come.
    ///
    /// # Panics
    /// When another member panicked: nobody waits for it forever.
    pub(super) fn meet(&mut self) {
        let team = self.team;
        self.meetings = self.meetings.saturating_add(1);
        let generation = team.generation.load(Ordering::Acquire);
        if team.arrived.fetch_add(1, Ordering::AcqRel) + 1 == team.size {
            team.arrived.store(0, Ordering::Relaxed);
            team.generation.store(generation.wrapping_add(1), Ordering::Release);
            return;
        }
        let mut rounds = 0u32;
        while team.generation.load(Ordering::Acquire) == generation {
            assert!(!team.has_failed.load(Ordering::Relaxed), "another thread of the decoder panicked");
            rounds = rounds.saturating_add(1);
            if rounds < PATIENCE {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
        self.long_waits += u32::from(rounds >= PATIENCE);
    }

    /// Whether this member has waited for others so often that it would be faster alone.
    pub(super) fn is_stalling(&self) -> bool {
        self.long_waits > FORGIVEN.0 + self.meetings / FORGIVEN.1
    }

    /// Completes `matrix`, `[rows, width]`: this member has computed the columns `own` (even at both ends), the others have all other columns.
    pub(super) fn exchange(&mut self, matrix: &mut [f32], width: usize, own: Range<usize>) {
        debug_assert!(width.is_multiple_of(2) && own.start.is_multiple_of(2) && own.end.is_multiple_of(2));
        let team = self.team;
        let buffer = &team.exchanged[self.turn];
        self.turn = 1 - self.turn;
        let pairs = width / 2;
        for (row, shared) in matrix.chunks_exact(width).zip(buffer.chunks_exact(pairs)) {
            for (pair, shared) in row[own.clone()].chunks_exact(2).zip(&shared[own.start / 2..]) {
                shared.store(u64::from(pair[0].to_bits()) | u64::from(pair[1].to_bits()) << 32, Ordering::Relaxed);
            }
        }
        // The meeting orders these stores before the loads below.
        self.meet();
        for (row, shared) in matrix.chunks_exact_mut(width).zip(buffer.chunks_exact(pairs)) {
            for range in [0..own.start, own.end..width] {
                for (pair, shared) in row[range.clone()].chunks_exact_mut(2).zip(&shared[range.start / 2..]) {
                    let bits = shared.load(Ordering::Relaxed);
                    pair[0] = f32::from_bits(bits as u32);
                    pair[1] = f32::from_bits((bits >> 32) as u32);
                }
            }
        }
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.team.has_failed.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_complete_each_others_columns_over_many_rounds() {
        let (team, size, width) = (Team::new(3, 24), 3, 12);
        std::thread::scope(|scope| {
            for rank in 0..size {
                let mut member = team.join();
                scope.spawn(move || {
                    for round in 0..200 {
                        let value = |row: usize, column: usize| (round * 1000 + row * 100 + column) as f32;
                        let own = rank * 4..(rank + 1) * 4;
                        let mut matrix: Vec<f32> =
                            (0..24).map(|index| if own.contains(&(index % width)) { value(index / width, index % width) } else { -1.0 }).collect();
                        member.exchange(&mut matrix, width, own);
                        assert!(matrix.iter().enumerate().all(|(index, number)| *number == value(index / width, index % width)));
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_waiting_members() {
        let team = Team::new(2, 2);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            std::thread::scope(|scope| {
                let member = team.join();
                scope.spawn(move || {
                    let _member = member;
                    panic!("on purpose");
                });
                team.join().meet();
            });
        }));
        assert!(outcome.is_err());
    }
}
