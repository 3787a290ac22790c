//! Operation-level credit: generalised advantages over the lines of a trace instead of its tokens.
//!
//! Each line is one action of a decision process whose value is the critic's prediction at its first token; all tokens of the line share its
//! advantage, so a long line is no longer credit chain than a short one. Guided-ReST (2410.02992) has PPO at the level of operations, with the ratio of a
//! whole operation; here only the credit is that of a line, and the `ppo` loss takes and clips the ratio of each token as ever. Only the first
//! token of a line trains the critic; the return at the other tokens is the prediction itself, which leaves them without gradient at the
//! first mini-batch and holds them in place later.

use serde::{Deserialize, Serialize};

use super::{
    Advantages, Estimate, TokenRewards, generalized_advantages,
    vine::{spread_over_steps, step_rewards},
    whiten_policy_tokens,
};
use crate::{Batch, Field, ObjectiveError, Role, settings};

/// Credits each line of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operation {
    /// The discount per line, in [0, 1].
    pub gamma: f64,
    /// The weight of longer returns, in [0, 1].
    pub lambda: f64,
    /// Whether advantages are whitened over the tokens of the batch.
    pub whiten: bool,
}

impl Default for Operation {
    fn default() -> Self {
        Self { gamma: 1.0, lambda: 0.95, whiten: true }
    }
}

impl Estimate for Operation {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::share("gamma", self.gamma)?;
        settings::share("lambda", self.lambda)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        batch.require(Field::OldValues)?;
        let (mut tokens, mut returns, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for (sequence, earned) in batch.sequences().iter().zip(&rewards.tokens) {
            // Lines that the policy wrote nothing of are no decisions.
            let first = |range: std::ops::Range<usize>| range.into_iter().find(|token| sequence.roles[*token] == Role::Policy);
            let starts: Vec<Option<usize>> = sequence.step_ranges().into_iter().map(first).collect();
            let earned = step_rewards(sequence, earned);
            let decisions: Vec<usize> = (0..starts.len()).filter(|line| starts[*line].is_some()).collect();
            let rewards: Vec<f64> = decisions.iter().map(|&line| earned[line]).collect();
            let values: Vec<f64> = starts.iter().flatten().map(|&token| sequence.values_old[token]).collect();
            let advantages = generalized_advantages(&rewards, &values, self.gamma, self.lambda);
            let mut lines = vec![0.0; starts.len()];
            let mut is_target = vec![false; sequence.len()];
            let mut row: Vec<f64> =
                sequence.roles.iter().enumerate().map(|(token, role)| if *role == Role::Policy { sequence.values_old[token] } else { 0.0 }).collect();
            for (index, &line) in decisions.iter().enumerate() {
                lines[line] = advantages[index];
                let start = starts[line].expect("decisions are the lines with a first token");
                row[start] = advantages[index] + values[index];
                is_target[start] = true;
            }
            tokens.push(spread_over_steps(sequence, &lines));
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
    use crate::Sequence;

    #[test]
    fn a_line_is_one_decision() {
        let sequence = Sequence { steps: vec![0, 2], step_rewards: vec![0.1, 0.0], values_old: vec![0.5, 9.0, 0.25], ..Sequence::new(0, 1.0, vec![-1.0; 3]) };
        // gamma 1, lambda 1/2: second line 0.75; first 0.1 + 0.25 - 0.5 + 0.375.
        let found = full(&Operation { gamma: 1.0, lambda: 0.5, whiten: false }, &Batch::new(vec![sequence]).unwrap());
        close(&found.tokens[0], &[0.225, 0.225, 0.75]);
        close(&found.returns[0], &[0.725, 9.0, 1.0]);
        assert_eq!(found.targets, [[true, false, true]]);
    }

    #[test]
    fn lines_of_one_token_are_plain_gae() {
        let sequence = Sequence { steps: vec![0, 1, 2], values_old: vec![0.5, 0.0, 0.25], ..holed(0, 1.0) };
        let batch = Batch::new(vec![sequence]).unwrap();
        let gae = full(&super::super::Gae { gamma: 0.9, lambda: 0.5, whiten: false }, &batch);
        assert_eq!(full(&Operation { gamma: 0.9, lambda: 0.5, whiten: false }, &batch).tokens, gae.tokens);
    }
}
