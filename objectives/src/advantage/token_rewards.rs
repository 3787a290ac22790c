//! Rewards laid out along the response.

use crate::{Batch, Field, KlPenalty, ObjectiveError, Placement, Role};

/// What each token earned.
///
/// The outcome falls on the last trained token, each step reward on the last trained token of its step, and with a KL penalty in the reward
/// every token of the policy loses `coefficient * k(log pi_old - log pi_ref)` (1909.08593, equation 2; the same layout in verl and TRL).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenRewards {
    /// `[b][t]` rewards; 0 where nothing was earned.
    pub tokens: Vec<Vec<f64>>,
    /// `[b][t]` the KL penalty that was subtracted from them; 0 where there is none.
    pub penalties: Vec<Vec<f64>>,
    /// `[b]` the sum of each response, also where no token of it is trained: a group's baseline knows responses that are masked.
    pub totals: Vec<f64>,
}

impl TokenRewards {
    /// Lays out the rewards of a batch.
    ///
    /// # Errors
    /// The penalty enters the reward and a sequence has no reference log-probabilities.
    pub fn of(batch: &Batch, penalty: &KlPenalty) -> Result<Self, ObjectiveError> {
        let is_penalised = penalty.applies(Placement::Reward);
        if is_penalised {
            batch.require(Field::Reference)?;
        }
        let mut result = Self::default();
        for sequence in batch.sequences() {
            let (mut row, mut penalties) = (vec![0.0; sequence.len()], vec![0.0; sequence.len()]);
            let mut total = sequence.reward;
            if let Some(last) = sequence.policy_tokens().next_back() {
                row[last] += sequence.reward;
            }
            for (range, reward) in sequence.step_ranges().into_iter().zip(&sequence.step_rewards) {
                total += reward;
                if let Some(last) = range.rev().find(|token| sequence.roles[*token] == Role::Policy) {
                    row[last] += reward;
                }
            }
            if is_penalised {
                for token in sequence.policy_tokens() {
                    let cost = penalty.coefficient * penalty.estimator.value(sequence.logp_old[token] - sequence.logp_ref[token]);
                    row[token] -= cost;
                    penalties[token] = cost;
                    total -= cost;
                }
            }
            result.tokens.push(row);
            result.penalties.push(penalties);
            result.totals.push(total);
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Estimator, Sequence, advantage::fixture::holed};

    #[test]
    fn rewards_fall_on_the_last_trained_token_of_their_piece() {
        let mut sequence = Sequence { steps: vec![0, 2], step_rewards: vec![0.25, 0.5], ..holed(0, 1.0) };
        sequence.roles = vec![Role::Policy, Role::Masked, Role::Policy];
        let rewards = TokenRewards::of(&Batch::new(vec![sequence]).unwrap(), &KlPenalty::default()).unwrap();
        assert_eq!((rewards.tokens, rewards.totals), (vec![vec![0.25, 0.0, 1.5]], vec![1.75]));
    }

    #[test]
    fn a_penalty_is_paid_where_it_arises() {
        let sequence = Sequence { logp_ref: vec![-1.5, 0.0, -1.0], ..holed(0, 1.0) };
        let batch = Batch::new(vec![sequence]).unwrap();
        let rewards = TokenRewards::of(&batch, &KlPenalty::in_reward(0.1, Estimator::K1)).unwrap();
        // Differences 0.5 and -1.
        assert!((rewards.tokens[0][0] + 0.05).abs() < 1e-12 && (rewards.tokens[0][2] - 1.1).abs() < 1e-12 && (rewards.totals[0] - 1.05).abs() < 1e-12);
    }

    #[test]
    fn a_penalty_without_a_reference_is_refused() {
        let batch = Batch::new(vec![holed(0, 1.0)]).unwrap();
        assert!(matches!(TokenRewards::of(&batch, &KlPenalty::in_reward(0.1, Estimator::K1)), Err(ObjectiveError::Missing { .. })));
    }

    #[test]
    fn a_response_without_trained_tokens_keeps_its_total() {
        let mut sequence = holed(0, 1.0);
        sequence.roles.fill(Role::Masked);
        let rewards = TokenRewards::of(&Batch::new(vec![sequence]).unwrap(), &KlPenalty::default()).unwrap();
        assert_eq!((rewards.tokens, rewards.totals), (vec![vec![0.0; 3]], vec![1.0]));
    }
}
