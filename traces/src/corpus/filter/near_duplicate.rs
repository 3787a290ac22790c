//! A kept row has nearly the same problem.
//!
//! Problems of environments that know small steps ([`near_keys`](metacot_envs::Canonical::near_keys)) are near where one such step leads
//! from one to the other: 16 bytes are remembered per kept row, and the step is exact. All others are compared by the words of their
//! questions: sets of `near_words` (3) successive words whose estimated Jaccard similarity is `near_similarity` (0.8) or more, by a
//! [`Sketch`] of half a kilobyte per kept row. Both are deterministic.

use rustc_hash::FxHashSet;

use super::{
    Kind, Mark, Row, Rule, always, key_of,
    sketch::{Sketch, Sketches},
};

pub(super) const KIND: Kind = Kind {
    name: "near-duplicate",
    settings: &["near_words", "near_similarity"],
    is_default: always,
    build: |_, settings| {
        let similarity = settings.number("near_similarity", 0.5..=1.0, 0.8)?;
        let words = settings.number("near_words", 1..=100_usize, 3)?;
        Ok(Box::new(NearDuplicate { words, keys: FxHashSet::default(), sketches: Sketches::new(similarity) }) as Box<dyn Rule>)
    },
};

struct NearDuplicate {
    words: usize,
    keys: FxHashSet<u128>,
    sketches: Sketches,
}

impl Rule for NearDuplicate {
    fn look(&self, row: &Row<'_>) -> Mark {
        let near = row.puzzle.as_ref().map(|puzzle| puzzle.near_keys()).unwrap_or_default();
        if near.is_empty() {
            return Mark::Words(Box::new(Sketch::of(&row.question, self.words)));
        }
        Mark::Keys([row.identity()].into_iter().chain(near.iter().map(|key| key_of(key))).collect())
    }

    fn has_seen(&self, mark: &Mark) -> bool {
        match mark {
            Mark::Keys(keys) => keys.iter().any(|key| self.keys.contains(key)),
            Mark::Words(sketch) => self.sketches.has_similar(sketch),
            Mark::Pass | Mark::Drop | Mark::NotApplicable => false,
        }
    }

    fn remember(&mut self, mark: &Mark) {
        match mark {
            Mark::Keys(keys) => self.keys.extend(keys.first()),
            Mark::Words(sketch) => self.sketches.add(sketch),
            Mark::Pass | Mark::Drop | Mark::NotApplicable => {}
        }
    }
}
