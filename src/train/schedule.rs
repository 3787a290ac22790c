//! Learning-rate schedules as functions of the step.

use burn::{lr_scheduler::LrScheduler, tensor::backend::Backend};
use serde::{Deserialize, Serialize};

/// How the learning rate runs over a training; fractions are of all its steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The same at every step.
    Constant,
    /// Rises in a line, then falls along half a cosine.
    Cosine {
        /// Fraction of the steps that rise, in [0, 1].
        warmup: f32,
        /// What is left at the end, as a fraction of the highest rate, in [0, 1].
        end: f32,
    },
    /// Warm-up, stable, decay: rises in a line, stays, falls in a line.
    Wsd {
        /// Fraction of the steps that rise, in [0, 1].
        warmup: f32,
        /// Fraction of the steps that fall, in [0, 1]; with `warmup` at most 1.
        decay: f32,
        /// What is left at the end, as a fraction of the highest rate, in [0, 1].
        end: f32,
    },
}

impl Schedule {
    /// The factor of the highest learning rate at `step` (from 0) of `steps`.
    ///
    /// The first step of a warm-up is above 0 and the last is full.
    pub fn factor(&self, step: usize, steps: usize) -> f64 {
        let (now, all) = (step as f64, steps.max(1) as f64);
        let rise = |warmup: f32| {
            let rising = (f64::from(warmup) * all).round();
            (rising, (now < rising).then(|| (now + 1.0) / rising))
        };
        match *self {
            Self::Constant => 1.0,
            Self::Cosine { warmup, end } => {
                let (rising, factor) = rise(warmup);
                factor.unwrap_or_else(|| {
                    let progress = (now + 1.0 - rising) / (all - rising).max(1.0);
                    let end = f64::from(end);
                    end + (1.0 - end) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
                })
            }
            Self::Wsd { warmup, decay, end } => {
                let (_, factor) = rise(warmup);
                factor.unwrap_or_else(|| {
                    let falling = (f64::from(decay) * all).round();
                    let left = (all - now - 1.0) / falling.max(1.0);
                    let end = f64::from(end);
                    end + (1.0 - end) * left.min(1.0)
                })
            }
        }
    }

    /// Checks that the fractions are fractions.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let check = |name: &str, value: f32| match (0.0..=1.0).contains(&value) {
            true => Ok(()),
            false => Err(format!("train.schedule.{name} = {value} is not allowed; expected a number from 0 to 1")),
        };
        match *self {
            Self::Constant => Ok(()),
            Self::Cosine { warmup, end } => check("warmup", warmup).and(check("end", end)),
            Self::Wsd { warmup, decay, end } => {
                check("warmup", warmup).and(check("decay", decay)).and(check("end", end)).and(check("warmup + decay", warmup + decay))
            }
        }
    }
}

/// A schedule at a step, as burn-train asks for it.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    pub schedule: Schedule,
    pub highest: f64,
    pub step: usize,
    pub steps: usize,
}

impl LrScheduler for Clock {
    /// The next step.
    type Record<B: Backend> = usize;

    fn step(&mut self) -> f64 {
        let rate = self.highest * self.schedule.factor(self.step, self.steps);
        self.step += 1;
        rate
    }

    fn to_record<B: Backend>(&self) -> usize {
        self.step
    }

    fn load_record<B: Backend>(self, step: usize) -> Self {
        Self { step, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(schedule: Schedule, steps: usize) -> Vec<f64> {
        (0..steps).map(|step| (schedule.factor(step, steps) * 1e4).round() / 1e4).collect()
    }

    #[test]
    fn schedules_by_hand() {
        assert_eq!(factors(Schedule::Constant, 3), [1.0, 1.0, 1.0]);
        assert_eq!(factors(Schedule::Cosine { warmup: 0.5, end: 0.0 }, 4), [0.5, 1.0, 0.5, 0.0]);
        assert_eq!(factors(Schedule::Cosine { warmup: 0.0, end: 0.1 }, 2), [0.55, 0.1]);
        assert_eq!(factors(Schedule::Wsd { warmup: 0.2, decay: 0.4, end: 0.0 }, 5), [1.0, 1.0, 1.0, 0.5, 0.0]);
    }

    #[test]
    fn fractions_out_of_range_are_named() {
        let error = Schedule::Wsd { warmup: 0.7, decay: 0.7, end: 0.0 }.validate().unwrap_err();
        assert_eq!(error, "train.schedule.warmup + decay = 1.4 is not allowed; expected a number from 0 to 1");
    }
}
