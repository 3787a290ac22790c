//! What a training is told; kept in its checkpoints and compared when it resumes.

use serde::{Deserialize, Serialize};

use super::{Schedule, optimizer::AdamConfig};
use crate::kernels::Precision;

/// Settings of a supervised training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Root of the order of the data and, where no weights are given, of the fresh ones.
    pub seed: u64,
    /// Times that every example is seen.
    pub epochs: usize,
    /// Optimizer steps after which to end early; `None` sees all epochs to their end.
    pub max_steps: Option<usize>,
    /// Rows of packed examples in a batch.
    pub rows: usize,
    /// Tokens of a row, at least the longest example; `None` is the model's context.
    pub row_tokens: Option<usize>,
    /// Batches whose gradients add up to one step, with the result of one batch of all their rows.
    pub accumulation: usize,
    /// Whether the backward pass makes the blocks' intermediate results again instead of keeping them: about a third less speed, a fraction of the memory, the same bits.
    pub gradient_checkpointing: bool,
    /// What the products of activations and weights are computed in; parameters and moments are single all the same.
    pub precision: Precision,
    /// Highest learning rate.
    pub learning_rate: f32,
    /// How the learning rate runs.
    pub schedule: Schedule,
    /// AdamW: decay of the first moment, in [0, 1).
    pub beta1: f32,
    /// AdamW: decay of the second moment, in [0, 1).
    pub beta2: f32,
    /// AdamW: added to the square root of the second moment.
    pub epsilon: f32,
    /// AdamW: decoupled weight decay of the matrices; gains are not decayed.
    pub weight_decay: f32,
    /// Norm of all gradients together above which they are scaled down to it; `None` never.
    pub clip_norm: Option<f32>,
    /// Decay per step of the moving average of the weights that the training then gives, in [0, 1); `None` gives the last weights.
    pub ema_decay: Option<f32>,
    /// Steps between checkpoints; there is always one at the end.
    pub checkpoint_steps: usize,
    /// Steps between measurements of the validation loss, where there are validation examples.
    pub validation_steps: usize,
    /// Validation problems that are solved greedily to see how many come out right and how many without a false statement; 0 for none.
    pub solve_problems: usize,
    /// Steps between these measurements; there is always one at the end.
    pub solve_steps: usize,
    /// Measurements of what `watch` names without a new best one after which the training ends and gives the weights of the best; `None` never.
    pub patience: Option<usize>,
    /// What patience looks at.
    pub watch: Watch,
}

/// What tells better weights from worse ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watch {
    /// The validation loss: the lowest is best.
    #[default]
    ValidationLoss,
    /// The share of validation problems that are solved: the highest is best.
    SolveRate,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            epochs: 1,
            max_steps: None,
            rows: 32,
            row_tokens: None,
            accumulation: 1,
            gradient_checkpointing: false,
            precision: Precision::Single,
            learning_rate: 1e-3,
            schedule: Schedule::Cosine { warmup: 0.05, end: 0.1 },
            beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8,
            weight_decay: 0.1,
            clip_norm: Some(1.0),
            ema_decay: None,
            checkpoint_steps: 200,
            validation_steps: 200,
            solve_problems: 0,
            solve_steps: 200,
            patience: None,
            watch: Watch::ValidationLoss,
        }
    }
}

impl TrainConfig {
    /// The constants of the optimizer.
    pub(super) fn adam(&self) -> AdamConfig {
        AdamConfig { beta1: self.beta1, beta2: self.beta2, epsilon: self.epsilon, weight_decay: self.weight_decay }
    }

    /// Rows that are worked on at once on so many devices: a batch, or less where a step has too few batches for all of them. Batches of this size
    /// give the same bits on one device.
    pub fn part_rows(&self, devices: usize) -> usize {
        self.rows.min((self.rows * self.accumulation).div_ceil(devices.max(1)))
    }

