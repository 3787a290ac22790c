//! The angles of the rotary position embedding, for training and sampling alike, rounded to single precision where Hugging Face's Llama rounds: powers of the
//! base, their reciprocals, the angles, cosines and sines. Its functions and ours may differ in the last bit of each.

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
    fn every_step_is_rounded_to_single_precision_as_in_transformers() {
        for (head_dim, rope_theta, positions) in [(32, 10_000.0, 2_048), (64, 500_000.0, 131_072)] {
            let config = ModelConfig {
                vocab_size: 1,
                width: head_dim,
                layers: 1,
                heads: 1,
                kv_heads: 1,
                hidden: 1,
                context: positions,
                rope_theta,
                rope_scaling: None,
                norm_epsilon: 1e-5,
                tied_embeddings: true,
            };
            let table = rotary_angles(&config, positions);
            let (cosines, sines) = table.split_at(table.len() / 2);
            for pair in 0..head_dim / 2 {
                // inv_freq = 1.0 / (base ** (torch.arange(0, dim, 2).float() / dim)), with powers from double precision.
                let power = f64::from(rope_theta).powf(f64::from(2.0 * pair as f32 / head_dim as f32)) as f32;
                let frequency = 1.0 / power;
                for position in [0, 1, 2, positions / 3, positions - 1] {
                    let angle = f64::from(position as f32 * frequency);
                    let at = position * head_dim / 2 + pair;
                    for (found, exact) in [(cosines[at], angle.cos()), (sines[at], angle.sin())] {
                        assert!((f64::from(found) - exact).abs() < 6.1e-8, "pair {pair} of {head_dim}, position {position}: {found}, not {exact}");
                    }
                }
            }
        }
    }

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
