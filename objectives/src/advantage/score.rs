//! SCoRe's bonus for progress between attempts.
//!
//! In its second stage (2409.12917, section 5.2) the reward of attempt two is `r_2 + alpha (r_2 - r_1)` with `alpha` above 1, so that
//! correcting pays and spoiling a right answer costs, and attempt one keeps `r_1`. Here every later attempt has the bonus over its
//! predecessor. Credit is centred on the mean of the group, attempt by attempt, and each attempt gets what is still to come.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, episodes::centred};
use crate::{Batch, Field, ObjectiveError, settings};

/// Credits attempts with their reward and their progress.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Score {
    /// The weight of progress.
    pub alpha: f64,
}

impl Default for Score {
    fn default() -> Self {
        Self { alpha: 10.0 }
    }
}

/// The shaped reward of each attempt.
pub fn score_bonus(rewards: &[f64], alpha: f64) -> Vec<f64> {
    let bonus = |index: usize| if index == 0 { 0.0 } else { alpha * (rewards[index] - rewards[index - 1]) };
    rewards.iter().enumerate().map(|(index, reward)| reward + bonus(index)).collect()
}

impl Estimate for Score {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("alpha", self.alpha)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        batch.require(Field::EpisodeRewards)?;
        let shaped: Vec<Vec<f64>> = batch.sequences().iter().map(|sequence| score_bonus(&sequence.episode_rewards, self.alpha)).collect();
        let to_come = |rewards: &Vec<f64>| (0..rewards.len()).map(|attempt| rewards[attempt..].iter().sum()).collect();
        let shares: Vec<Vec<f64>> = shaped.iter().map(to_come).collect();
        Ok(Advantages::per_token(batch, rewards, centred(batch, rewards, &shares)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::Sequence;

    #[test]
    fn progress_pays_and_spoiling_costs() {
        close(&score_bonus(&[0.0, 1.0], 2.0), &[0.0, 3.0]);
        close(&score_bonus(&[1.0, 0.0], 2.0), &[1.0, -2.0]);
        close(&score_bonus(&[1.0, 1.0], 2.0), &[1.0, 1.0]);
    }

    #[test]
    fn each_attempt_gets_what_is_to_come() {
        let attempts = |rewards: [f64; 2]| Sequence { episodes: vec![0, 1], episode_rewards: rewards.to_vec(), ..Sequence::new(0, 0.0, vec![-1.0; 2]) };
        let batch = Batch::new(vec![attempts([0.0, 1.0]), attempts([1.0, 1.0])]).unwrap();
        // To come: 3, 3 against 2, 1.
        assert_eq!(full(&Score { alpha: 2.0 }, &batch).tokens, [[0.5, 1.0], [-0.5, -1.0]]);
    }
}
