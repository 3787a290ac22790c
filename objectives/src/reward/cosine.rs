//! Cosine length shaping: right answers should be short, wrong ones may be long.
//!
//! With `u = (1 + cos(pi |y| / max)) / 2`, right answers earn `short_right` at length 0 and `long_right` at the limit, wrong ones
//! `short_wrong` and `long_wrong` (2502.03373; TRL's defaults, length clamped at the limit).

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade, finite};
use crate::ObjectiveError;

/// Shapes verdicts by length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cosine {
    /// For a right answer of no length.
    pub short_right: f64,
    /// For a right answer at the limit.
    pub long_right: f64,
    /// For a wrong answer of no length.
    pub short_wrong: f64,
    /// For a wrong answer at the limit.
    pub long_wrong: f64,
    /// The limit, in tokens.
    pub max_tokens: usize,
}

impl Default for Cosine {
    fn default() -> Self {
        Self { short_right: 1.0, long_right: 0.5, short_wrong: -1.0, long_wrong: -0.5, max_tokens: 1000 }
    }
}

impl Grade for Cosine {
    fn score(&self, evidence: &Evidence) -> f64 {
        let progress = evidence.tokens.min(self.max_tokens) as f64 / self.max_tokens.max(1) as f64;
        let (short, long) = if evidence.is_solved { (self.short_right, self.long_right) } else { (self.short_wrong, self.long_wrong) };
        long + (short - long) * 0.5 * (1.0 + (progress * std::f64::consts::PI).cos())
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        let Self { short_right, long_right, short_wrong, long_wrong, max_tokens } = *self;
        match max_tokens {
            0 => Err(ObjectiveError::Setting { setting: "max_tokens", value: 0.0, expected: "at least 1" }),
            _ => finite(&[("short_right", short_right), ("long_right", long_right), ("short_wrong", short_wrong), ("long_wrong", long_wrong)]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::evidence::fixture::*, *};

    #[test]
    fn right_answers_lose_with_length_and_wrong_ones_gain() {
        let score = |is_solved, tokens| Cosine::default().score(&long(is_solved, tokens));
        close(score(true, 0), 1.0);
        close(score(true, 500), 0.75);
        close(score(true, 1000), 0.5);
        close(score(true, 5000), 0.5);
        close(score(false, 0), -1.0);
        close(score(false, 250), -0.5 - 0.25 * (1.0 + 0.5_f64.sqrt()));
        close(score(false, 1000), -0.5);
    }
}
