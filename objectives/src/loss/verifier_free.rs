//! Learning without a verifier: thoughts by policy gradient, the reference answer by likelihood.
//!
//! `-A log pi(z)` on the tokens of the thought and `-c log pi(s_ref | z)` on those of the reference (Meta-CoT, 2501.04682, section 7.2.1). With `c = 1`,
//! `A` from the `verifier-free` advantage and an aggregation that weighs all tokens alike (`token-mean`, the default) this is the gradient of
//! `E[log pi(s_ref | z)]`, up to one factor for the batch. With `mean` in both it is that of `E[log pi(s_ref | z) / |s_ref|]`; an objective with `mean` in
//! one of the two is refused. Thoughts without companions have no baseline and get no credit; their references are still imitated.

use serde::{Deserialize, Serialize};

use super::{Cost, Evaluate, Input, per_token};
use crate::{Coefficients, ObjectiveError, Role, settings};

/// Policy gradient on thoughts with imitation of references.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifierFree {
    /// The weight `c` of the reference's likelihood.
    pub reference_coefficient: f64,
    /// Whether the log-likelihood is a mean over the tokens of the reference instead of a sum; as in the advantage.
    pub mean: bool,
}

impl Default for VerifierFree {
    fn default() -> Self {
        Self { reference_coefficient: 1.0, mean: false }
    }
}

impl Evaluate for VerifierFree {
    fn check(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("reference_coefficient", self.reference_coefficient)
    }

    fn counts(&self, role: Role) -> bool {
        matches!(role, Role::Policy | Role::Reference)
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        per_token(input, out, |token| Cost::smooth(-token.advantage * token.logp, -token.advantage));
        for (index, sequence) in input.batch.sequences().iter().enumerate() {
            let length = if self.mean { sequence.tokens_of(Role::Reference).count() as f64 } else { 1.0 };
            for token in sequence.tokens_of(Role::Reference) {
                let weight = self.reference_coefficient * input.weights[index][token] / length;
                out.policy_loss -= weight * sequence.logp_new[token];
                out.d_logp[index][token] -= weight;
            }
        }
        Ok(())
    }
}
