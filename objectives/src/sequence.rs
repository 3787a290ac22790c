//! A response with all that a trainer knows of it, token by token.

use std::ops::Range;

use crate::{ObjectiveError, segments};

/// What a token of a response is to a loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Padding, a forced token, a tool's answer: never read, never trained.
    Masked,
    /// Written by the policy.
    #[default]
    Policy,
    /// Written by the policy on a branch that is taken to be bad; only `unlikelihood` reads it.
    BadBranch,
    /// Taken from a reference solution; only `verifier-free` reads it.
    Reference,
}

/// Numbers of a sequence that only some objectives read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Log-probabilities under the frozen reference policy.
    Reference,
    /// Values predicted by the policy that is being trained.
    Values,
    /// Values predicted when the rollouts were scored.
    OldValues,
    /// Entropies of the policy's distribution.
    Entropy,
    /// Monte-Carlo or exact values of the states before each step.
    StepValues,
    /// The reward of each episode.
    EpisodeRewards,
}

impl Field {
    /// The name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference log-probabilities",
            Self::Values => "values",
            Self::OldValues => "old values",
            Self::Entropy => "entropies",
            Self::StepValues => "step values",
            Self::EpisodeRewards => "episode rewards",
        }
    }
}

/// One response of `t` tokens.
///
/// # Shapes
/// Vectors per token have length `t`, or are empty where the field is unknown. Log-probabilities and entropies are in nats.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Sequence {
    /// The prompt: responses with the same number form a group.
    pub prompt: usize,
    /// The reward of the whole response, given at its last trained token.
    pub reward: f64,
    /// `[t]` log-probabilities under the weights that are being trained.
    pub logp_new: Vec<f64>,
    /// `[t]` log-probabilities under the weights at the start of the step (the proximal policy of clipped ratios).
    pub logp_old: Vec<f64>,
    /// `[t]` log-probabilities as the sampler reported them; empty where it is the trainer's own model, equal to `logp_old`.
    pub logp_sampled: Vec<f64>,
    /// `[t]` log-probabilities under the reference policy.
    pub logp_ref: Vec<f64>,
    /// `[t]` values predicted now: the expected return from before each token.
    pub values: Vec<f64>,
    /// `[t]` values predicted at the start of the step.
    pub values_old: Vec<f64>,
    /// `[t]` entropies of the distributions that the tokens were drawn from.
    pub entropy: Vec<f64>,
    /// `[t]` what each token is.
    pub roles: Vec<Role>,
    /// `[s]` the first token of each step (a line of a trace), from 0; empty for a single step.
    pub steps: Vec<usize>,
    /// `[s]` rewards given at the end of each step, on top of `reward`; empty for none.
    pub step_rewards: Vec<f64>,
    /// `[s]` values of the states before each step, from rollouts or an exact solver.
    pub step_values: Vec<f64>,
    /// `[e]` the first token of each episode (a whole attempt), from 0; empty for a single episode.
    pub episodes: Vec<usize>,
    /// `[e]` the reward of each episode.
    pub episode_rewards: Vec<f64>,
    /// Whether the verifier holds the response for right, whatever it earns; filters and diagnostics read it.
    pub is_solved: bool,
    /// A baseline from outside the group, such as the reward of the greedy response.
    pub baseline: Option<f64>,
    /// Whether the response was cut at the length limit.
    pub is_truncated: bool,
    /// Optimizer steps between the weights that sampled it and those at the start of this step.
    pub staleness: u32,
}

impl Sequence {
    /// A response to `prompt` that was sampled with `logp_old`; all its tokens are the policy's, the weights have not moved yet, and until
    /// [`Sequence::is_solved`] is set a positive reward stands for a right answer.
    pub fn new(prompt: usize, reward: f64, logp_old: Vec<f64>) -> Self {
        let roles = vec![Role::Policy; logp_old.len()];
        Self { prompt, reward, is_solved: reward > 0.0, logp_new: logp_old.clone(), roles, logp_old, ..Self::default() }
    }

    /// The number of tokens, masked ones included.
    pub fn len(&self) -> usize {
        self.logp_new.len()
    }

