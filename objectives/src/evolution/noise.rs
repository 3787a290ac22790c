//! Normal numbers from a stream of bits.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A number with mean 0 and variance 1 (Box-Muller, one of the two); `rng` gives 128 bits per number, whatever the number.
pub fn standard_normal(rng: &mut ChaCha8Rng) -> f64 {
    // 53 bits each; the radius takes (0, 1] so that its logarithm is finite.
    let unit = |bits: u64| (bits >> 11) as f64 * (1.0 / (1_u64 << 53) as f64);
    let radius = (-2.0 * (1.0 - unit(rng.next_u64())).ln()).sqrt();
    radius * (std::f64::consts::TAU * unit(rng.next_u64())).cos()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn moments_are_those_of_a_normal_distribution() {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let numbers: Vec<f64> = (0..40_000).map(|_| standard_normal(&mut rng)).collect();
        let moment = |power: i32| numbers.iter().map(|number| number.powi(power)).sum::<f64>() / numbers.len() as f64;
        assert!(moment(1).abs() < 0.02 && (moment(2) - 1.0).abs() < 0.03 && moment(3).abs() < 0.08 && (moment(4) - 3.0).abs() < 0.2);
    }
}
