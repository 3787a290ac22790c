//! SCoRe's bonus for progress between attempts.
//!
//! The second stage of SCoRe (2409.12917) adds `alpha (r_2 - r_1)` to the reward of the second attempt, so that correcting pays and spoiling a right
//! answer costs. Here every later attempt has the bonus over its predecessor, and **the bonus is credited to that attempt alone**: attempt `k` gets
//! `r_k + r_{k+1} + ...` less what these attempts cost, plus its own bonus `alpha (r_k - r_{k-1})`, and the first attempt has none. Were the bonus of the
//! second in what is still to come of the first, a first failure would be paid `alpha` times over. Credit is centred on the mean of the group, attempt
//! by attempt.
//!
//! This is a reading of the published formula; the paper's text on how returns are formed from it was not at hand. The second stage's penalty on the
//! distance to the reference is a setting of the objective, off by default. Costs are those of [`Episodes`](super::Episodes) and have no part in the bonus.

use serde::{Deserialize, Serialize};

use super::{
    Advantages, Estimate, TokenRewards,
    episodes::{centred, costs},
};
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

/// The bonus of each attempt: `alpha` times its lead over the one before, 0 for the first.
pub fn score_bonus(rewards: &[f64], alpha: f64) -> Vec<f64> {
    (0..rewards.len()).map(|attempt| if attempt == 0 { 0.0 } else { alpha * (rewards[attempt] - rewards[attempt - 1]) }).collect()
}

impl Estimate for Score {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("alpha", self.alpha)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        batch.require(Field::EpisodeRewards)?;
        let share = |(sequence, penalties): (&crate::Sequence, &Vec<f64>)| -> Vec<f64> {
            let (earned, costs) = (&sequence.episode_rewards, costs(sequence, penalties));
            let to_come = |attempt: usize| earned[attempt..].iter().sum::<f64>() - costs[attempt..].iter().sum::<f64>();
            score_bonus(earned, self.alpha).into_iter().enumerate().map(|(attempt, bonus)| to_come(attempt) + bonus).collect()
        };
        let shares: Vec<Vec<f64>> = batch.sequences().iter().zip(&rewards.penalties).map(share).collect();
        Ok(Advantages::per_token(batch, rewards, centred(batch, rewards, &shares)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::Sequence;

    fn attempts(rewards: &[f64]) -> Sequence {
        let episodes = (0..rewards.len()).collect();
        Sequence { episodes, episode_rewards: rewards.to_vec(), ..Sequence::new(0, 0.0, vec![-1.0; rewards.len()]) }
    }

    #[test]
    fn progress_pays_and_spoiling_costs() {
        close(&score_bonus(&[0.0, 1.0], 2.0), &[0.0, 2.0]);
        close(&score_bonus(&[1.0, 0.0], 2.0), &[0.0, -2.0]);
        close(&score_bonus(&[1.0, 1.0], 2.0), &[0.0, 0.0]);
    }

    #[test]
    fn the_bonus_is_credited_to_the_attempt_that_earns_it() {
        let batch = Batch::new(vec![attempts(&[0.0, 1.0]), attempts(&[1.0, 1.0])]).unwrap();
        // First attempts: 1 against 2 to come. Second ones: 1 + 2 (1 - 0) against 1.
        assert_eq!(full(&Score { alpha: 2.0 }, &batch).tokens, [[-0.5, 1.0], [0.5, -1.0]]);
    }

    #[test]
    fn a_first_failure_is_not_paid_however_large_the_bonus() {
        let batch = Batch::new(vec![attempts(&[0.0, 1.0]), attempts(&[1.0, 0.0])]).unwrap();
        // Both have 1 to come; at the second attempt 1 + 10 against 0 - 10.
        assert_eq!(full(&Score::default(), &batch).tokens, [[0.0, 10.5], [0.0, -10.5]]);
    }

    #[test]
    fn costs_are_paid_beside_the_bonus() {
        // Three attempts 0, 0, 1 of which the second costs 0.5; beside them three that earn nothing.
        let charged = Sequence { steps: vec![0, 1, 2], step_rewards: vec![0.0, -0.5, 0.0], ..attempts(&[0.0, 0.0, 1.0]) };
        let batch = Batch::new(vec![charged, attempts(&[0.0; 3])]).unwrap();
        // 0.5, 0.5 and 1 + 2 against 0.
        assert_eq!(full(&Score { alpha: 2.0 }, &batch).tokens[0], [0.25, 0.25, 1.5]);
    }
}
