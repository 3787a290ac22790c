//! The clipped surrogate without a critic: GRPO and its relatives.
//!
//! DeepSeekMath (2402.03300, equation 3). Dr.GRPO and DAPO differ from it in their advantage, bounds and aggregation alone.

use serde::{Deserialize, Serialize};

use super::{Clip, Evaluate, Input, per_token, ratio};
use crate::{Coefficients, ObjectiveError};

/// Clipped ratios of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Grpo {
    /// The bounds of the ratio.
    pub clip: Clip,
}

impl Evaluate for Grpo {
    fn check(&self) -> Result<(), ObjectiveError> {
        self.clip.check()
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        per_token(input, out, |token| self.clip.cost(ratio(token.log_ratio), token.advantage));
        Ok(())
    }
}
