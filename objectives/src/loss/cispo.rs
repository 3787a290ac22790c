//! Clipped importance weights instead of clipped updates: no token loses its gradient.
//!
//! `-sg(clip(rho, 1 - low, 1 + high)) A log pi` (MiniMax-M1, 2506.13585, equations 4 and 5; `sg` stops the gradient). The paper does not
//! bound from below, which `low = 1` says; verl bounds both sides. TRL reads its `epsilon_high` as the ceiling itself, `min(rho, epsilon_high)`,
//! and recommends 5.0 for it (after ScaleRL, 2510.13786): that ceiling is `high = 4` here, the default.

use serde::{Deserialize, Deserializer, Serialize};

use super::{Clip, Clipped, Cost, Evaluate, Input, per_token, ratio};
use crate::{Coefficients, ObjectiveError};

/// Policy gradient with bounded importance weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cispo {
    /// The bounds of the weight; `dual` has no meaning here.
    #[serde(deserialize_with = "bounds")]
    pub clip: Clip,
}

impl Default for Cispo {
    fn default() -> Self {
        Self { clip: Clip { low: 1.0, high: 4.0, dual: None } }
    }
}

fn bounds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Clip, D::Error> {
    Clip::read_over(Cispo::default().clip, deserializer)
}

impl Evaluate for Cispo {
    fn check(&self) -> Result<(), ObjectiveError> {
        self.clip.check()
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        per_token(input, out, |token| {
            let (ratio, _) = ratio(token.log_ratio);
            let weight = ratio.clamp(1.0 - self.clip.low, 1.0 + self.clip.high);
            let clipped = match ratio {
                ratio if ratio < weight => Clipped::Low,
                ratio if ratio > weight => Clipped::High,
                _ => Clipped::No,
            };
            Cost { value: -weight * token.advantage * token.logp, slope: -weight * token.advantage, clipped }
        });
        Ok(())
    }
}
