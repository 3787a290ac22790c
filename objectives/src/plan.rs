//! The arithmetic of a step in words: prompts, samples, mini-batches, epochs and the optimizer steps that follow from them.

use serde::{Deserialize, Serialize};

use crate::ObjectiveError;

/// The sizes of one step, in prompts and in samples per prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepPlan {
    /// Prompts per step.
    pub prompts: usize,
    /// Responses per prompt.
    pub samples: usize,
    /// Responses per optimizer step; must divide `prompts * samples`.
    pub minibatch: usize,
    /// Times that each response is trained on.
    pub epochs: usize,
}

impl StepPlan {
    /// Checks that no response is left over.
    ///
    /// # Errors
    /// A size is 0, or the responses do not divide into whole mini-batches.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        let sizes = [("prompts", self.prompts), ("samples", self.samples), ("minibatch", self.minibatch), ("epochs", self.epochs)];
        if let Some((setting, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(ObjectiveError::Setting { setting, value: 0.0, expected: "at least 1" });
        }
        if self.prompts.checked_mul(self.samples).and_then(|responses| responses.checked_mul(self.epochs)).is_none_or(|trained| trained > u32::MAX as usize) {
            return Err(ObjectiveError::Setting {
                setting: "prompts",
                value: self.prompts as f64,
                expected: "fewer: prompts times samples times epochs must stay below 2^32",
            });
        }
        match self.responses().is_multiple_of(self.minibatch) {
            true => Ok(()),
            false => Err(ObjectiveError::Setting { setting: "minibatch", value: self.minibatch as f64, expected: "a divisor of prompts times samples" }),
        }
    }

    /// Responses sampled per step.
    pub fn responses(&self) -> usize {
        self.prompts * self.samples
    }

    /// Optimizer steps per sampling step.
    pub fn updates(&self) -> usize {
        self.responses() / self.minibatch * self.epochs
    }

    /// Whether all gradients are taken at the weights that sampled the responses, so that ratios stay 1 and clipping never acts.
    pub fn is_on_policy(&self) -> bool {
        self.updates() == 1
    }
}

impl std::fmt::Display for StepPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { prompts, samples, minibatch, epochs } = self;
        let (responses, updates) = (self.responses(), self.updates());
        write!(f, "each step samples {prompts} prompts x {samples} responses = {responses} responses, ")?;
        write!(f, "cut into {} mini-batches of {minibatch}, trained for {epochs} epochs = {updates} optimizer steps; ", responses / minibatch)?;
        match self.is_on_policy() {
            true => write!(f, "on-policy: ratios are 1 and a printed loss near 0 is normal"),
            false => write!(f, "the last of them is {} steps off-policy", updates - 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arithmetic_is_said_in_words() {
        let plan = StepPlan { prompts: 16, samples: 8, minibatch: 32, epochs: 2 };
        assert_eq!(plan.check(), Ok(()));
        assert_eq!(
            plan.to_string(),
            "each step samples 16 prompts x 8 responses = 128 responses, cut into 4 mini-batches of 32, trained for 2 epochs = 8 optimizer steps; \
             the last of them is 7 steps off-policy"
        );
        assert!(StepPlan { minibatch: 128, epochs: 1, ..plan }.is_on_policy());
    }

    #[test]
    fn leftovers_are_refused() {
        let plan = StepPlan { prompts: 3, samples: 3, minibatch: 4, epochs: 1 };
        assert!(plan.check().is_err() && StepPlan { minibatch: 0, ..plan }.check().is_err());
        assert!(StepPlan { prompts: usize::MAX / 2, samples: 4, minibatch: 4, epochs: 1 }.check().is_err());
    }
}
