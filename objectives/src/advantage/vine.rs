//! VinePPO's advantage: values of the states between steps from rollouts, not from a critic.
//!
//! `A_j = r_j + gamma V(s_{j+1}) - V(s_j)` for step `j`, shared by all its tokens (2410.01679, with K Monte-Carlo completions
//! per state). In a symbolic world the values may be exact. Behind the last step the value is 0 and the outcome is the reward.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards};
use crate::{Batch, Field, ObjectiveError, Role, settings};

/// Credits each step by the change of value across it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vine {
    /// The discount per step, in [0, 1].
    pub gamma: f64,
}

impl Default for Vine {
    fn default() -> Self {
        Self { gamma: 1.0 }
    }
}

/// The same advantage at all tokens of the policy of a step.
pub(super) fn spread_over_steps(sequence: &crate::Sequence, steps: &[f64]) -> Vec<f64> {
    let mut row = vec![0.0; sequence.len()];
    for (range, advantage) in sequence.step_ranges().into_iter().zip(steps) {
        range.filter(|token| sequence.roles[*token] == Role::Policy).for_each(|token| row[token] = *advantage);
    }
    row
}

/// What was earned within each step.
pub(super) fn step_rewards(sequence: &crate::Sequence, earned: &[f64]) -> Vec<f64> {
    sequence.step_ranges().into_iter().map(|range| earned[range].iter().sum()).collect()
}

impl Estimate for Vine {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::share("gamma", self.gamma)
    }

    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        batch.require(Field::StepValues)?;
        let row = |(sequence, earned): (&crate::Sequence, &Vec<f64>)| {
            let values = &sequence.step_values;
            let differences = step_rewards(sequence, earned).into_iter().zip(values).enumerate();
            let after = |index: usize| values.get(index + 1).copied().unwrap_or(0.0);
            let steps: Vec<f64> = differences.map(|(index, (reward, value))| reward + self.gamma * after(index) - value).collect();
            spread_over_steps(sequence, &steps)
        };
        Ok(Advantages::per_token(batch, rewards, batch.sequences().iter().zip(&rewards.tokens).map(row).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::Sequence;

    #[test]
    fn steps_are_credited_with_what_they_change() {
        // From value 0.5 a mistake leads to 0.25, a recovery to 0.75, and the last step succeeds.
        let sequence = Sequence { steps: vec![0, 2, 3], step_values: vec![0.5, 0.25, 0.75], ..Sequence::new(0, 1.0, vec![-1.0; 4]) };
        let found = full(&Vine::default(), &Batch::new(vec![sequence]).unwrap());
        close(&found.tokens[0], &[-0.25, -0.25, 0.5, 0.25]);
    }

    #[test]
    fn undiscounted_steps_sum_to_the_outcome_less_the_first_value() {
        let sequence = Sequence { steps: vec![0, 1, 2], step_values: vec![0.3, 0.9, 0.1], ..holed(0, 0.0) };
        let found = full(&Vine::default(), &Batch::new(vec![sequence]).unwrap());
        close(&found.tokens[0], &[0.6, 0.0, -0.1]); // the middle step is masked
    }
}
