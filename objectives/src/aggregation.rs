//! How losses of tokens become the loss of a batch: the weight of each token.
//!
//! Every aggregation is linear, so it is nothing but one weight per token. Weights of micro-batches that share the [`Scope`] of their
//! mini-batch add up to those of the whole, however it was cut; gradient accumulation is exact.
//!
//! Responses without a trained token count as rows in `constant-length` and `row-mean-token-mean` (as in TRL, and in verl of 2025) and
//! nowhere else, as in verl of 2026.

use serde::{Deserialize, Serialize};

use crate::{Batch, ObjectiveError, Role, settings};

/// What a sum over tokens is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "mode", deny_unknown_fields)]
pub enum Aggregation {
    /// Every token of the batch counts the same: verl's `token-mean`, TRL's `dapo`.
    #[default]
    TokenMean,
    /// Every response counts the same, its tokens share its weight: verl's `seq-mean-token-mean`; the form that GRPO prints.
    SequenceMeanTokenMean,
    /// As `sequence-mean-token-mean`, but responses without a trained token count as a loss of 0: TRL's `grpo`.
    RowMeanTokenMean,
    /// Tokens are summed, responses averaged: verl's `seq-mean-token-sum`.
    SequenceMeanTokenSum,
    /// Tokens are summed and divided by the padded length of the batch, responses averaged: verl's `seq-mean-token-sum-norm`. Early
    /// versions of verl summed over the responses as well, which is the number of responses times this.
    SequenceMeanTokenSumNorm,
    /// Divided by all rows times a constant that no response influences: TRL's `dr_grpo`, with its `max_completion_length`.
    ConstantLength {
        /// The constant, in tokens; at least 1.
        length: usize,
    },
}

/// The counts that a whole mini-batch is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Trained tokens.
    pub tokens: usize,
    /// Responses with at least one trained token.
    pub sequences: usize,
    /// All responses.
    pub rows: usize,
    /// Tokens of the longest response, masked ones included.
    pub width: usize,
    /// Preference pairs.
    pub pairs: usize,
}

impl Scope {
    /// The counts of a batch; `counts` says which roles are trained.
    pub fn of(batch: &Batch, counts: impl Fn(Role) -> bool) -> Self {
        let trained: Vec<usize> =
            batch.sequences().iter().map(|sequence| sequence.roles.iter().filter(|role| **role != Role::Masked && counts(**role)).count()).collect();
        Self {
            tokens: trained.iter().sum(),
            sequences: trained.iter().filter(|tokens| **tokens > 0).count(),
            rows: trained.len(),
            width: batch.sequences().iter().map(|sequence| sequence.len()).max().unwrap_or(0),
            pairs: batch.pairs().len(),
        }
    }
}

impl Aggregation {
    /// Checks that there is something to divide by.
    ///
    /// # Errors
    /// The constant length is 0.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        match *self {
            Self::ConstantLength { length } => settings::count("length", length),
            _ => Ok(()),
        }
    }

    /// `[b][t]` the weight of each token: the derivative of the batch's loss by the token's; 0 where `counts` is false.
    pub fn weights(&self, batch: &Batch, scope: &Scope, counts: impl Fn(Role) -> bool) -> Vec<Vec<f64>> {
        let is_trained = |role: Role| role != Role::Masked && counts(role);
        let weights = |roles: &Vec<Role>| {
            let own = roles.iter().filter(|role| is_trained(**role)).count();
            let divisor = match *self {
                Self::TokenMean => scope.tokens as f64,
                Self::SequenceMeanTokenMean => scope.sequences as f64 * own as f64,
                Self::RowMeanTokenMean => scope.rows as f64 * own as f64,
                Self::SequenceMeanTokenSum => scope.sequences as f64,
                Self::SequenceMeanTokenSumNorm => scope.sequences as f64 * scope.width as f64,
                Self::ConstantLength { length } => scope.rows as f64 * length as f64,
            };
            roles.iter().map(|role| if is_trained(*role) { 1.0 / divisor } else { 0.0 }).collect()
        };
        batch.sequences().iter().map(|sequence| weights(&sequence.roles)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sequence;

    const ALL: [Aggregation; 6] = [
        Aggregation::TokenMean,
        Aggregation::SequenceMeanTokenMean,
        Aggregation::RowMeanTokenMean,
        Aggregation::SequenceMeanTokenSum,
        Aggregation::SequenceMeanTokenSumNorm,
        Aggregation::ConstantLength { length: 10 },
    ];

    /// One token of two, three of four (one is padding), none of one.
    fn batch() -> Batch {
        let sequence = |roles: &[Role]| Sequence { roles: roles.to_vec(), ..Sequence::new(0, 1.0, vec![-1.0; roles.len()]) };
        let (p, m) = (Role::Policy, Role::Masked);
        Batch::new(vec![sequence(&[p, m]), sequence(&[p, p, p, m]), sequence(&[m])]).unwrap()
    }

    #[test]
    fn weights_match_hand_calculation() {
        let batch = batch();
        let scope = Scope::of(&batch, |_| true);
        assert_eq!(scope, Scope { tokens: 4, sequences: 2, rows: 3, width: 4, pairs: 0 });
        // By mode: the weight of the first response's token and that of each token of the second.
        let expected =
            [(1.0 / 4.0, 1.0 / 4.0), (1.0 / 2.0, 1.0 / 6.0), (1.0 / 3.0, 1.0 / 9.0), (1.0 / 2.0, 1.0 / 2.0), (1.0 / 8.0, 1.0 / 8.0), (1.0 / 30.0, 1.0 / 30.0)];
        for (mode, (first, second)) in ALL.into_iter().zip(expected) {
            let weights = mode.weights(&batch, &scope, |_| true);
            assert_eq!(weights, [vec![first, 0.0], vec![second, second, second, 0.0], vec![0.0]], "{mode:?}");
        }
    }

    #[test]
    fn microbatches_add_up_to_their_minibatch() {
        let batch = batch();
        let scope = Scope::of(&batch, |_| true);
        for mode in ALL {
            let whole = mode.weights(&batch, &scope, |_| true);
            let parts: Vec<Vec<f64>> = (0..3).flat_map(|index| mode.weights(&batch.select(&[index]).unwrap(), &scope, |_| true)).collect();
            assert_eq!(parts, whole, "{mode:?}");
        }
    }
}
