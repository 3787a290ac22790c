//! Soft overlong punishment: a slope before the length limit.
//!
//! 0 up to `max - cache` tokens, then linear to -1 at `max`, -1 beyond (DAPO, 2503.14476, equation 13; TRL's form, which allows a cache
//! of 0).

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade};
use crate::ObjectiveError;

/// Punishes lengths near and beyond the limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Overlong {
    /// The limit, in tokens.
    pub max_tokens: usize,
    /// The length of the slope, in tokens.
    pub cache: usize,
}

impl Default for Overlong {
    /// The paper's 16,384 + 4,096 tokens, divided by 40.
    fn default() -> Self {
        Self { max_tokens: 512, cache: 102 }
    }
}

impl Grade for Overlong {
    fn score(&self, evidence: &Evidence) -> f64 {
        let soft = self.max_tokens.saturating_sub(self.cache);
        match evidence.tokens {
            tokens if tokens <= soft => 0.0,
            tokens if tokens <= self.max_tokens => -((tokens - soft) as f64) / self.cache as f64,
            _ => -1.0,
        }
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        match self.cache <= self.max_tokens {
            true => Ok(()),
            false => Err(ObjectiveError::Setting { setting: "cache", value: self.cache as f64, expected: "at most max_tokens" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::evidence::fixture::*, *};

    #[test]
    fn the_slope_ends_at_the_limit() {
        let reward = Overlong { max_tokens: 100, cache: 20 };
        assert_eq!([80, 85, 100, 101].map(|tokens| reward.score(&long(true, tokens))), [0.0, -0.25, -1.0, -1.0]);
    }

    #[test]
    fn without_a_cache_there_is_a_step() {
        let reward = Overlong { max_tokens: 100, cache: 0 };
        assert_eq!([100, 101].map(|tokens| reward.score(&long(true, tokens))), [0.0, -1.0]);
    }
}