    /// Whether there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.logp_new.is_empty()
    }

    /// The tokens with role [`Role::Policy`].
    pub fn policy_tokens(&self) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.tokens_of(Role::Policy)
    }

    /// The tokens with a role.
    pub fn tokens_of(&self, role: Role) -> impl DoubleEndedIterator<Item = usize> + '_ {
        self.roles.iter().enumerate().filter(move |(_, found)| **found == role).map(|(token, _)| token)
    }

    /// The tokens of each step.
    pub fn step_ranges(&self) -> Vec<Range<usize>> {
        segments::segments(&self.steps, self.len())
    }

    /// The tokens of each episode.
    pub fn episode_ranges(&self) -> Vec<Range<usize>> {
        segments::segments(&self.episodes, self.len())
    }

    /// What the sampler reported for a token.
    pub fn sampled(&self, token: usize) -> f64 {
        self.logp_sampled.get(token).copied().unwrap_or(self.logp_old[token])
    }

    /// Masks every token of a response that was cut, so that a length limit teaches nothing (DAPO, 2503.14476, "overlong filtering").
    pub fn mask_if_truncated(&mut self) {
        if self.is_truncated {
            self.roles.fill(Role::Masked);
        }
    }

    pub(crate) fn check(&self, sequence: usize) -> Result<(), ObjectiveError> {
        let exact = |field, found: usize, expected: usize| match found == expected {
            true => Ok(()),
            false => Err(ObjectiveError::Length { field, sequence, expected, found }),
        };
        let optional = |field, found: usize, expected: usize| if found == 0 { Ok(()) } else { exact(field, found, expected) };
        exact("old log-probabilities", self.logp_old.len(), self.len())?;
        exact("roles", self.roles.len(), self.len())?;
        for (starts, field) in [(&self.steps, "steps"), (&self.episodes, "episodes")] {
            if !segments::are_boundaries(starts, self.len()) {
                return Err(ObjectiveError::Boundaries { field, sequence });
            }
        }
        optional("step rewards", self.step_rewards.len(), self.step_ranges().len())?;
        optional(Field::StepValues.name(), self.step_values.len(), self.step_ranges().len())?;
        optional(Field::EpisodeRewards.name(), self.episode_rewards.len(), self.episode_ranges().len())?;
        let per_token = [
            (&self.logp_new, "new log-probabilities"),
            (&self.logp_old, "old log-probabilities"),
            (&self.logp_sampled, "sampled log-probabilities"),
            (&self.logp_ref, Field::Reference.name()),
            (&self.values, Field::Values.name()),
            (&self.values_old, Field::OldValues.name()),
            (&self.entropy, Field::Entropy.name()),
        ];
        for (numbers, field) in per_token {
            optional(field, numbers.len(), self.len())?;
            let broken = numbers.iter().zip(&self.roles).position(|(number, role)| *role != Role::Masked && !number.is_finite());
            if let Some(token) = broken {
                return Err(ObjectiveError::NotFinite { field, sequence, token });
            }
        }
        let whole = self.step_rewards.iter().chain(&self.step_values).chain(&self.episode_rewards).chain([&self.reward]).chain(&self.baseline);
        if whole.into_iter().any(|number| !number.is_finite()) {
            return Err(ObjectiveError::NotFinite { field: "reward or value", sequence, token: 0 });
        }
        Ok(())
    }

    pub(crate) fn has(&self, field: Field) -> bool {
        let (found, expected) = match field {
            Field::Reference => (self.logp_ref.len(), self.len()),
            Field::Values => (self.values.len(), self.len()),
            Field::OldValues => (self.values_old.len(), self.len()),
            Field::Entropy => (self.entropy.len(), self.len()),
            Field::StepValues => (self.step_values.len(), self.step_ranges().len()),
            Field::EpisodeRewards => (self.episode_rewards.len(), self.episode_ranges().len()),
        };
        found == expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_masked_tokens_hold_is_never_checked() {
        let mut sequence = Sequence::new(0, 1.0, vec![-1.0, f64::NAN]);
        assert!(matches!(sequence.check(3), Err(ObjectiveError::NotFinite { sequence: 3, token: 1, .. })));
        sequence.roles[1] = Role::Masked;
        assert_eq!(sequence.check(3), Ok(()));
    }

    #[test]
    fn wrong_lengths_and_boundaries_are_refused() {
        let good = Sequence::new(0, 1.0, vec![-1.0, -2.0]);
        assert!(matches!(Sequence { values: vec![0.0], ..good.clone() }.check(0), Err(ObjectiveError::Length { expected: 2, found: 1, .. })));
        assert!(matches!(Sequence { steps: vec![1], ..good.clone() }.check(0), Err(ObjectiveError::Boundaries { .. })));
        assert!(matches!(Sequence { reward: f64::NAN, ..good }.check(0), Err(ObjectiveError::NotFinite { .. })));
    }

    #[test]
    fn truncated_responses_are_masked_whole() {
        let mut sequence = Sequence { is_truncated: true, ..Sequence::new(0, 1.0, vec![-1.0, -2.0]) };
        sequence.mask_if_truncated();
        assert_eq!(sequence.policy_tokens().count(), 0);
    }
}
