//! Intervals over problems and training runs at once: what a way of training is worth, not what one run of it gave.

use rand_chacha::ChaCha8Rng;

use super::{
    Bootstrap, Estimate, StatisticsError,
    bootstrap::draw,
    summary::{check, interpolate},
};

/// Stands for no other side.
const NONE: &[Vec<f64>] = &[];

impl Bootstrap {
    /// The mean over runs and problems, with its 95 % interval; `runs` holds one value per problem for each run, the problems in one order.
    ///
    /// Problems and runs are redrawn independently of each other (the crossed bootstrap of Owen 2007), runs one fewer at a time than there are (Rao & Wu
    /// 1988, their m = n - 1), which makes the variance of the mean of a few runs what it is and not smaller. Of a single run nothing is known of
    /// how runs differ: its interval is over problems alone.
    ///
    /// # Errors
    /// No runs, runs of unequal length, and what [`mean`](Self::mean) refuses.
    pub fn mean_of_runs(&self, runs: &[Vec<f64>]) -> Result<Estimate, StatisticsError> {
        self.crossed(runs, NONE)
    }

    /// The mean of `left - right` with its 95 % interval, paired over problems; the runs of both sides are redrawn apart.
    ///
    /// # Errors
    /// As [`mean_of_runs`](Self::mean_of_runs).
    pub fn difference_of_runs(&self, left: &[Vec<f64>], right: &[Vec<f64>]) -> Result<Estimate, StatisticsError> {
        match right.is_empty() {
            true => Err(StatisticsError::Empty),
            false => self.crossed(left, right),
        }
    }

    fn crossed(&self, left: &[Vec<f64>], right: &[Vec<f64>]) -> Result<Estimate, StatisticsError> {
        let problems = left.first().map_or(0, Vec::len);
        for run in left.iter().chain(right) {
            check(run)?;
            if run.len() != problems {
                return Err(StatisticsError::Unpaired { left: problems, right: run.len() });
            }
        }
        if problems == 0 {
            return Err(StatisticsError::Empty);
        }
        let mean = |runs: &[Vec<f64>]| runs.iter().flatten().sum::<f64>() / (problems * runs.len().max(1)) as f64;
        let mut rng = self.stream(3);
        let mut chosen = vec![0; problems];
        let mut means = Vec::with_capacity(self.resamples());
        for _ in 0..self.resamples() {
            chosen.fill_with(|| draw(&mut rng, problems));
            let value = redrawn(left, &chosen, &mut rng) - redrawn(right, &chosen, &mut rng);
            if !value.is_finite() {
                return Err(StatisticsError::Overflow);
            }
            means.push(value);
        }
        means.sort_by(f64::total_cmp);
        Ok(Estimate { value: mean(left) - mean(right), low: interpolate(&means, 0.025), high: interpolate(&means, 0.975) })
    }
}

/// The mean of redrawn runs on the chosen problems; 0 for no runs.
fn redrawn(runs: &[Vec<f64>], chosen: &[usize], rng: &mut ChaCha8Rng) -> f64 {
    if runs.is_empty() {
        return 0.0;
    }
    let count = (runs.len() - 1).max(1);
    let of_run = |run: &Vec<f64>| chosen.iter().map(|problem| run[*problem]).sum::<f64>();
    let sum: f64 = (0..count).map(|_| of_run(&runs[draw(rng, runs.len())])).sum();
    sum / (count * chosen.len()) as f64
}

#[cfg(test)]
mod tests {
    use metacot_envs::SeedTree;

    use super::*;

    fn bootstrap() -> Bootstrap {
        Bootstrap::new(&SeedTree::root(7))
    }

    #[test]
    fn one_run_has_the_interval_of_its_problems() {
        let run: Vec<f64> = (0..400).map(|toss| f64::from(toss % 2)).collect();
        let estimate = bootstrap().mean_of_runs(&[run]).unwrap();
        assert_eq!(estimate.value, 0.5);
        assert!((estimate.low - 0.451).abs() < 0.005 && (estimate.high - 0.549).abs() < 0.005, "{estimate:?}");
    }

    #[test]
    fn runs_that_differ_widen_the_interval_by_their_variance() {
        // Problems are all alike and runs are 0.1, 0.2 and 0.3: the means of two redrawn runs have variance s^2 / 3 with s = 0.1.
        let runs: Vec<Vec<f64>> = [0.1, 0.2, 0.3].map(|rate| vec![rate; 50]).to_vec();
        let estimate = bootstrap().mean_of_runs(&runs).unwrap();
        assert!((estimate.value - 0.2).abs() < 1e-12);
        // Nine equal pairs, of which one in nine is 0.1 twice: the middle 95 % reach both ends.
        assert!((estimate.low - 0.1).abs() < 1e-12 && (estimate.high - 0.3).abs() < 1e-12, "{estimate:?}");
        // Over problems alone there would be no width at all.
        let same = bootstrap().difference_of_runs(&runs[1..2], &runs[..1]).unwrap();
        assert!((same.low - 0.1).abs() < 1e-12 && (same.high - 0.1).abs() < 1e-12, "{same:?}");
    }

    #[test]
    fn differences_are_paired_over_problems() {
        let right: Vec<f64> = (0..100).map(|i| f64::from(i) / 100.0).collect();
        let left: Vec<f64> = right.iter().map(|value| value + 0.02).collect();
        let estimate = bootstrap().difference_of_runs(&[left.clone(), left], &[right]).unwrap();
        assert!(estimate.low > 0.019 && estimate.high < 0.021, "{estimate:?}");
    }

    #[test]
    fn hostile_runs_do_not_panic() {
        let empty = || -> Vec<Vec<f64>> { Vec::new() };
        assert_eq!(bootstrap().mean_of_runs(&empty()), Err(StatisticsError::Empty));
        assert_eq!(bootstrap().mean_of_runs(&[Vec::new()]), Err(StatisticsError::Empty));
        assert_eq!(bootstrap().difference_of_runs(&[vec![1.0]], &empty()), Err(StatisticsError::Empty));
        assert_eq!(bootstrap().mean_of_runs(&[vec![1.0], vec![1.0, 2.0]]), Err(StatisticsError::Unpaired { left: 1, right: 2 }));
        assert!(matches!(bootstrap().mean_of_runs(&[vec![f64::NAN]]), Err(StatisticsError::NotFinite { .. })));
        assert_eq!(bootstrap().mean_of_runs(&[vec![f64::MAX, f64::MAX]]), Err(StatisticsError::Overflow));
    }
}
