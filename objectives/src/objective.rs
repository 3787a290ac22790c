//! A whole objective: an advantage, a loss, and how they meet.
//!
//! [`Objective::advantages`] is called once per step on all rollouts, [`Objective::evaluate`] on each mini-batch of them. Named objectives
//! ([`Objective::named`]) are compositions with the constants of their paper or stack.

mod config;
mod presets;

pub use config::ObjectiveConfig;
pub use presets::NAMES;
use serde::{Deserialize, Serialize};

use crate::{
    Advantage, Advantages, Aggregation, Batch, Coefficients, Field, Importance, KlPenalty, Loss, Metrics, ObjectiveError, Placement, Role,
    advantage::TokenRewards, aggregation::Scope, loss::Input, settings,
};

/// How rewards become a gradient.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    /// Who gets the credit.
    pub advantage: Advantage,
    /// What a token costs.
    pub loss: Loss,
    /// How tokens are averaged.
    #[serde(default)]
    pub aggregation: Aggregation,
    /// The penalty on the distance to the reference policy.
    #[serde(default)]
    pub kl: KlPenalty,
    /// The correction for samples of other weights.
    #[serde(default)]
    pub importance: Importance,
    /// The weight of the mean entropy, which is subtracted from the loss; at least 0.
    #[serde(default)]
    pub entropy_bonus: f64,
}

impl Objective {
    /// An advantage and a loss with means over tokens and nothing else.
    pub fn new(advantage: impl Into<Advantage>, loss: impl Into<Loss>) -> Self {
        Self {
            advantage: advantage.into(),
            loss: loss.into(),
            aggregation: Aggregation::default(),
            kl: KlPenalty::default(),
            importance: Importance::default(),
            entropy_bonus: 0.0,
        }
    }

    /// The composition called `name`; see [`NAMES`].
    ///
    /// # Errors
    /// The name is not registered.
    pub fn named(name: &str) -> Result<Self, ObjectiveError> {
        presets::named(name)
    }

    /// Checks that every setting of every part is in its range; a loop calls it before any work, and nothing is estimated or evaluated without it.
    ///
    /// # Errors
    /// A setting is not, by its name.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        self.advantage.check()?;
        self.loss.check()?;
        self.aggregation.check()?;
        self.kl.check()?;
        self.importance.check()?;
        if let (Advantage::VerifierFree(thought), Loss::VerifierFree(reference)) = (&self.advantage, &self.loss) {
            let mean = f64::from(u8::from(reference.mean));
            settings::require(thought.mean == reference.mean, "mean", mean, "the same of advantage and loss, which are two terms of one gradient")?;
        }
        settings::not_negative("entropy_bonus", self.entropy_bonus)
    }

    /// Credits the tokens of all rollouts of a step.
    ///
    /// # Errors
    /// A setting is out of its range, or the batch lacks what the advantage or a penalty in the reward reads.
    pub fn advantages(&self, batch: &Batch) -> Result<Advantages, ObjectiveError> {
        self.check()?;
        self.advantage.estimate(batch, &TokenRewards::of(batch, &self.kl)?)
    }

    /// What a mini-batch is divided by: hand it to [`Objective::evaluate_within`] for each of its micro-batches.
    pub fn scope(&self, minibatch: &Batch) -> Scope {
        Scope::of(minibatch, |role| self.loss.counts(role))
    }

    /// The loss of a mini-batch with its derivatives.
    ///
    /// # Errors
    /// A setting is out of its range, the batch lacks what the loss, the penalty or the bonus reads, or the advantages are another batch's.
    pub fn evaluate(&self, minibatch: &Batch, advantages: &Advantages) -> Result<Coefficients, ObjectiveError> {
        self.evaluate_within(minibatch, advantages, &self.scope(minibatch))
    }

    /// The share of a micro-batch in the loss of its mini-batch; shares add up, whatever the cut.
    ///
    /// # Errors
    /// As [`Objective::evaluate`].
    pub fn evaluate_within(&self, batch: &Batch, advantages: &Advantages, scope: &Scope) -> Result<Coefficients, ObjectiveError> {
        self.check()?;
        if !advantages.fits(batch) {
            return Err(ObjectiveError::Shape);
        }
        let plain = self.aggregation.weights(batch, scope, |role| self.loss.counts(role));
        let weighed = |(weights, sequence): (&Vec<f64>, &crate::Sequence)| -> Vec<f64> {
            weights.iter().zip(self.importance.weights(sequence)).map(|(weight, importance)| weight * importance).collect()
        };
        let weights: Vec<Vec<f64>> = plain.iter().zip(batch.sequences()).map(weighed).collect();
        let mut out = Coefficients { metrics: Metrics::measure(batch, advantages), ..Coefficients::zeros(batch) };
        self.loss.evaluate(&Input { batch, advantages, weights: &weights, plain: &plain, scope }, &mut out)?;
        self.add_kl(batch, &plain, &mut out)?;
        self.add_entropy(batch, &plain, &mut out)?;
        out.loss = out.policy_loss + out.value_loss + out.kl_loss + out.entropy_loss;
        Ok(out)
    }

    fn add_kl(&self, batch: &Batch, weights: &[Vec<f64>], out: &mut Coefficients) -> Result<(), ObjectiveError> {
        if !self.kl.applies(Placement::Loss) {
            return Ok(());
        }
        batch.require(Field::Reference)?;
        for (index, sequence) in batch.sequences().iter().enumerate() {
            for token in sequence.tokens_of(Role::Policy) {
                let gap = sequence.logp_new[token] - sequence.logp_ref[token];
                let weight = self.kl.coefficient * weights[index][token];
                out.kl_loss += weight * self.kl.estimator.value(gap);
                out.d_logp[index][token] += weight * self.kl.estimator.slope(gap);
            }
        }
        Ok(())
    }

    fn add_entropy(&self, batch: &Batch, weights: &[Vec<f64>], out: &mut Coefficients) -> Result<(), ObjectiveError> {
        if self.entropy_bonus == 0.0 {
            return Ok(());
        }
        batch.require(Field::Entropy)?;
        for (index, sequence) in batch.sequences().iter().enumerate() {
            for token in sequence.tokens_of(Role::Policy) {
                let weight = self.entropy_bonus * weights[index][token];
                out.entropy_loss -= weight * sequence.entropy[token];
                out.d_entropy[index][token] -= weight;
            }
        }
        Ok(())
    }
}
