//! What the improve loop needs of a trainer of policies, and what it hears from it.

use metacot_objectives as objectives;
use objectives::{Advantages, Metrics, Objective};
use serde::{Deserialize, Serialize};

use super::{actor::ActorState, lora::LoraConfig, optimizer::AdamConfig};
use crate::{
    data::Example,
    error::Result,
    kernels::{Precision, Track},
    model::Weights,
};

/// How a policy is trained, beside its objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainerConfig {
    /// Rows of packed responses that are worked on at once; no effect on the gradient but by rounding.
    pub rows: usize,
    /// Tokens of a row, at least the longest prompt and response; `None` is the model's context.
    pub row_tokens: Option<usize>,
    /// Norm of all gradients together above which they are scaled down to it; `None` never.
    pub clip_norm: Option<f32>,
    /// The constants of AdamW.
    pub adam: AdamConfig,
    /// Whether the backward pass makes the blocks' intermediate results again instead of keeping them; the same bits.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gradient_checkpointing: bool,
    /// What the products of activations and weights are computed in, those of the reference policy too. The sampler computes in single precision all the same:
    /// with bfloat16 it is another policy, which is what corrections by importance are for.
    #[serde(skip_serializing_if = "Precision::is_single")]
    pub precision: Precision,
    /// Trains low-rank factors of some projections (and the critic) instead of all weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraConfig>,
}

impl Default for TrainerConfig {
    fn default() -> Self {
        Self {
            rows: 8,
            row_tokens: None,
            clip_norm: Some(1.0),
            adam: AdamConfig::default(),
            gradient_checkpointing: false,
            precision: Precision::Single,
            lora: None,
        }
    }
}

impl TrainerConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// The offending field and what it must satisfy, as a lower-case fragment.
    pub fn validate(&self) -> std::result::Result<(), String> {
        if let Some((name, _)) = [("rows", self.rows), ("row_tokens", self.row_tokens.unwrap_or(1))].iter().find(|(_, value)| *value == 0) {
            return Err(format!("trainer.{name} = 0 is not allowed; expected at least 1"));
        }
        if let Some(norm) = self.clip_norm.filter(|norm| !(norm.is_finite() && *norm > 0.0)) {
            return Err(format!("trainer.clip_norm = {norm} is not allowed; expected a number above 0"));
        }
        self.adam.validate().map_err(|reason| format!("trainer.adam.{reason}"))?;
        self.lora.as_ref().map_or(Ok(()), |lora| lora.validate().map_err(|reason| format!("trainer.{reason}")))
    }
}

/// What the policy says of one response, token by token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// `[t]` log-probabilities, in nats.
    pub log_probs: Vec<f64>,
    /// `[t]` entropies of the distributions that the tokens were drawn from, in nats.
    pub entropies: Vec<f64>,
    /// `[t]` values from before each token; empty without a critic.
    pub values: Vec<f64>,
}

impl Scores {
    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        self.log_probs.iter().chain(&self.entropies).chain(&self.values).all(|number| number.is_finite())
    }
}

/// What an update did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// The loss.
    pub loss: f64,
    /// Norm of the gradient before clipping.
    pub gradient_norm: f64,
    /// Diagnostics of the mini-batch.
    pub metrics: Metrics,
    /// Whether there was no gradient at all, so that nothing moved.
    pub is_skipped: bool,
}

/// What the improve loop needs of a trainer: its backend erased, so that the loop is compiled once and can be tested without one.
pub trait Learner {
    /// What the policy says of responses; label `i` of an example is token `i` of its response. `tracks` are what the sampler computed of them under the weights
    /// of now, by example; where there is none, as behind the end of the list, the policy computes it.
    fn score_taped(&self, examples: &[Example], tracks: &[Option<Track>]) -> Vec<Scores>;

    /// The same, all of it computed here.
    fn score(&self, examples: &[Example]) -> Vec<Scores> {
        self.score_taped(examples, &[])
    }

    /// `[b][t]` log-probabilities under the reference policy; empty rows where there is none.
    fn score_reference(&self, examples: &[Example]) -> Vec<Vec<f64>>;

    /// One optimizer step on a mini-batch, and what the policy said of each response before it; sequence `i` of `batch` is example `i`. Where `is_first`, the
    /// old policy is the one that is updated: its log-probabilities and values come from the step's own forward pass and not from `batch`, so that nothing is
    /// scored twice and every ratio is exactly 1. `tracks` as in [`score_taped`](Self::score_taped).
    ///
    /// # Errors
    /// [`Error::Usage`](crate::Error::Usage) where the batch lacks what the objective reads; [`Error::Stopped`](crate::Error::Stopped) where log-probabilities,
    /// loss or gradient are not finite: then nothing moved.
    #[expect(clippy::too_many_arguments, reason = "what a step learns from, by how it is learned")]
    fn step(
        &mut self,
        examples: &[Example],
        tracks: &[Option<Track>],
        batch: &objectives::Batch,
        advantages: &Advantages,
        objective: &Objective,
        rate: f64,
        is_first: bool,
    ) -> Result<(Update, Vec<Scores>)>;

    /// A step from an old policy that `batch` tells.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    fn update(&mut self, examples: &[Example], batch: &objectives::Batch, advantages: &Advantages, objective: &Objective, rate: f64) -> Result<Update> {
        self.step(examples, &[], batch, advantages, objective, rate, false).map(|(update, _)| update)
    }

    /// Makes these weights the reference policy; `None` removes it.
    fn set_reference(&mut self, weights: Option<&Weights>);

    /// Optimizer steps done.
    fn updates(&self) -> usize;

    /// The policy as it is.
    fn weights(&self) -> Weights;

    /// All that a checkpoint keeps.
    fn state(&self) -> ActorState;
}
