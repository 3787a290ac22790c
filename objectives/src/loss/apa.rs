//! Advantage-induced policy alignment: the log-ratio to the reference is fitted to the advantage.
//!
//! `(log pi - log pi_ref - c A)^2` (2306.02231, with `c = 1 / lambda`). Its minimum at fixed advantages is
//! `pi = pi_ref exp(c A)`, so the distance to the reference is bounded by construction. `c` 0.5, the value weight 10 without a value clip and
//! a frozen reference that the loop resets follow Stream of Search (2404.03683); the APA paper takes the sampling policy as reference.

use serde::{Deserialize, Serialize};

use super::{Cost, Evaluate, Input, ValueLoss, per_token};
use crate::{Coefficients, Field, ObjectiveError, settings};

/// Squared difference of log-ratio and advantage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Apa {
    /// The log-ratio, in nats, that an advantage of 1 is worth.
    pub advantage_coefficient: f64,
    /// The critic's loss.
    pub value: ValueLoss,
}

impl Default for Apa {
    fn default() -> Self {
        Self { advantage_coefficient: 0.5, value: ValueLoss { coefficient: 10.0, clip: None } }
    }
}

impl Evaluate for Apa {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("advantage_coefficient", self.advantage_coefficient)?;
        self.value.check()
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        input.batch.require(Field::Reference)?;
        per_token(input, out, |token| {
            let reference = input.batch.sequences()[token.sequence].logp_ref[token.index];
            let gap = token.logp - reference - self.advantage_coefficient * token.advantage;
            Cost::smooth(gap * gap, 2.0 * gap)
        });
        self.value.evaluate(input, out)
    }
}
