//! The first stage of SCoRe: the second attempt is improved while the first is held near the base model.
//!
//! 2409.12917, equation 3: `E[r(y_2)] - beta D_KL(pi(. | x_1) || pi_ref(. | x_1))`, the penalty being on the first attempt alone and strong (`beta` 0.1 in
//! its experiments on MATH, 0.25 on code), so that the second learns to correct instead of the first to be right. With the advantage `episodes`
//! (`credit` `last`) all attempts are credited with the reward of the last; beside it an objective may have its own, weaker penalty on every attempt.
//! The paper takes plain policy gradients, here they are clipped; the penalty is estimated token by token.

use serde::{Deserialize, Serialize};

use super::{Clip, Evaluate, Input, per_token, ratio};
use crate::{Coefficients, Estimator, Field, ObjectiveError, Role, settings};

/// Clipped ratios of tokens, and the distance of the first attempt to the reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeepFirst {
    /// The weight of the distance of the first attempt.
    pub beta: f64,
    /// How the distance is estimated.
    pub estimator: Estimator,
    /// The bounds of the ratio.
    pub clip: Clip,
}

impl Default for KeepFirst {
    fn default() -> Self {
        Self { beta: 0.1, estimator: Estimator::K3, clip: Clip::default() }
    }
}

impl Evaluate for KeepFirst {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("beta", self.beta)?;
        self.clip.check()
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        per_token(input, out, |token| self.clip.cost(ratio(token.log_ratio), token.advantage));
        input.batch.require(Field::Reference)?;
        for (index, sequence) in input.batch.sequences().iter().enumerate() {
            let first = sequence.episode_ranges().into_iter().next().unwrap_or(0..0);
            for token in first.filter(|token| sequence.roles[*token] == Role::Policy) {
                let gap = sequence.logp_new[token] - sequence.logp_ref[token];
                let weight = self.beta * input.plain[index][token];
                out.kl_loss += weight * self.estimator.value(gap);
                out.d_logp[index][token] += weight * self.estimator.slope(gap);
            }
        }
        Ok(())
    }
}
