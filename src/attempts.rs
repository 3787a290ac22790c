//! Several attempts at one problem in one context: the prompt, an attempt, what the environment says of it, the next attempt, and so on.
//!
//! What is said is the difference between the methods: nothing (RL^2 1611.02779, E-RL^2 1803.01118, SCoRe 2409.12917), the verdict (RISE 2407.18219), or
//! what is wrong in public, while the reward is another (RLEF 2410.02089). The words of the environment are never trained.
//!
//! Rollouts of policy gradients, of RISE and of evaluations are all made here, which knows nothing of training.

mod chain;
mod feedback;

use serde::{Deserialize, Serialize};

pub use chain::{Attempt, Chain, ChainGroup, Exchange};
pub use feedback::{ATTEMPT_MARKS, Feedback};

/// How responses are made of attempts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttemptsConfig {
    /// Attempts of each response, at least 2; fewer where the context ends.
    pub count: usize,
    /// What is said after each.
    #[serde(default)]
    pub feedback: Feedback,
    /// Whether a right attempt is the last.
    #[serde(default)]
    pub ends_when_right: bool,
    /// What an attempt costs that does not read as the format, whichever of them it is (RLEF has 0.2).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub malformed: f64,
}

fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

impl AttemptsConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// The offending field and what it must satisfy, as a lower-case fragment.
    pub fn validate(&self) -> Result<(), String> {
        if self.count < 2 {
            return Err(format!("attempts.count = {} is not allowed; expected at least 2", self.count));
        }
        match self.malformed.is_finite() && self.malformed >= 0.0 {
            true => Ok(()),
            false => Err(format!("attempts.malformed = {} is not allowed; expected a number of at least 0", self.malformed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_named_and_defaults_are_not_written() {
        let config: AttemptsConfig = toml::from_str("count = 2").unwrap();
        assert_eq!(toml::to_string(&config).unwrap(), "count = 2\nfeedback = \"none\"\nends_when_right = false\n");
        assert_eq!(AttemptsConfig { count: 1, ..config }.validate().unwrap_err(), "attempts.count = 1 is not allowed; expected at least 2");
        assert!(AttemptsConfig { malformed: f64::NAN, ..config }.validate().is_err());
    }
}
