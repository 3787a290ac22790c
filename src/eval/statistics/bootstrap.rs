//! Percentile bootstrap over problems: intervals for means, and for paired differences of two models on the same problems.

use metacot_envs::SeedTree;
use rand_chacha::{ChaCha8Rng, rand_core::Rng};

use super::{
    Estimate, StatisticsError, mean,
    summary::{check, interpolate},
};

/// Resamples of a [`Bootstrap`] unless told otherwise: the noise of an interval's end is then about a fiftieth of its half width.
pub const DEFAULT_RESAMPLES: usize = 10_000;

/// The percentile bootstrap (Efron 1979): problems are redrawn with replacement, and the interval spans the middle 95 % of the means.
///
/// The same seeds and values give the same interval on every machine. Of a single problem, or of values that are all equal, the
/// interval has no width: it then says nothing about certainty.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    seeds: SeedTree,
    resamples: usize,
}

impl Bootstrap {
    /// A bootstrap of [`DEFAULT_RESAMPLES`] that draws from the streams under `seeds`, and nothing else does.
    pub fn new(seeds: &SeedTree) -> Self {
        Self { seeds: seeds.child("bootstrap"), resamples: DEFAULT_RESAMPLES }
    }

    /// The same with another number of resamples, at least 1.
    pub fn with_resamples(self, resamples: usize) -> Self {
        Self { resamples: resamples.max(1), ..self }
    }

    /// One of the streams that it draws from.
    pub(super) fn stream(&self, number: u64) -> ChaCha8Rng {
        self.seeds.stream(number)
    }

    pub(super) fn resamples(&self) -> usize {
        self.resamples
    }

    /// The mean of one value per problem, with its 95 % interval.
    ///
    /// # Errors
    /// No values, a value that is not finite, or a sum beyond the range of a double.
    pub fn mean(&self, values: &[f64]) -> Result<Estimate, StatisticsError> {
        let value = mean(values)?;
        let mut rng = self.seeds.stream(0);
        let mut means = Vec::with_capacity(self.resamples);
        for _ in 0..self.resamples {
            let sum: f64 = (0..values.len()).map(|_| values[draw(&mut rng, values.len())]).sum();
            if !sum.is_finite() {
                return Err(StatisticsError::Overflow);
            }
            means.push(sum / values.len() as f64);
        }
        means.sort_by(f64::total_cmp);
        Ok(Estimate { value, low: interpolate(&means, 0.025), high: interpolate(&means, 0.975) })
    }

    /// The ratio of two sums over problems, such as tokens per solve, with its 95 % interval. A resample without any denominator is
    /// infinite: where more than 2.5 % of them are, the upper end is [`f64::INFINITY`], and the interval is open.
    ///
    /// # Errors
    /// Sides of unequal length, a denominator that sums to 0, and what [`mean`](Self::mean) refuses.
    pub fn ratio(&self, numerators: &[f64], denominators: &[f64]) -> Result<Estimate, StatisticsError> {
        if numerators.len() != denominators.len() {
            return Err(StatisticsError::Unpaired { left: numerators.len(), right: denominators.len() });
        }
        let value = mean(numerators)? / mean(denominators)?;
        if !value.is_finite() {
            return Err(StatisticsError::Overflow);
        }
        let mut rng = self.seeds.stream(2);
        let mut ratios = Vec::with_capacity(self.resamples);
        for _ in 0..self.resamples {
            let (mut above, mut below) = (0.0, 0.0);
            for _ in 0..numerators.len() {
                let index = draw(&mut rng, numerators.len());
                above += numerators[index];
                below += denominators[index];
            }
            ratios.push(if below > 0.0 { above / below } else { f64::INFINITY });
        }
        ratios.sort_by(f64::total_cmp);
        // Between a finite and an infinite neighbour, or two of them, there is nothing to interpolate.
        let at = |q: f64| if ratios[(q * (ratios.len() - 1) as f64).ceil() as usize].is_finite() { interpolate(&ratios, q) } else { f64::INFINITY };
        Ok(Estimate { value, low: at(0.025), high: at(0.975) })
    }