    /// Checks that so many devices have something to do.
    ///
    /// # Errors
    /// The offending fields and what they must satisfy, as a lower-case fragment.
    pub fn check_devices(&self, devices: usize) -> Result<(), String> {
        let rows = self.rows * self.accumulation;
        if rows < devices {
            return Err(format!("train.rows * train.accumulation = {rows} is not allowed with {devices} devices; expected at least one row for each"));
        }
        Ok(())
    }

    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// The offending field and what it must satisfy, as a lower-case fragment.
    pub fn validate(&self) -> Result<(), String> {
        let positive = [
            ("epochs", self.epochs),
            ("max_steps", self.max_steps.unwrap_or(1)),
            ("rows", self.rows),
            ("row_tokens", self.row_tokens.unwrap_or(1)),
            ("accumulation", self.accumulation),
            ("checkpoint_steps", self.checkpoint_steps),
            ("validation_steps", self.validation_steps),
            ("solve_steps", self.solve_steps),
            ("patience", self.patience.unwrap_or(1)),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("train.{name} = 0 is not allowed; expected at least 1"));
        }
        let above_zero = [("learning_rate", self.learning_rate), ("epsilon", self.epsilon), ("clip_norm", self.clip_norm.unwrap_or(1.0))];
        if let Some((name, value)) = above_zero.iter().find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
            return Err(format!("train.{name} = {value} is not allowed; expected a number above 0"));
        }
        let below_one = [("beta1", self.beta1), ("beta2", self.beta2), ("ema_decay", self.ema_decay.unwrap_or(0.0))];
        if let Some((name, value)) = below_one.iter().find(|(_, value)| !(0.0..1.0).contains(value)) {
            return Err(format!("train.{name} = {value} is not allowed; expected a number from 0 to below 1"));
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return Err(format!("train.weight_decay = {} is not allowed; expected a number of at least 0", self.weight_decay));
        }
        if self.watch == Watch::SolveRate && self.solve_problems == 0 {
            return Err("train.watch = \"solve_rate\" is not allowed with train.solve_problems = 0; expected at least 1 problem".to_owned());
        }
        self.schedule.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_named() {
        assert_eq!(TrainConfig::default().validate(), Ok(()));
        let error = TrainConfig { beta2: 1.0, ..TrainConfig::default() }.validate().unwrap_err();
        assert_eq!(error, "train.beta2 = 1 is not allowed; expected a number from 0 to below 1");
        let error = TrainConfig { rows: 0, ..TrainConfig::default() }.validate().unwrap_err();
        assert_eq!(error, "train.rows = 0 is not allowed; expected at least 1");
    }

    #[test]
    fn devices_share_a_batch_only_where_a_step_has_too_few() {
        let part_rows = |rows, accumulation, devices| TrainConfig { rows, accumulation, ..TrainConfig::default() }.part_rows(devices);
        assert_eq!([1, 2, 3, 4].map(|devices| part_rows(32, 1, devices)), [32, 16, 11, 8]);
        assert_eq!([1, 2, 3, 4].map(|devices| part_rows(32, 2, devices)), [32, 32, 22, 16]);
        assert_eq!([1, 2, 3, 4].map(|devices| part_rows(5, 4, devices)), [5, 5, 5, 5]);
        let config = TrainConfig { rows: 1, accumulation: 2, ..TrainConfig::default() };
        assert_eq!(config.check_devices(2), Ok(()));
        let expected = "train.rows * train.accumulation = 2 is not allowed with 3 devices; expected at least one row for each";
        assert_eq!(config.check_devices(3), Err(expected.to_owned()));
    }

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_have_defaults() {
        let config: TrainConfig = toml::from_str("rows = 8\nschedule = { kind = \"cosine\", warmup = 0.1, end = 0.0 }").unwrap();
        assert_eq!(config, TrainConfig { rows: 8, schedule: Schedule::Cosine { warmup: 0.1, end: 0.0 }, ..TrainConfig::default() });
        assert!(toml::from_str::<TrainConfig>("learning_rat = 1.0").is_err());
    }
}
