//! pass@k: the probability that at least one of k attempts is right, estimated without bias from n samples (Chen et al. 2107.03374).

use super::{Bootstrap, Estimate, StatisticsError, mean, wilson};

/// How many of the samples of one problem were right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Samples drawn.
    pub samples: u32,
    /// Samples that were right.
    pub correct: u32,
}

/// The unbiased estimate 1 - C(n-c, k) / C(n, k), where n `samples` were drawn and c of them were right.
///
/// Computed as a product of min(c, k) factors, so nothing overflows; the relative error is of the order of 1e-12 at most.
///
/// # Errors
/// k = 0, k > n or c > n.
pub fn pass_at_k(tally: Tally, k: u32) -> Result<f64, StatisticsError> {
    let Tally { samples, correct } = tally;
    if k == 0 {
        return Err(StatisticsError::ZeroAttempts);
    }
    if correct > samples {
        return Err(StatisticsError::TooManySuccesses { successes: correct.into(), trials: samples.into() });
    }
    if k > samples {
        return Err(StatisticsError::TooFewSamples { k, samples });
    }
    if samples - correct < k {
        return Ok(1.0);
    }
    // C(n-c, k) / C(n, k) is symmetric in c and k: the product over the smaller one has fewer factors.
    let (few, many) = (correct.min(k), correct.max(k));
    let (mut success, mut failure) = (0.0, 1.0);
    for drawn in 0..few {
        let hit = f64::from(many) / f64::from(samples - drawn);
        success += failure * hit;
        failure *= 1.0 - hit;
        if failure < f64::EPSILON * f64::EPSILON {
            break;
        }
    }
    // Whichever of the two is small is the one whose relative error is small.
    Ok(if success < 0.5 { success } else { 1.0 - failure })
}

/// The mean of pass@k over problems, with a bootstrap interval over problems; where every problem has the same value 0 or 1, and
/// resampling would claim certainty, Wilson's interval over problems takes its place.
///
/// # Errors
/// No problems, or a problem from which pass@k cannot be computed.
pub fn mean_pass_at_k(tallies: &[Tally], k: u32, bootstrap: &Bootstrap) -> Result<Estimate, StatisticsError> {
    let values = tallies.iter().map(|&tally| pass_at_k(tally, k)).collect::<Result<Vec<f64>, _>>()?;
    let value = mean(&values)?;
    let problems = values.len() as u64;
    if values.iter().all(|&value| value == 0.0) {
        return wilson(0, problems);
    }
    if values.iter().all(|&value| value == 1.0) {
        return wilson(problems, problems);
    }
    Ok(Estimate { value, ..bootstrap.mean(&values)? })
}

#[cfg(test)]
mod tests {
    use metacot_envs::SeedTree;

    use super::*;

    fn tally(samples: u32, correct: u32) -> Tally {
        Tally { samples, correct }
    }

    #[track_caller]
    fn check(samples: u32, correct: u32, k: u32, expected: f64) {
        let value = pass_at_k(tally(samples, correct), k).unwrap();
        assert!((value - expected).abs() <= 1e-12 * expected, "{value} is not {expected}");
    }

    #[test]
    fn pass_at_k_matches_binomials_by_hand() {
        check(10, 3, 1, 0.3);
        check(10, 3, 2, 1.0 - 21.0 / 45.0); // C(7,2) / C(10,2)
        check(5, 2, 3, 1.0 - 1.0 / 10.0); // C(3,3) / C(5,3)
        check(4, 1, 2, 0.5);
        check(200, 10, 100, 0.999_228_973_937_282_2); // 1 - C(190,100) / C(200,100), in exact rationals
    }

    #[test]
    fn the_ends_are_exact() {
        assert_eq!(pass_at_k(tally(8, 0), 8), Ok(0.0));
        assert_eq!(pass_at_k(tally(8, 8), 1), Ok(1.0));
        assert_eq!(pass_at_k(tally(8, 1), 8), Ok(1.0));
        assert_eq!(pass_at_k(tally(8, 5), 4), Ok(1.0));
    }

    #[test]
    fn huge_counts_neither_overflow_nor_lose_small_values() {
        check(u32::MAX, 1, 1, 1.0 / f64::from(u32::MAX));
        assert_eq!(pass_at_k(tally(u32::MAX, u32::MAX / 2), u32::MAX / 2), Ok(1.0));
        assert_eq!(pass_at_k(tally(u32::MAX, u32::MAX), u32::MAX), Ok(1.0));
    }

    #[test]
    fn impossible_requests_are_errors() {
        assert_eq!(pass_at_k(tally(4, 1), 0), Err(StatisticsError::ZeroAttempts));
        assert_eq!(pass_at_k(tally(4, 1), 5), Err(StatisticsError::TooFewSamples { k: 5, samples: 4 }));
        assert_eq!(pass_at_k(tally(4, 5), 1), Err(StatisticsError::TooManySuccesses { successes: 5, trials: 4 }));
        assert_eq!(pass_at_k(tally(0, 0), 1), Err(StatisticsError::TooFewSamples { k: 1, samples: 0 }));
    }

    #[test]
    fn the_mean_over_problems_has_an_interval_even_when_all_fail() {
        let bootstrap = Bootstrap::new(&SeedTree::root(1));
        let mixed = mean_pass_at_k(&[tally(4, 1), tally(4, 0), tally(4, 4)], 2, &bootstrap).unwrap();
        assert!((mixed.value - 0.5).abs() < 1e-12 && mixed.low < 0.5 && mixed.high > 0.5);
        let failed = mean_pass_at_k(&[tally(4, 0); 10], 4, &bootstrap).unwrap();
        assert!(failed.value == 0.0 && failed.low == 0.0 && (failed.high - 0.27753).abs() < 5e-5);
        let solved = mean_pass_at_k(&[tally(4, 4); 10], 1, &bootstrap).unwrap();
        assert!(solved.value == 1.0 && solved.high == 1.0 && solved.low < 0.73);
        assert_eq!(mean_pass_at_k(&[], 1, &bootstrap), Err(StatisticsError::Empty));
    }
}
