//! Group sequence policy optimisation: one ratio per response.
//!
//! `s = exp(mean over tokens of log pi - log pi_old)`, clipped as a whole (2507.18071, equations 5 and 7), with the bounds of the paper's
//! experiments. verl and TRL write it in a straight-through form per token; for one advantage per response, which the paper has, the
//! gradient is the same. Where advantages differ within a response, their mean is taken.

use serde::{Deserialize, Deserializer, Serialize};

use super::{Clip, Cost, Evaluate, Input, per_sequence, ratio};
use crate::{Coefficients, ObjectiveError};

/// Clipped ratios of responses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gspo {
    /// The bounds of the ratio.
    #[serde(deserialize_with = "bounds")]
    pub clip: Clip,
}

impl Default for Gspo {
    fn default() -> Self {
        Self { clip: Clip { low: 3e-4, high: 4e-4, dual: None } }
    }
}

fn bounds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Clip, D::Error> {
    Clip::read_over(Gspo::default().clip, deserializer)
}

impl Evaluate for Gspo {
    fn check(&self) -> Result<(), ObjectiveError> {
        self.clip.check()
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        per_sequence(input, out, |log_ratios, advantage| {
            let length = log_ratios.len() as f64;
            let cost: Cost = self.clip.cost(ratio(log_ratios.iter().sum::<f64>() / length), advantage);
            (cost, vec![cost.slope / length; log_ratios.len()])
        });
        Ok(())
    }
}
