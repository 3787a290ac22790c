//! The angles of the rotary position embedding, in the single precision in which Hugging Face's Llama computes them.

use std::f32::consts::TAU;

use serde::{Deserialize, Serialize};

use super::ModelConfig;

/// How rotary frequencies are stretched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rope_type", rename_all = "snake_case", deny_unknown_fields)]
pub enum RopeScaling {
    /// Every frequency is divided (Chen et al. 2023, position interpolation).
    Linear {
        /// What frequencies are divided by, at least 1.
        factor: f32,
    },
    /// Llama 3.1: slow frequencies are divided, fast ones stay, and those between change over.
    Llama3 {
        /// What slow frequencies are divided by, at least 1.
        factor: f32,
        /// Turns within the original context below which a frequency is slow.
        low_freq_factor: f32,
        /// Turns within the original context above which a frequency is fast; above `low_freq_factor`.
        high_freq_factor: f32,
        /// The context before it was stretched, in tokens.
        original_max_position_embeddings: usize,
    },
}

impl RopeScaling {
    /// Checks that every number is in its range.
    ///
    /// # Errors
    /// What must hold, as a lower-case fragment.
    pub(super) fn validate(self) -> Result<(), String> {
        let is_stretch = |factor: f32| factor.is_finite() && factor >= 1.0;
        let is_fine = match self {
            Self::Linear { factor } => is_stretch(factor),
            Self::Llama3 { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } => {
                is_stretch(factor) && low > 0.0 && high.is_finite() && high > low && original > 0
            }
        };
        if is_fine { Ok(()) } else { Err(format!("model.rope_scaling = {self:?} is not allowed; expected a factor of at least 1 and low below high")) }
    }

    /// The stretched form of a frequency in radians per position.
    pub(crate) fn scaled(self, frequency: f32) -> f32 {
        match self {
            Self::Linear { factor } => frequency / factor,
            Self::Llama3 { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings: original } => {
                let (original, wavelength) = (original as f32, TAU / frequency);
                if wavelength < original / high {
                    frequency
                } else if wavelength > original / low {
                    frequency / factor
                } else {
                    let smooth = (original / wavelength - low) / (high - low);
                    (1.0 - smooth) * frequency / factor + smooth * frequency
                }
            }
        }
    }
}

/// Cosines, then sines, of the rotary angles of the first `positions` positions, row-major `[2, positions, head_dim / 2]`.
///
/// Pair `j` of a head turns by `position * rope_theta^(-2j / head_dim)`, stretched where the model says so; the pair is element `j` of the
/// first half of the head and element `j` of the second.
pub fn rotary_angles(config: &ModelConfig, positions: usize) -> Vec<f32> {
    let pairs = config.head_dim() / 2;
    let frequency = |pair: usize| 1.0 / config.rope_theta.powf(2.0 * pair as f32 / config.head_dim() as f32);
    let scaled = |frequency: f32| config.rope_scaling.map_or(frequency, |scaling| scaling.scaled(frequency));
    let frequencies: Vec<f32> = (0..pairs).map(|pair| scaled(frequency(pair))).collect();
    let angles = || (0..positions).flat_map(|position| frequencies.iter().map(move |frequency| position as f32 * frequency));
    angles().map(f32::cos).chain(angles().map(f32::sin)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn llama_3_stretches_slow_frequencies_only() {
        let scaling = RopeScaling::Llama3 { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position_embeddings: 8192 };
        assert_eq!(scaling.scaled(1.0), 1.0);
        assert_eq!(scaling.scaled(1e-5), 1e-5 / 8.0);
        // Halfway between one turn and four within the context: 2.5 turns.
        let between = TAU * 2.5 / 8192.0;
        assert!((scaling.scaled(between) / between - (0.5 / 8.0 + 0.5)).abs() < 1e-6);
        assert_eq!(RopeScaling::Linear { factor: 4.0 }.scaled(1.0), 0.25);
        assert!(RopeScaling::Linear { factor: 0.5 }.validate().is_err() && RopeScaling::Linear { factor: f32::NAN }.validate().is_err());
        assert_eq!(scaling.validate(), Ok(()));
    }
}
