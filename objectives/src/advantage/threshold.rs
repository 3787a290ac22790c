//! ReST's filter: a response counts fully from a reward on, and not at all below.
//!
//! `1[r >= tau]`, the improve step of ReST (2308.08998), whose loops raise `tau` from one improve step to the next.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards};
use crate::{Batch, ObjectiveError, settings};

/// Credits 1 from a reward on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Threshold {
    /// The lowest reward that counts.
    pub tau: f64,
}

impl Default for Threshold {
    fn default() -> Self {
        Self { tau: 1.0 }
    }
}

impl Estimate for Threshold {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::finite("tau", self.tau)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        let indicators: Vec<f64> = rewards.totals.iter().map(|reward| f64::from(u8::from(*reward >= self.tau))).collect();
        Ok(Advantages::per_sequence(batch, rewards, &indicators))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    #[test]
    fn the_threshold_itself_counts() {
        close(&estimate(&Threshold { tau: 0.5 }, &rollouts(&[(0, 0.5), (0, 0.49), (1, 1.0)])), &[1.0, 0.0, 1.0]);
    }
}
