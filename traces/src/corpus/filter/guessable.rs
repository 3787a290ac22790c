//! Random play solves the problem too often, by exact calculation: nothing of the search has to be learned for it.
//!
//! Settings: `guess_above` (0.25): dropped above this probability; `guess_tries` (1): that one of so many independent plays solves it;
//! `guess_depth` (64): actions of a play. A problem whose random play has more states than a fixed bound is not judged.

use metacot_envs::oracle::LAYER_STATES;

use super::{Kind, Mark, Row, Rule, always};

pub(super) const KIND: Kind = Kind {
    name: "guessable",
    settings: &["guess_above", "guess_tries", "guess_depth"],
    is_default: always,
    build: |_, settings| {
        Ok(Box::new(Guessable {
            above: settings.number("guess_above", 0.0..=1.0, 0.25)?,
            tries: settings.number("guess_tries", 1..=1_000_000, 1)?,
            depth: settings.number("guess_depth", 1..=10_000, 64)?,
        }))
    },
};

struct Guessable {
    above: f64,
    tries: i32,
    depth: u32,
}

impl Rule for Guessable {
    fn look(&self, row: &Row<'_>) -> Mark {
        match row.puzzle.as_ref().and_then(|puzzle| puzzle.random_value(self.depth, LAYER_STATES)) {
            None => Mark::NotApplicable,
            Some(value) if 1.0 - (1.0 - value).powi(self.tries) > self.above => Mark::Drop,
            Some(_) => Mark::Pass,
        }
    }
}
