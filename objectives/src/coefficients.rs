//! What an objective answers: a loss and its derivative by each number that the model predicted.

use crate::{Batch, Metrics};

/// A loss with its gradient at the outputs of the model.
///
/// A trainer that holds tensors `logp`, `value` and `entropy` of the same shapes minimises the loss by propagating back
/// `sum(d_logp * logp) + sum(d_value * value) + sum(d_entropy * entropy)`, the coefficients being constants.
///
/// # Shapes
/// `[b][t]`: one row per sequence, one entry per token of its response; 0 at masked tokens.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coefficients {
    /// The whole loss.
    pub loss: f64,
    /// The part that comes from the policy's surrogate.
    pub policy_loss: f64,
    /// The part that comes from value predictions, weighted.
    pub value_loss: f64,
    /// The part that comes from the KL penalty, weighted.
    pub kl_loss: f64,
    /// The part that comes from the entropy bonus, weighted; not positive.
    pub entropy_loss: f64,
    /// Derivative by the log-probability of each token.
    pub d_logp: Vec<Vec<f64>>,
    /// Derivative by the value prediction at each token.
    pub d_value: Vec<Vec<f64>>,
    /// Derivative by the entropy at each token.
    pub d_entropy: Vec<Vec<f64>>,
    /// Diagnostics.
    pub metrics: Metrics,
}

impl Coefficients {
    /// No loss and no gradient, in the shape of a batch.
    pub fn zeros(batch: &Batch) -> Self {
        let zeros: Vec<Vec<f64>> = batch.sequences().iter().map(|sequence| vec![0.0; sequence.len()]).collect();
        Self { d_logp: zeros.clone(), d_value: zeros.clone(), d_entropy: zeros, ..Self::default() }
    }

    /// The Euclidean norm of the derivative by the log-probabilities: the size of the step before the model is asked.
    pub fn norm(&self) -> f64 {
        self.d_logp.iter().flatten().map(|number| number * number).sum::<f64>().sqrt()
    }

    /// Whether the loss and every coefficient are finite; a trainer stops where they are not.
    pub fn is_finite(&self) -> bool {
        let rows = self.d_logp.iter().chain(&self.d_value).chain(&self.d_entropy);
        self.loss.is_finite() && rows.flatten().all(|number| number.is_finite())
    }
}
