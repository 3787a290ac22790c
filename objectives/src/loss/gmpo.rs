//! Geometric-mean policy optimisation: token ratios are clipped in log space and averaged there.
//!
//! `-A exp(mean over tokens of s min(s x, s clip(x, -eps, eps)))` with `x = log pi - log pi_old` and `s = sign A` (2507.20673,
//! as the authors and verl compute it; bounds of 0.4). Outliers of single tokens move the mean less than they move an arithmetic one.
//! Where advantages differ within a response, their mean is taken, with its sign, as in verl for equal ones.

use serde::{Deserialize, Deserializer, Serialize};

use super::{Clip, Clipped, Cost, Evaluate, Input, per_sequence};
use crate::{Coefficients, ObjectiveError};

/// Clipped geometric means of ratios.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gmpo {
    /// The bounds of log-ratios, in nats; `dual` has no meaning here.
    #[serde(deserialize_with = "bounds")]
    pub clip: Clip,
}

impl Default for Gmpo {
    fn default() -> Self {
        Self { clip: Clip { low: 0.4, high: 0.4, dual: None } }
    }
}

fn bounds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Clip, D::Error> {
    Clip::read_over(Gmpo::default().clip, deserializer)
}

impl Evaluate for Gmpo {
    fn check(&self) -> Result<(), ObjectiveError> {
        self.clip.check_log()
    }

    fn evaluate(&self, input: &Input<'_>, out: &mut Coefficients) -> Result<(), ObjectiveError> {
        let mut tokens = [0_usize; 3]; // all, low, high
        per_sequence(input, out, |log_ratios, advantage| {
            let length = log_ratios.len() as f64;
            let mut total = 0.0;
            let mut free = vec![0.0; log_ratios.len()];
            for (index, &x) in log_ratios.iter().enumerate() {
                let held = x.clamp(-self.clip.low, self.clip.high);
                let is_held = if advantage > 0.0 { x > held } else { advantage < 0.0 && x < held };
                total += if is_held { held } else { x };
                free[index] = f64::from(u8::from(!is_held));
                tokens[0] += 1;
                tokens[1] += usize::from(is_held && x < held);
                tokens[2] += usize::from(is_held && x > held);
            }
            let mean = (total / length).exp();
            let cost = Cost { value: -advantage * mean, slope: -advantage * mean, clipped: Clipped::No };
            (cost, free.into_iter().map(|free| free * cost.slope / length).collect())
        });
        let share = |count: usize| count as f64 / tokens[0].max(1) as f64;
        out.metrics.clip_low_fraction = share(tokens[1]);
        out.metrics.clip_high_fraction = share(tokens[2]);
        out.metrics.clip_fraction = share(tokens[1] + tokens[2]);
        Ok(())
    }
}
