//! Evolution strategies: a gradient from rewards of perturbed weights, without any backward pass.
//!
//! `grad E[R(theta + sigma eps)] = E[R eps] / sigma` (1703.03864). With antithetic pairs `+eps, -eps` it is estimated by
//! `sum over pairs of (u(R+) - u(R-)) eps / (2 n sigma)`, `u` being the [`Shaping`] of all rewards together. Perturbations are drawn again
//! from their seeds when the gradient is built, so only rewards are kept. The same pair of numbers drives a full update
//! ([`Evolution::accumulate`]) on any slice of weights, tensor by tensor.

mod noise;
mod shaping;

pub use noise::standard_normal;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
pub use shaping::Shaping;

use crate::ObjectiveError;

/// The constants of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evolution {
    /// The size of a perturbation, in units of a weight.
    pub sigma: f64,
    /// Perturbations per step; each is tried with both signs.
    pub pairs: usize,
    /// How rewards are made comparable.
    pub shaping: Shaping,
}

impl Default for Evolution {
    fn default() -> Self {
        Self { sigma: 0.02, pairs: 16, shaping: Shaping::CentredRanks }
    }
}

/// Which side of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `theta + sigma eps`.
    Plus,
    /// `theta - sigma eps`.
    Minus,
}

impl Evolution {
    /// Perturbs a slice of weights; a second call with a fresh copy of the same `rng` and the other sign leads to the mirror image.
    ///
    /// `rng` decides the direction.
    pub fn perturb(&self, weights: &mut [f32], sign: Sign, rng: &mut ChaCha8Rng) {
        let scale = if sign == Sign::Plus { self.sigma } else { -self.sigma };
        for weight in weights {
            *weight += (scale * standard_normal(rng)) as f32;
        }
    }

    /// `[n]` the coefficient of each pair's direction in the gradient of the expected reward.
    ///
    /// # Errors
    /// The two sides differ in number, or `sigma` is not positive.
    pub fn coefficients(&self, plus: &[f64], minus: &[f64]) -> Result<Vec<f64>, ObjectiveError> {
        if plus.len() != minus.len() {
            return Err(ObjectiveError::Shape);
        }
        if self.sigma <= 0.0 {
            return Err(ObjectiveError::Setting { setting: "sigma", value: self.sigma, expected: "above 0" });
        }
        let shaped = self.shaping.apply(&[plus, minus].concat());
        let (plus, minus) = shaped.split_at(plus.len());
        let scale = 2.0 * plus.len() as f64 * self.sigma;
        Ok(plus.iter().zip(minus).map(|(plus, minus)| (plus - minus) / scale).collect())
    }

    /// Adds a pair's part of the gradient; `rng` must be as it was when the pair perturbed the same slice.
    pub fn accumulate(&self, gradient: &mut [f32], coefficient: f64, rng: &mut ChaCha8Rng) {
        for entry in gradient {
            *entry += (coefficient * standard_normal(rng)) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn coefficients_match_hand_calculation() {
        let evolution = Evolution { sigma: 0.5, pairs: 2, shaping: Shaping::Raw };
        assert_eq!(evolution.coefficients(&[3.0, 1.0], &[1.0, 1.0]).unwrap(), [1.0, 0.0]);
        assert!(evolution.coefficients(&[1.0], &[]).is_err());
    }

    #[test]
    fn both_sides_of_a_pair_mirror_each_other() {
        let evolution = Evolution { sigma: 0.25, ..Evolution::default() };
        let (mut plus, mut minus) = (vec![1.0_f32; 7], vec![1.0_f32; 7]);
        evolution.perturb(&mut plus, Sign::Plus, &mut ChaCha8Rng::seed_from_u64(3));
        evolution.perturb(&mut minus, Sign::Minus, &mut ChaCha8Rng::seed_from_u64(3));
        assert!(plus.iter().zip(&minus).all(|(plus, minus)| (plus + minus - 2.0).abs() < 1e-6 && plus != minus));
    }

    #[test]
    fn a_quadratic_bowl_is_climbed_by_rewards_alone() {
        let target = [0.7_f32, -1.2, 0.4];
        let reward = |weights: &[f32]| -weights.iter().zip(&target).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        let evolution = Evolution { sigma: 0.05, pairs: 16, shaping: Shaping::CentredRanks };
        let mut weights = vec![0.0_f32; 3];
        for step in 0..300_u64 {
            let rng = |pair: usize| ChaCha8Rng::seed_from_u64(step * 1000 + pair as u64);
            let side = |pair: usize, sign| {
                let mut copy = weights.clone();
                evolution.perturb(&mut copy, sign, &mut rng(pair));
                reward(&copy)
            };
            let plus: Vec<f64> = (0..16).map(|pair| side(pair, Sign::Plus)).collect();
            let minus: Vec<f64> = (0..16).map(|pair| side(pair, Sign::Minus)).collect();
            let mut gradient = vec![0.0_f32; 3];
            for (pair, coefficient) in evolution.coefficients(&plus, &minus).unwrap().into_iter().enumerate() {
                evolution.accumulate(&mut gradient, coefficient, &mut rng(pair));
            }
            weights.iter_mut().zip(&gradient).for_each(|(weight, slope)| *weight += 0.003 * slope);
        }
        assert!(reward(&weights) > -0.01, "{weights:?}");
    }
}
