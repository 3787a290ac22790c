//! Mean, median and quantiles of a sample of finite numbers.

use serde::{Deserialize, Serialize};

use super::StatisticsError;

/// Where a sample lies and how far it spreads, in the unit of its values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many values.
    pub count: usize,
    /// The arithmetic mean.
    pub mean: f64,
    /// The smallest value.
    pub min: f64,
    /// The 10 % quantile.
    pub p10: f64,
    /// The 50 % quantile.
    pub median: f64,
    /// The 90 % quantile.
    pub p90: f64,
    /// The largest value.
    pub max: f64,
}

impl Summary {
    /// Summarizes `values`.
    ///
    /// # Errors
    /// No values, a value that is not finite, or a sum beyond the range of a double.
    pub fn of(values: &[f64]) -> Result<Self, StatisticsError> {
        let mean = mean(values)?;
        let sorted = sorted(values)?;
        let at = |q| interpolate(&sorted, q);
        Ok(Self { count: values.len(), mean, min: at(0.0), p10: at(0.1), median: at(0.5), p90: at(0.9), max: at(1.0) })
    }
}

/// The arithmetic mean, summed in the order given.
///
/// # Errors
/// No values, a value that is not finite, or a sum beyond the range of a double.
pub fn mean(values: &[f64]) -> Result<f64, StatisticsError> {
    check(values)?;
    let sum: f64 = values.iter().sum();
    if sum.is_finite() { Ok(sum / values.len() as f64) } else { Err(StatisticsError::Overflow) }
}

/// The 50 % quantile: of an even number of values, the mean of the middle two.
///
/// # Errors
/// No values, or a value that is not finite.
pub fn median(values: &[f64]) -> Result<f64, StatisticsError> {
    quantile(values, 0.5)
}

/// The value below which the share `q` of the sample lies, interpolated linearly between neighbours (type 7 of Hyndman and Fan 1996,
/// as in NumPy).
///
/// # Errors
/// No values, a value that is not finite, or `q` outside [0, 1].
pub fn quantile(values: &[f64], q: f64) -> Result<f64, StatisticsError> {
    if !(0.0..=1.0).contains(&q) {
        return Err(StatisticsError::QuantileRange(q));
    }
    Ok(interpolate(&sorted(values)?, q))
}

/// The quantile of values that are sorted, finite and at least one, with `q` in [0, 1].
pub(super) fn interpolate(sorted: &[f64], q: f64) -> f64 {
    let place = q * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    // Halves first: the distance of two finite values may be infinite.
    let share = place - place.floor();
    below * (1.0 - share) + above * share
}

/// Refuses an empty sample and values that are not finite.
pub(super) fn check(values: &[f64]) -> Result<(), StatisticsError> {
    if values.is_empty() {
        return Err(StatisticsError::Empty);
    }
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(StatisticsError::NotFinite { index, value: values[index] }),
        None => Ok(()),
    }
}

fn sorted(values: &[f64]) -> Result<Vec<f64>, StatisticsError> {
    check(values)?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_interpolate_as_numpy_does() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(median(&values), Ok(2.5));
        assert_eq!(quantile(&values, 0.0), Ok(1.0));
        assert_eq!(quantile(&values, 1.0), Ok(4.0));
        assert_eq!(quantile(&values, 0.25), Ok(1.75));
        assert_eq!(median(&[7.0]), Ok(7.0));
    }

    #[test]
    fn a_summary_holds_the_known_numbers_of_one_to_eleven() {
        let values: Vec<f64> = (1..=11).rev().map(f64::from).collect();
        let expected = Summary { count: 11, mean: 6.0, min: 1.0, p10: 2.0, median: 6.0, p90: 10.0, max: 11.0 };
        assert_eq!(Summary::of(&values), Ok(expected));
    }

    #[test]
    fn hostile_values_are_errors() {
        assert_eq!(mean(&[]), Err(StatisticsError::Empty));
        assert!(matches!(mean(&[1.0, f64::NAN]), Err(StatisticsError::NotFinite { index: 1, .. })));
        assert!(matches!(median(&[f64::INFINITY]), Err(StatisticsError::NotFinite { index: 0, .. })));
        assert_eq!(mean(&[f64::MAX, f64::MAX]), Err(StatisticsError::Overflow));
        assert_eq!(median(&[f64::MIN, f64::MAX]), Ok(0.0));
        assert!(matches!(quantile(&[1.0], f64::NAN), Err(StatisticsError::QuantileRange(_))));
        assert!(matches!(quantile(&[1.0], 1.5), Err(StatisticsError::QuantileRange(_))));
    }
}
