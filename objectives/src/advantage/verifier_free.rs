//! A reward without a verifier: how likely the reference answer is after the thought.
//!
//! A response is the policy's thought followed by the tokens of a reference solution ([`Role::Reference`]). The thought is credited with the
//! log-likelihood of the reference given it, summed over its tokens, less the mean of the other thoughts of the group (Meta-CoT, 2501.04682, section
//! 7.2.1; the baseline is RLOO's). With the `verifier-free` loss this is the gradient of `E[log pi(s_ref | z)]`. `mean` divides by the length of the
//! reference, so that prompts with long answers do not dominate; the loss then has to, too. A sequence's own reward is added, so verified and unverified
//! prompts may be mixed.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards, rloo::leave_one_out};
use crate::{Batch, ObjectiveError, Role, statistics::mean};

/// Credits a thought with the likelihood of the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifierFree {
    /// Whether the log-likelihood is a mean over the tokens of the reference instead of a sum; as in the loss.
    pub mean: bool,
}

impl Estimate for VerifierFree {
    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        let mut totals = Vec::new();
        for (index, sequence) in batch.sequences().iter().enumerate() {
            let likelihoods: Vec<f64> = sequence.tokens_of(Role::Reference).map(|token| sequence.logp_old[token]).collect();
            if likelihoods.is_empty() {
                return Err(ObjectiveError::Missing { field: "reference tokens", sequence: index });
            }
            totals.push(rewards.totals[index] + if self.mean { mean(&likelihoods) } else { likelihoods.iter().sum() });
        }
        let mut advantages = vec![0.0; totals.len()];
        for group in batch.groups(&totals) {
            for (&member, advantage) in group.members.iter().zip(leave_one_out(&group.rewards)) {
                // Alone, a log-likelihood has nothing to compare with: it is negative whatever the thought.
                advantages[member] = if group.members.len() == 1 { 0.0 } else { advantage };
            }
        }
        Ok(Advantages::per_sequence(batch, &TokenRewards { totals, ..rewards.clone() }, &advantages))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::Sequence;

    fn thought(prompt: usize, reference: [f64; 2]) -> Sequence {
        let roles = vec![Role::Policy, Role::Reference, Role::Reference];
        Sequence { roles, ..Sequence::new(prompt, 0.0, vec![-1.0, reference[0], reference[1]]) }
    }

    #[test]
    fn thoughts_that_make_the_reference_likely_are_credited() {
        let batch = Batch::new(vec![thought(0, [-0.2, -0.4]), thought(0, [-1.0, -2.0]), thought(1, [-1.0, -1.0])]).unwrap();
        let found = full(&VerifierFree { mean: true }, &batch);
        close(&found.tokens[0], &[1.2, 0.0, 0.0]); // -0.3 against -1.5
        close(&found.tokens[1], &[-1.2, 0.0, 0.0]);
        close(&found.tokens[2], &[0.0; 3]);
        close(&full(&VerifierFree::default(), &batch).tokens[0], &[2.4, 0.0, 0.0]); // -0.6 against -3
    }

    #[test]
    fn a_reference_is_required() {
        let batch = rollouts(&[(0, 1.0)]);
        let rewards = TokenRewards::of(&batch, &Default::default()).unwrap();
        assert!(matches!(VerifierFree::default().estimate(&batch, &rewards), Err(ObjectiveError::Missing { .. })));
    }
}
