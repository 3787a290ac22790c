//! The clipped surrogate that PPO, GRPO, DAPO and GSPO share.
//!
//! `-min(rho A, clip(rho, 1 - low, 1 + high) A)` (PPO, 1707.06347, equation 7), with `high` above `low` for DAPO's clip-higher (2503.14476,
//! equation 8). The dual clip bounds the cost of bad responses at `-c A` for `A < 0` (1912.09729). As in verl, a token counts
//! as clipped where the clipped branch costs more, not wherever its ratio is outside.

use serde::{Deserialize, Deserializer, Serialize};

use super::{Clipped, Cost};
use crate::{ObjectiveError, settings};

/// The bounds of a ratio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clip {
    /// How far below 1 a ratio may fall, in [0, 1].
    pub low: f64,
    /// How far above 1 a ratio may rise, at least 0; DAPO uses 0.28.
    pub high: f64,
    /// The bound `c` of the dual clip, above 1; verl uses 3. Off where absent.
    pub dual: Option<f64>,
}

impl Default for Clip {
    fn default() -> Self {
        Self { low: 0.2, high: 0.2, dual: None }
    }
}

/// Bounds as settings write them: any of them may be left out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    low: Option<f64>,
    high: Option<f64>,
    dual: Option<f64>,
}

impl Clip {
    /// Reads bounds for a loss whose own they replace: a bound that is left out stays the loss's.
    pub(crate) fn read_over<'de, D: Deserializer<'de>>(own: Self, deserializer: D) -> Result<Self, D::Error> {
        let Bounds { low, high, dual } = Bounds::deserialize(deserializer)?;
        Ok(Self { low: low.unwrap_or(own.low), high: high.unwrap_or(own.high), dual: dual.or(own.dual) })
    }

    /// Checks bounds of ratios.
    pub(crate) fn check(&self) -> Result<(), ObjectiveError> {
        settings::share("clip.low", self.low)?;
        settings::not_negative("clip.high", self.high)?;
        self.dual.map_or(Ok(()), |dual| settings::require(dual.is_finite() && dual > 1.0, "clip.dual", dual, "a finite number above 1"))
    }

    /// Checks bounds of log-ratios.
    pub(crate) fn check_log(&self) -> Result<(), ObjectiveError> {
        settings::not_negative("clip.low", self.low)?;
        Self { low: 0.0, ..*self }.check()
    }

    /// The cost of a ratio, with the derivative of the ratio by what it is differentiated by.
    pub(crate) fn cost(&self, (ratio, slope): (f64, f64), advantage: f64) -> Cost {
        let held = ratio.clamp(1.0 - self.low, 1.0 + self.high);
        let (free, bound) = (-advantage * ratio, -advantage * held);
        let mut cost = match bound > free {
            true => Cost { value: bound, slope: 0.0, clipped: if ratio < held { Clipped::Low } else { Clipped::High } },
            false => Cost::smooth(free, -advantage * slope),
        };
        if let Some(dual) = self.dual
            && advantage < 0.0
            && cost.value > -advantage * dual
        {
            cost = Cost { value: -advantage * dual, slope: 0.0, clipped: Clipped::Dual };
        }
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(ratio: f64, advantage: f64) -> Cost {
        Clip { low: 0.2, high: 0.28, dual: Some(3.0) }.cost((ratio, ratio), advantage)
    }

    #[test]
    fn the_pessimistic_branch_is_taken() {
        assert_eq!(cost(1.0, 2.0), Cost::smooth(-2.0, -2.0));
        assert_eq!(cost(1.5, 1.0), Cost { value: -1.28, slope: 0.0, clipped: Clipped::High });
        assert_eq!(cost(0.5, -1.0), Cost { value: 0.8, slope: 0.0, clipped: Clipped::Low });
        // Outside the range, but on the side that still corrects.
        assert_eq!(cost(0.5, 1.0), Cost::smooth(-0.5, -0.5));
        assert_eq!(cost(1.5, -1.0), Cost::smooth(1.5, 1.5));
    }

    #[test]
    fn the_dual_clip_bounds_bad_responses_alone() {
        assert_eq!(cost(5.0, -1.0), Cost { value: 3.0, slope: 0.0, clipped: Clipped::Dual });
        assert_eq!(cost(5.0, 1.0).clipped, Clipped::High);
    }
}