    /// The mean of `left - right` over problems that both sides share, in the same order, with its 95 % interval: an interval
    /// without 0 says that the sides differ. Narrower than two intervals side by side, because hard problems are hard for both.
    ///
    /// # Errors
    /// Sides of unequal length, and what [`mean`](Self::mean) refuses.
    pub fn difference(&self, left: &[f64], right: &[f64]) -> Result<Estimate, StatisticsError> {
        if left.len() != right.len() {
            return Err(StatisticsError::Unpaired { left: left.len(), right: right.len() });
        }
        check(left)?;
        check(right)?;
        let differences: Vec<f64> = left.iter().zip(right).map(|(left, right)| left - right).collect();
        self.mean(&differences)
    }
}

/// An index below `count` by one multiplication; its bias is below `count` / 2^64.
pub(super) fn draw(rng: &mut ChaCha8Rng, count: usize) -> usize {
    ((u128::from(rng.next_u64()) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bootstrap() -> Bootstrap {
        Bootstrap::new(&SeedTree::root(7))
    }

    #[test]
    fn the_interval_of_a_coin_matches_the_normal_one() {
        // 400 tosses, half heads: the standard error is 0.5 / 20 = 0.025, the interval 0.5 -+ 0.049.
        let values: Vec<f64> = (0..400).map(|toss| f64::from(toss % 2)).collect();
        let estimate = bootstrap().mean(&values).unwrap();
        assert_eq!(estimate.value, 0.5);
        assert!((estimate.low - 0.451).abs() < 0.005 && (estimate.high - 0.549).abs() < 0.005, "{estimate:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_and_another_seed_does_not() {
        let values: Vec<f64> = (0..50).map(|i| f64::from(i * i % 17)).collect();
        let again = bootstrap().mean(&values).unwrap();
        assert_eq!(bootstrap().mean(&values).unwrap(), again);
        assert_ne!(Bootstrap::new(&SeedTree::root(8)).mean(&values).unwrap(), again);
        insta::assert_snapshot!(format!("{:.6} [{:.6}, {:.6}]", again.value, again.low, again.high), @"8.140000 [6.580000, 9.720000]");
    }

    #[test]
    fn pairing_finds_a_difference_that_two_intervals_hide() {
        let right: Vec<f64> = (0..100).map(|i| f64::from(i) / 100.0).collect();
        let left: Vec<f64> = right.iter().map(|value| value + 0.02).collect();
        let estimate = bootstrap().difference(&left, &right).unwrap();
        assert!(estimate.low > 0.019 && estimate.high < 0.021, "{estimate:?}");
        let (left, right) = (bootstrap().mean(&left).unwrap(), bootstrap().mean(&right).unwrap());
        assert!(!left.is_apart_from(&right));
    }

    #[test]
    fn ratios_of_rare_events_have_no_upper_end() {
        // One solve among 50 problems: (1 - 1/50)^50 = 36 % of the resamples have none.
        let mut solves = vec![0.0; 50];
        solves[3] = 1.0;
        let rare = bootstrap().ratio(&[100.0; 50], &solves).unwrap();
        assert!(rare.value == 5000.0 && rare.low < 2000.0 && rare.low > 0.0 && rare.high == f64::INFINITY, "{rare:?}");
        // Five solves: (1 - 5/50)^50 = 0.5 % have none.
        (0..5).for_each(|index| solves[index] = 1.0);
        let often = bootstrap().ratio(&[100.0; 50], &solves).unwrap();
        assert!(often.value == 1000.0 && often.high > 2000.0 && often.high < 5001.0, "{often:?}");
        assert_eq!(bootstrap().ratio(&[7.0], &[1.0]).unwrap(), Estimate { value: 7.0, low: 7.0, high: 7.0 });
    }

    #[test]
    fn one_problem_and_hostile_values_do_not_panic() {
        assert_eq!(bootstrap().mean(&[0.25]).unwrap(), Estimate { value: 0.25, low: 0.25, high: 0.25 });
        assert_eq!(bootstrap().mean(&[]), Err(StatisticsError::Empty));
        assert_eq!(bootstrap().difference(&[1.0], &[]), Err(StatisticsError::Unpaired { left: 1, right: 0 }));
        assert!(matches!(bootstrap().difference(&[f64::INFINITY], &[f64::INFINITY]), Err(StatisticsError::NotFinite { .. })));
        assert_eq!(bootstrap().mean(&[f64::MAX, f64::MAX]), Err(StatisticsError::Overflow));
        assert_eq!(bootstrap().mean(&[f64::MAX, f64::MIN]), Err(StatisticsError::Overflow));
        assert_eq!(bootstrap().with_resamples(0).mean(&[1.0]).unwrap().value, 1.0);
    }
}
