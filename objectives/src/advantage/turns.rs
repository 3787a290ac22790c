//! A whole attempt as one action: a value before each attempt, one advantage for all its tokens.
//!
//! RLEF (2410.02089, section 2.2): `A_k = sum over i >= k of gamma^(i - k) R_i - V(c_k)`, where the value `V(c_k)` is predicted from the last token
//! before attempt `k` and `R_i` is what attempt `i` earned less its KL penalty. The penalty of an attempt is the mean over its tokens (that of the
//! geometric mean of their probabilities), not the sum, so that short attempts are not preferred; a `lambda` below 1, which the paper has not, trusts
//! the critic more. As in `operation`, only the first token of an attempt trains the critic.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, episodes::spread, generalized_advantages, whiten_policy_tokens};
use crate::{Batch, Field, KlPenalty, ObjectiveError, Role, settings};

/// Credits each attempt of a response by a critic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Turns {
    /// The discount per attempt, in [0, 1].
    pub gamma: f64,
    /// The weight of longer returns, in [0, 1]; 1 is the paper's.
    pub lambda: f64,
    /// Whether advantages are whitened over the tokens of the batch, after returns are taken.
    pub whiten: bool,
}

impl Default for Turns {
    fn default() -> Self {
        Self { gamma: 1.0, lambda: 1.0, whiten: true }
    }
}

impl Estimate for Turns {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::share("gamma", self.gamma)?;
        settings::share("lambda", self.lambda)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        batch.require(Field::OldValues)?;
        let plain = TokenRewards::of(batch, &KlPenalty::default())?;
        let (mut tokens, mut returns, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for ((sequence, earned), plain) in batch.sequences().iter().zip(&rewards.tokens).zip(&plain.tokens) {
            let own = |range: std::ops::Range<usize>| range.filter(|token| sequence.roles[*token] == Role::Policy).collect::<Vec<_>>();
            let attempts: Vec<Vec<usize>> = sequence.episode_ranges().into_iter().map(own).collect();
            // Attempts that the policy wrote nothing of are no decisions.
            let decisions: Vec<usize> = (0..attempts.len()).filter(|attempt| !attempts[*attempt].is_empty()).collect();
            let reward = |attempt: &usize| {
                let tokens = &attempts[*attempt];
                let outcome: f64 = tokens.iter().map(|&token| plain[token]).sum();
                outcome + tokens.iter().map(|&token| earned[token] - plain[token]).sum::<f64>() / tokens.len() as f64
            };
            let earned: Vec<f64> = decisions.iter().map(reward).collect();
            let values: Vec<f64> = decisions.iter().map(|&attempt| sequence.values_old[attempts[attempt][0]]).collect();
            let advantages = generalized_advantages(&earned, &values, self.gamma, self.lambda);
            let mut credit = vec![0.0; attempts.len()];
            let mut is_target = vec![false; sequence.len()];
            let mut row: Vec<f64> =
                sequence.roles.iter().enumerate().map(|(token, role)| if *role == Role::Policy { sequence.values_old[token] } else { 0.0 }).collect();
            for (index, &attempt) in decisions.iter().enumerate() {
                credit[attempt] = advantages[index];
                row[attempts[attempt][0]] = advantages[index] + values[index];
                is_target[attempts[attempt][0]] = true;
            }
            tokens.push(spread(sequence, &credit));
            returns.push(row);
            targets.push(is_target);
        }
        if self.whiten {
            whiten_policy_tokens(batch, &mut tokens);
        }
        Ok(Advantages { returns, targets, ..Advantages::per_token(batch, rewards, tokens) })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::{Estimator, Sequence};

    /// An attempt of two tokens that costs 0.2, a word of the environment, an attempt of one token, and the outcome 1.
    fn sequence() -> Sequence {
        let mut sequence = Sequence {
            episodes: vec![0, 2],
            steps: vec![0, 2],
            step_rewards: vec![-0.2, 0.0],
            values_old: vec![0.5, 9.0, f64::NAN, 0.25],
            ..Sequence::new(0, 1.0, vec![-1.0, -1.0, f64::NAN, -1.0])
        };
        sequence.roles[2] = Role::Masked;
        sequence
    }

    #[test]
    fn an_attempt_is_one_decision_with_the_value_before_it() {
        let found = full(&Turns { whiten: false, ..Turns::default() }, &Batch::new(vec![sequence()]).unwrap());
        // To come: 0.8 less the value 0.5, and 1 less 0.25; the word between them gets nothing.
        close(&found.tokens[0], &[0.3, 0.3, 0.0, 0.75]);
        close(&found.returns[0], &[0.8, 9.0, 0.0, 1.0]);
        assert_eq!(found.targets, [[true, false, false, true]]);
    }

    #[test]
    fn one_step_returns_look_at_the_next_value_only() {
        let found = full(&Turns { gamma: 0.9, lambda: 0.0, whiten: false }, &Batch::new(vec![sequence()]).unwrap());
        // -0.2 + 0.9 * 0.25 - 0.5.
        close(&found.tokens[0], &[-0.475, -0.475, 0.0, 0.75]);
    }

    #[test]
    fn the_penalty_of_an_attempt_is_the_mean_over_its_tokens() {
        // Differences to the reference 0.5 and 1.5 in the first attempt, 1 in the second; weight 0.1.
        let sequence = Sequence { logp_ref: vec![-1.5, -2.5, f64::NAN, -2.0], ..sequence() };
        let batch = Batch::new(vec![sequence]).unwrap();
        let rewards = TokenRewards::of(&batch, &KlPenalty::in_reward(0.1, Estimator::K1)).unwrap();
        let found = Turns { whiten: false, ..Turns::default() }.estimate(&batch, &rewards).unwrap();
        // -0.2 - 0.1 and 1 - 0.1: 0.6 to come less 0.5, 0.9 less 0.25.
        close(&found.tokens[0], &[0.1, 0.1, 0.0, 0.65]);
    }

    #[test]
    fn a_single_attempt_of_one_token_is_plain_gae() {
        let batch = Batch::new(vec![Sequence { values_old: vec![0.25], ..Sequence::new(0, 1.0, vec![-1.0]) }]).unwrap();
        let gae = full(&super::super::Gae { whiten: false, ..Default::default() }, &batch);
        assert_eq!(full(&Turns { whiten: false, ..Turns::default() }, &batch).tokens, gae.tokens);
    }
}
