//! Which problems are asked: a seeded order over a pool, and a band of solve rates outside of which a problem is passed over.

use metacot_envs::SeedTree;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

/// How prompts are chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CurriculumConfig {
    /// Whether each pass over the pool has an order of its own; `false` goes by number.
    pub shuffle: bool,
    /// Lowest solve rate, when last sampled, of a problem that is asked again, in [0, 1].
    pub low: f64,
    /// Highest such rate, in [0, 1]; below 1 what is mastered is left out.
    pub high: f64,
    /// Every pass of this number asks all problems, as the policy has changed since.
    pub revisit: u64,
}

impl Default for CurriculumConfig {
    fn default() -> Self {
        Self { shuffle: true, low: 0.0, high: 1.0, revisit: 4 }
    }
}

impl CurriculumConfig {
    pub(super) fn validate(&self) -> Result<(), String> {
        if !(0.0..=1.0).contains(&self.low) || !(self.low..=1.0).contains(&self.high) {
            return Err(format!("curriculum.low = {} and curriculum.high = {} are not allowed; expected 0 <= low <= high <= 1", self.low, self.high));
        }
        if self.revisit == 0 {
            return Err("curriculum.revisit = 0 is not allowed; expected at least 1".into());
        }
        Ok(())
    }
}

/// Where a run stands in its pool: all that a checkpoint keeps of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Curriculum {
    /// Problems handed out or passed over so far.
    cursor: u64,
    /// Problems passed over.
    skipped: u64,
    /// Right and sampled responses of each problem when it was last asked.
    last: Vec<Option<(u32, u32)>>,
}

impl Curriculum {
    /// The start of a run over a pool of `len` problems.
    pub fn new(len: usize) -> Self {
        Self { cursor: 0, skipped: 0, last: vec![None; len] }
    }

    /// The numbers of the next `count` problems of the pool, which holds at least one.
    pub fn take(&mut self, config: &CurriculumConfig, seeds: &SeedTree, count: usize) -> Vec<usize> {
        let len = self.last.len() as u64;
        let mut order: (u64, Vec<usize>) = (u64::MAX, Vec::new());
        let mut taken = Vec::with_capacity(count);
        let mut passed = 0;
        while taken.len() < count {
            let (pass, at) = (self.cursor / len, (self.cursor % len) as usize);
            if order.0 != pass {
                order = (pass, Self::order(config, seeds, pass, self.last.len()));
            }
            let problem = order.1[at];
            self.cursor += 1;
            let is_wanted = pass.is_multiple_of(config.revisit) || self.is_in_band(config, problem);
            // Where no problem of a whole pass is in the band, the band says nothing.
            if is_wanted || passed >= len {
                taken.push(problem);
                passed = 0;
            } else {
                self.skipped += 1;
                passed += 1;
            }
        }
        taken
    }

    /// Notes how a problem went.
    pub fn observe(&mut self, problem: usize, correct: usize, samples: usize) {
        self.last[problem] = Some((correct as u32, samples as u32));
    }

    /// Problems passed over so far.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Passes over the pool, as a number with its fraction.
    pub fn passes(&self) -> f64 {
        self.cursor as f64 / self.last.len() as f64
    }

    fn is_in_band(&self, config: &CurriculumConfig, problem: usize) -> bool {
        self.last[problem].is_none_or(|(correct, samples)| (config.low..=config.high).contains(&(f64::from(correct) / f64::from(samples.max(1)))))
    }

    fn order(config: &CurriculumConfig, seeds: &SeedTree, pass: u64, len: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        if config.shuffle {
            order.shuffle(&mut seeds.index(pass).stream(0));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds() -> SeedTree {
        SeedTree::root(1).child("curriculum")
    }

    #[test]
    fn every_pass_asks_every_problem_once_in_its_own_order() {
        let config = CurriculumConfig::default();
        let mut curriculum = Curriculum::new(10);
        let passes: Vec<Vec<usize>> = (0..3).map(|_| curriculum.take(&config, &seeds(), 10)).collect();
        for pass in &passes {
            let mut sorted = pass.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..10).collect::<Vec<_>>());
        }
        assert_ne!(passes[0], passes[1]);
        // Cut anywhere, the order is the same.
        let mut other = Curriculum::new(10);
        let cut: Vec<usize> = [3, 4, 13, 10].into_iter().flat_map(|count| other.take(&config, &seeds(), count)).collect();
        assert_eq!(cut, passes.concat());
    }

    #[test]
    fn problems_outside_the_band_wait_for_the_pass_that_asks_all() {
        let config = CurriculumConfig { shuffle: false, low: 0.1, high: 0.9, revisit: 3 };
        let mut curriculum = Curriculum::new(3);
        assert_eq!(curriculum.take(&config, &seeds(), 3), [0, 1, 2]);
        curriculum.observe(0, 8, 8);
        curriculum.observe(1, 3, 8);
        curriculum.observe(2, 0, 8);
        assert_eq!(curriculum.take(&config, &seeds(), 2), [1, 1]);
        assert_eq!(curriculum.take(&config, &seeds(), 3), [0, 1, 2]);
        assert_eq!(curriculum.skipped(), 4);
    }

    #[test]
    fn a_band_that_excludes_everything_says_nothing() {
        let config = CurriculumConfig { shuffle: false, low: 0.5, high: 0.6, revisit: 100 };
        let mut curriculum = Curriculum::new(2);
        curriculum.take(&config, &seeds(), 2);
        curriculum.observe(0, 0, 4);
        curriculum.observe(1, 0, 4);
        assert_eq!(curriculum.take(&config, &seeds(), 1).len(), 1);
    }
}
