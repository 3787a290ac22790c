//! Unlikelihood on bad branches: good tokens are imitated, tokens of branches that are taken to be bad are made unlikely.
//!
//! `-max(A, 0) log pi` on [`Role::Policy`], `-alpha log(1 - pi)` on [`Role::BadBranch`] (1908.04319; on the failed branches of a
//! search as in UFT, 2504.11364). Who marks a branch vouches for it: the loop marks where a response that earned less parts from a better one, which need
//! not be the mistake. The slope `alpha pi / (1 - pi)` grows without bound for tokens that are certain; `1 - pi` is held at 1e-5
//! from below in both, where fairseq's clamp would leave such tokens without any gradient.

use serde::{Deserialize, Serialize};

use super::{Cost, Evaluate, Input, per_token};
use crate::{Coefficients, ObjectiveError, Role, settings};

/// The smallest `1 - pi` that is told apart.
const FLOOR: f64 = 1e-5;

/// Imitates what is good and avoids what is bad.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Unlikelihood {
    /// The weight of bad tokens against good ones.
    pub alpha: f64,
}

impl Default for Unlikelihood {
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl Evaluate for Unlikelihood {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("alpha", self.alpha)
    }

    fn counts(&self, role: Role) -> bool {
        matches!(role, Role::Policy | Role::BadBranch)
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        per_token(input, out, |token| {
            let weight = token.advantage.max(0.0);
            Cost::smooth(-weight * token.logp, -weight)
        });
        for (index, sequence) in input.batch.sequences().iter().enumerate() {
            for token in sequence.tokens_of(Role::BadBranch) {
                let weight = self.alpha * input.weights[index][token];
                let logp = sequence.logp_new[token].min(0.0);
                let rest = (-logp.exp_m1()).max(FLOOR);
                out.policy_loss -= weight * rest.ln();
                out.d_logp[index][token] += weight * logp.exp() / rest;
            }
        }
        Ok(())
    }
}
