//! Proximal policy optimisation: the clipped surrogate of each token and a critic.
//!
//! 1707.06347, equation 9. Bounds, dual clip and value clip are settings; the entropy bonus and the KL penalty (in the loss, or in the
//! reward with its adaptive controller) belong to the objective.

use serde::{Deserialize, Serialize};

use super::{Clip, Evaluate, Input, ValueLoss, per_token, ratio};
use crate::{Coefficients, ObjectiveError};

/// Clipped ratios with a critic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ppo {
    /// The bounds of the ratio.
    pub clip: Clip,
    /// The critic's loss.
    pub value: ValueLoss,
}

impl Evaluate for Ppo {
    fn check(&self) -> Result<(), ObjectiveError> {
        self.clip.check()?;
        self.value.check()
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        per_token(input, out, |token| self.clip.cost(ratio(token.log_ratio), token.advantage));
        self.value.evaluate(input, out)
    }
}
