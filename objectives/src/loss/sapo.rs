//! Soft adaptive policy optimisation: a smooth gate in place of the clip.
//!
//! `-f(rho) A` with `f(rho) = 4 / tau * sigmoid(tau (rho - 1))`, so that `f'(1) = 1`, and a steeper gate for tokens to be lowered
//! (2511.20347; `tau` 1.0 and 1.05).

use serde::{Deserialize, Serialize};

use super::{Cost, Evaluate, Input, per_token, ratio};
use crate::{Coefficients, ObjectiveError, settings};

/// Smoothly gated ratios.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sapo {
    /// The temperature for positive advantages.
    pub tau_positive: f64,
    /// The temperature for the others.
    pub tau_negative: f64,
}

impl Default for Sapo {
    fn default() -> Self {
        Self { tau_positive: 1.0, tau_negative: 1.05 }
    }
}

impl Evaluate for Sapo {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::positive("tau_positive", self.tau_positive)?;
        settings::positive("tau_negative", self.tau_negative)
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        per_token(input, out, |token| {
            let tau = if token.advantage > 0.0 { self.tau_positive } else { self.tau_negative };
            let (ratio, slope) = ratio(token.log_ratio);
            let gate = 1.0 / (1.0 + (-tau * (ratio - 1.0)).exp());
            Cost::smooth(-token.advantage * 4.0 / tau * gate, -token.advantage * 4.0 * gate * (1.0 - gate) * slope)
        });
        Ok(())
    }
}
