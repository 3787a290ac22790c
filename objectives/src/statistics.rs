//! Means, deviations and whitening, with the conventions in which the stacks differ.

use serde::{Deserialize, Serialize};

/// What a sum of squared deviations is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deviation {
    /// `n - 1`: TRL, verl, OpenRLHF (torch's default).
    #[default]
    Sample,
    /// `n`: open-instruct (numpy's default).
    Population,
}

/// The mean; 0 of nothing.
pub fn mean(numbers: &[f64]) -> f64 {
    if numbers.is_empty() { 0.0 } else { numbers.iter().sum::<f64>() / numbers.len() as f64 }
}

/// The variance; 0 where the divisor would be 0 or where all numbers are equal, whatever rounding says.
pub fn variance(numbers: &[f64], deviation: Deviation) -> f64 {
    let divisor = match deviation {
        Deviation::Sample => numbers.len().saturating_sub(1),
        Deviation::Population => numbers.len(),
    };
    if divisor == 0 || numbers.windows(2).all(|pair| pair[0] == pair[1]) {
        return 0.0;
    }
    let centre = mean(numbers);
    numbers.iter().map(|number| (number - centre).powi(2)).sum::<f64>() / divisor as f64
}

/// What verl adds to the variance before whitening (`masked_whiten`).
pub const WHITEN_EPSILON: f64 = 1e-8;

/// Centres and scales all given numbers together: `(x - mean) / sqrt(variance + 1e-8)` with the sample variance, as verl and OpenRLHF do.
///
/// The epsilon stands inside the root. Numbers that are all equal become 0.
pub fn whiten(numbers: &mut [f64]) {
    let centre = mean(numbers);
    let spread = variance(numbers, Deviation::Sample);
    let scale = (spread + WHITEN_EPSILON).sqrt().recip();
    numbers.iter_mut().for_each(|number| *number = if spread == 0.0 { 0.0 } else { (*number - centre) * scale });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_and_population_variance_differ_by_their_divisor() {
        let numbers = [1.0, 2.0, 3.0, 6.0];
        assert!((variance(&numbers, Deviation::Sample) - 14.0 / 3.0).abs() < 1e-12);
        assert!((variance(&numbers, Deviation::Population) - 3.5).abs() < 1e-12);
        assert_eq!(variance(&[0.1; 3], Deviation::Sample), 0.0);
        assert_eq!(variance(&[5.0], Deviation::Sample), 0.0);
        assert_eq!((mean(&[]), variance(&[], Deviation::Population)), (0.0, 0.0));
    }

    #[test]
    fn whitened_numbers_are_centred_and_scaled() {
        let mut numbers = [1.0, 3.0, 5.0];
        whiten(&mut numbers);
        // Variance 4: each is (x - 3) / 2 up to the epsilon of 1e-8.
        assert!((numbers[0] + 1.0).abs() < 1e-6 && numbers[1].abs() < 1e-12 && (numbers[2] - 1.0).abs() < 1e-6);
        let mut flat = [0.1; 4];
        whiten(&mut flat);
        assert_eq!(flat, [0.0; 4]);
    }
}
