//! An estimate with its 95 % interval, and Wilson's interval for proportions.

use serde::{Deserialize, Deserializer, Serialize};

use super::StatisticsError;

/// The 97.5 % quantile of the normal distribution: two-sided 95 % intervals reach this many standard errors to each side.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// A measured value with the ends of its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The point estimate.
    pub value: f64,
    /// The lower end, in the unit of `value`.
    pub low: f64,
    /// The upper end, in the unit of `value`; infinite where the sample sets none, which JSON has as `null`.
    #[serde(deserialize_with = "null_as_infinite")]
    pub high: f64,
}

/// JSON has no infinity: it is written as `null` and read back here.
fn null_as_infinite<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::INFINITY))
}

impl Estimate {
    /// Whether the two intervals have no point in common. Stricter than a test of the difference at the same level.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        self.low > other.high || other.low > self.high
    }

    /// Whether `value` lies within the interval, ends included.
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// The share `successes / trials` with its Wilson score interval at 95 % (Wilson 1927), which stays within [0, 1] and keeps a width
/// when none or all succeed.
///
/// The trials must be independent: several samples of one problem are not, and belong to
/// [`mean_pass_at_k`](super::mean_pass_at_k) with k = 1.
///
/// # Errors
/// No trials, or more successes than trials.
pub fn wilson(successes: u64, trials: u64) -> Result<Estimate, StatisticsError> {
    if trials == 0 {
        return Err(StatisticsError::Empty);
    }
    if successes > trials {
        return Err(StatisticsError::TooManySuccesses { successes, trials });
    }
    let n = trials as f64;
    let value = successes as f64 / n;
    let z2 = Z_95 * Z_95;
    let centre = (value + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z_95 / (1.0 + z2 / n) * (value * (1.0 - value) / n + z2 / (4.0 * n * n)).sqrt();
    // At the two ends centre and half width cancel exactly on paper; rounding must not leave a trace of it.
    let low = if successes == 0 { 0.0 } else { (centre - half).clamp(0.0, value) };
    let high = if successes == trials { 1.0 } else { (centre + half).clamp(value, 1.0) };
    Ok(Estimate { value, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(successes: u64, trials: u64, low: f64, high: f64) {
        let estimate = wilson(successes, trials).unwrap();
        assert!((estimate.low - low).abs() < 5e-5 && (estimate.high - high).abs() < 5e-5, "{estimate:?}");
    }

    #[test]
    fn wilson_matches_published_values() {
        // Newcombe 1998, table I, method 3.
        check(81, 263, 0.2553, 0.3662);
        check(15, 148, 0.0624, 0.1605);
        check(0, 20, 0.0, 0.1611);
        check(1, 29, 0.0061, 0.1718);
    }

    #[test]
    fn wilson_at_the_ends_is_symmetric_and_exact() {
        // With no success the upper end is z^2 / (n + z^2) = 3.8415 / 13.8415.
        check(0, 10, 0.0, 0.27753);
        check(10, 10, 0.72247, 1.0);
        assert_eq!(wilson(0, 1).unwrap().low, 0.0);
        assert_eq!(wilson(u64::MAX, u64::MAX).unwrap().high, 1.0);
    }

    #[test]
    fn impossible_counts_are_errors() {
        assert_eq!(wilson(0, 0), Err(StatisticsError::Empty));
        assert_eq!(wilson(3, 2), Err(StatisticsError::TooManySuccesses { successes: 3, trials: 2 }));
    }

    #[test]
    fn intervals_that_touch_are_not_apart() {
        let estimate = |low, high| Estimate { value: (low + high) / 2.0, low, high };
        assert!(!estimate(0.1, 0.2).is_apart_from(&estimate(0.2, 0.3)));
        assert!(estimate(0.1, 0.2).is_apart_from(&estimate(0.21, 0.3)));
        assert!(estimate(0.21, 0.3).is_apart_from(&estimate(0.1, 0.2)));
    }
}
