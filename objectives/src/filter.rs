//! Which groups are trained on: dynamic sampling, solve-rate bands and their refill.
//!
//! DAPO (2503.14476, equation 11) keeps a prompt only where some but not all of its responses are right, and samples on until the batch is
//! full. The decision is here; sampling is the loop's. What is right is the verifier's word, not a positive reward: a bonus for form would make every
//! response that reads right.

use serde::{Deserialize, Serialize};

use crate::{Group, ObjectiveError, settings};

/// Which groups are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "keep", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Filter {
    /// All of them.
    #[default]
    All,
    /// Those with at least two different rewards: verl's `filter_groups`, Reinforce-Rej (2504.11343).
    Varied,
    /// Those with at least one right response: the part of Reinforce-Rej that drops hopeless prompts.
    AnyRight,
    /// Those whose share of right responses lies in `[low, high]`: a difficulty filter.
    Band {
        /// The lowest share kept, in [0, 1].
        low: f64,
        /// The highest share kept, in [0, 1].
        high: f64,
    },
}

impl Filter {
    /// Checks the band.
    ///
    /// # Errors
    /// Its ends are not shares, or not in order.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        match *self {
            Self::Band { low, high } => {
                settings::share("low", low)?;
                settings::require((low..=1.0).contains(&high), "high", high, "a number from low to 1")
            }
            _ => Ok(()),
        }
    }

    /// Whether a group is trained on.
    pub fn keeps(&self, group: &Group) -> bool {
        let right = group.num_solved() as f64;
        match *self {
            Self::All => true,
            Self::Varied => !group.is_flat(),
            Self::AnyRight => right > 0.0,
            Self::Band { low, high } => (low..=high).contains(&(right / group.solved.len() as f64)),
        }
    }
}

/// How far a batch of kept groups is, and whether sampling goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refill {
    /// Groups that a batch needs.
    pub wanted: usize,
    /// Most groups that may be sampled for it.
    pub cap: usize,
    /// Groups sampled so far.
    pub sampled: usize,
    /// Groups kept so far.
    pub kept: usize,
}

/// What a loop does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The batch is full.
    Train,
    /// Sample this many more groups.
    Sample(usize),
    /// The cap is reached with an incomplete batch: the problems are too hard or too easy for the policy.
    Stop,
}

impl Refill {
    /// A batch of `wanted` groups for which at most `cap` are sampled.
    pub fn new(wanted: usize, cap: usize) -> Self {
        Self { wanted, cap, sampled: 0, kept: 0 }
    }

    /// Takes in a round of sampled groups.
    pub fn record(&mut self, sampled: usize, kept: usize) {
        self.sampled += sampled;
        self.kept += kept;
    }

    /// What to do next: samples as many groups as the share kept so far makes likely to suffice.
    pub fn next(&self) -> Next {
        if self.kept >= self.wanted {
            return Next::Train;
        }
        let missing = self.wanted - self.kept;
        let expected = if self.kept == 0 { missing } else { (missing * self.sampled).div_ceil(self.kept) };
        match expected.min(self.cap.saturating_sub(self.sampled)) {
            0 => Next::Stop,
            more => Next::Sample(more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(rewards: &[f64]) -> Group {
        let solved = rewards.iter().map(|reward| *reward >= 1.0).collect();
        Group { prompt: 0, members: (0..rewards.len()).collect(), rewards: rewards.to_vec(), solved, lengths: vec![1.0; rewards.len()] }
    }

    #[test]
    fn filters_read_what_is_right_and_what_varies() {
        let groups = [group(&[0.0, 0.0]), group(&[1.0, 0.0]), group(&[1.0, 1.0]), group(&[1.0])];
        let kept = |filter: Filter| groups.iter().map(|group| filter.keeps(group)).collect::<Vec<_>>();
        assert_eq!(kept(Filter::All), [true; 4]);
        assert_eq!(kept(Filter::Varied), [false, true, false, false]);
        assert_eq!(kept(Filter::AnyRight), [false, true, true, true]);
        assert_eq!(kept(Filter::Band { low: 0.2, high: 0.8 }), [false, true, false, false]);
    }

    #[test]
    fn a_bonus_for_form_makes_nothing_right() {
        // 0.1 for a wrong answer that reads, 1.1 for a right one.
        let groups = [group(&[0.1, 0.0]), group(&[1.1, 0.1]), group(&[1.1, 1.1])];
        let kept = |filter: Filter| groups.iter().map(|group| filter.keeps(group)).collect::<Vec<_>>();
        assert_eq!(kept(Filter::AnyRight), [false, true, true]);
        assert_eq!(kept(Filter::Band { low: 0.2, high: 0.8 }), [false, true, false]);
        assert_eq!(kept(Filter::Varied), [true, true, false]);
    }

    #[test]
    fn refilling_ends_with_a_full_batch_or_at_the_cap() {
        let mut refill = Refill::new(8, 40);
        assert_eq!(refill.next(), Next::Sample(8));
        refill.record(8, 2);
        assert_eq!(refill.next(), Next::Sample(24)); // one in four is kept, six are missing
        refill.record(24, 4);
        assert_eq!(refill.next(), Next::Sample(8)); // eleven are likely needed, the cap leaves eight
        refill.record(8, 1);
        assert_eq!(refill.next(), Next::Stop);
        refill.record(0, 1);
        assert_eq!(refill.next(), Next::Train);
    }
}
