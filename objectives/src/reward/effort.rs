//! An effort dial: each episode draws its own discount, and the prompt says which.
//!
//! `gamma_i^|z| r`, `gamma_i` drawn per episode and named by a token of the prompt (Meta-CoT, 2501.04682, section 7.2.2), so that one model
//! learns every level. [`EffortDial`] draws, [`Effort`] pays by the discount in the evidence, or without one pays in full.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Discount, Evidence, Grade, finite};
use crate::ObjectiveError;

/// Pays for right answers by the episode's own discount.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Effort {
    /// What a right answer without any thought is worth.
    pub right: f64,
}

impl Default for Effort {
    fn default() -> Self {
        Self { right: 1.0 }
    }
}

impl Grade for Effort {
    fn score(&self, evidence: &Evidence) -> f64 {
        Discount { gamma: evidence.gamma.unwrap_or(1.0), right: self.right }.score(evidence)
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        finite(&[("right", self.right)])
    }
}

/// The levels of effort; level 0 is the token `<effort-a>` of a prompt, level 1 `<effort-b>`, and so on: letters, as digits are numbers to a tokenizer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EffortDial {
    /// The discount of each level: the smaller, the less effort is paid for.
    pub gammas: Vec<f64>,
    /// What the marks mean in supervised training, before a discount pays for anything.
    pub marks: Marking,
}

/// Which examples of supervised training stand behind which mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Marking {
    /// Any behind any: whatever marks mean later, rewards gave it to them.
    #[default]
    Random,
    /// By length, in equal parts: the shortest behind the mark of the smallest discount (as upside-down reinforcement learning, 1912.02877, commands
    /// a return). Rewards then begin with a dial that turns.
    Length,
}

impl Default for EffortDial {
    fn default() -> Self {
        Self { gammas: vec![0.99, 0.995, 1.0], marks: Marking::Random }
    }
}

impl EffortDial {
    /// Draws a level uniformly from `rng`; `None` where there are no levels.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Option<usize> {
        (!self.gammas.is_empty()).then(|| rng.random_range(0..self.gammas.len()))
    }

    /// The token that asks for a level, at most 25.
    pub fn token(level: usize) -> String {
        format!("<effort-{}>", char::from(b'a' + level.min(25) as u8))
    }

    /// The levels by their discounts, the smallest first.
    pub fn ascending(&self) -> Vec<usize> {
        let mut levels: Vec<usize> = (0..self.gammas.len()).collect();
        levels.sort_by(|&left, &right| self.gammas[left].total_cmp(&self.gammas[right]));
        levels
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::{super::evidence::fixture::*, *};

    #[test]
    fn each_episode_is_paid_by_its_own_discount() {
        let evidence = Evidence { gamma: Some(0.5), ..long(true, 2) };
        assert_eq!(Effort::default().score(&evidence), 0.25);
        assert_eq!(Effort::default().score(&Evidence { gamma: None, ..evidence }), 1.0);
    }

    #[test]
    fn levels_are_drawn_evenly_and_reproducibly() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut counts = [0; 3];
        (0..3000).for_each(|_| counts[EffortDial::default().draw(&mut rng).unwrap()] += 1);
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
        assert_eq!(EffortDial { gammas: vec![], ..EffortDial::default() }.draw(&mut rng), None);
        assert_eq!(EffortDial::token(2), "<effort-c>");
        assert_eq!(EffortDial { gammas: vec![0.9, 1.0, 0.5], ..EffortDial::default() }.ascending(), [2, 0, 1]);
    }
}
