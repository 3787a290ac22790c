//! The policy gradient as it is.
//!
//! `-A log pi`, whose gradient is `-A grad log pi` (Williams 1992). No ratio, no clip: it is exact only for responses that the current
//! weights sampled. RLOO, OPO, ReMax and GPG (2504.02546) are this loss with their own advantages.

use serde::{Deserialize, Serialize};

use super::{Cost, Evaluate, Input, per_token};
use crate::{Coefficients, ObjectiveError};

/// Raises and lowers log-probabilities in proportion to their credit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reinforce {}

impl Evaluate for Reinforce {
    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        per_token(input, out, |token| Cost::smooth(-token.advantage * token.logp, -token.advantage));
        Ok(())
    }
}
