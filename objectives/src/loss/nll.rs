//! Weighted imitation: negative log-likelihood times a weight that is not negative.
//!
//! `-max(A, 0) log pi`. With 0/1 weights it is supervised training on what was kept (STaR 2203.14465, ReST 2308.08998, ReST-EM 2312.06585,
//! RAFT 2304.06767); with rewards or their exponential it is reward-weighted regression. Responses of weight 0 still count in means:
//! loops that filter leave them out of the batch.

use serde::{Deserialize, Serialize};

use super::{Cost, Evaluate, Input, per_token};
use crate::{Coefficients, ObjectiveError};

/// Imitates responses in proportion to their credit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nll {}

impl Evaluate for Nll {
    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        per_token(input, out, |token| {
            let weight = token.advantage.max(0.0);
            Cost::smooth(-weight * token.logp, -weight)
        });
        Ok(())
    }
}
