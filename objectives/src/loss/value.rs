//! The critic's loss.
//!
//! `c/2 max((V - R)^2, (clip(V, V_old - eps, V_old + eps) - R)^2)` (OpenAI baselines' form of 1707.06347, with the bound 0.5 of verl and
//! OpenRLHF). Where the clipped prediction costs more, the token has no gradient.

use serde::{Deserialize, Serialize};

use super::Input;
use crate::{Coefficients, Field, ObjectiveError, settings};

/// How value predictions are trained.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValueLoss {
    /// Its weight `c` against the policy's loss.
    pub coefficient: f64,
    /// How far a prediction may move in one step before it stops counting; no bound where absent.
    pub clip: Option<f64>,
}

impl Default for ValueLoss {
    fn default() -> Self {
        Self { coefficient: 1.0, clip: Some(0.5) }
    }
}

impl ValueLoss {
    pub(crate) fn check(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("value.coefficient", self.coefficient)?;
        self.clip.map_or(Ok(()), |clip| settings::positive("value.clip", clip))
    }

    /// Adds the loss of the value predictions at the tokens of the policy.
    pub(crate) fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        if self.coefficient == 0.0 {
            return Ok(());
        }
        input.batch.require(Field::Values)?;
        if self.clip.is_some() {
            input.batch.require(Field::OldValues)?;
        }
        if input.advantages.returns.is_empty() && !input.batch.sequences().is_empty() {
            return Err(ObjectiveError::Missing { field: "returns (the advantage estimates none)", sequence: 0 });
        }
        let (mut held, mut total) = (0_u32, 0_u32);
        for (index, sequence) in input.batch.sequences().iter().enumerate() {
            for token in sequence.policy_tokens() {
                let (value, target) = (sequence.values[token], input.advantages.returns[index][token]);
                let weight = self.coefficient * input.plain[index][token];
                let free = (value - target).powi(2);
                let bound = self.clip.map_or(free, |clip| {
                    let old = sequence.values_old[token];
                    (value.clamp(old - clip, old + clip) - target).powi(2)
                });
                total += 1;
                held += u32::from(bound > free);
                out.value_loss += 0.5 * weight * free.max(bound);
                out.d_value[index][token] += if bound > free { 0.0 } else { weight * (value - target) };
            }
        }
        out.metrics.value_clip_fraction = if total == 0 { 0.0 } else { f64::from(held) / f64::from(total) };
        Ok(())
    }
}
