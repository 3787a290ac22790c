//! How rewards of perturbed weights are made comparable.

use serde::{Deserialize, Serialize};

use crate::statistics::{Deviation, mean, variance};

/// A transformation of all rewards of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shaping {
    /// As they are.
    Raw,
    /// Ranks spread evenly over [-0.5, 0.5] (1703.03864); equal rewards share the mean of their ranks, where the authors' code
    /// breaks ties by position and so moves weights even when all rewards are equal.
    #[default]
    CentredRanks,
    /// Standardised with the population deviation; all 0 where rewards are equal. What evolution strategies for language models use.
    Standardised,
}

impl Shaping {
    /// `[n]` the shaped rewards.
    pub fn apply(self, rewards: &[f64]) -> Vec<f64> {
        match self {
            Self::Raw => rewards.to_vec(),
            Self::CentredRanks => centred_ranks(rewards),
            Self::Standardised => {
                let (centre, deviation) = (mean(rewards), variance(rewards, Deviation::Population).sqrt());
                rewards.iter().map(|reward| if deviation == 0.0 { 0.0 } else { (reward - centre) / deviation }).collect()
            }
        }
    }
}

fn centred_ranks(rewards: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..rewards.len()).collect();
    order.sort_by(|a, b| rewards[*a].total_cmp(&rewards[*b]));
    let most = rewards.len().saturating_sub(1).max(1) as f64;
    let mut shaped = vec![0.0; rewards.len()];
    let mut rank = 0;
    for equal in order.chunk_by(|a, b| rewards[*a] == rewards[*b]) {
        let shared = rank as f64 + (equal.len() - 1) as f64 / 2.0;
        let value = if rewards.len() == 1 { 0.0 } else { shared / most - 0.5 };
        equal.iter().for_each(|&index| shaped[index] = value);
        rank += equal.len();
    }
    shaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_centred_and_ties_share() {
        assert_eq!(Shaping::CentredRanks.apply(&[10.0, -3.0, 0.0]), [0.5, -0.5, 0.0]);
        assert_eq!(Shaping::CentredRanks.apply(&[1.0, 5.0, 1.0]), [-0.25, 0.5, -0.25]);
        assert_eq!(Shaping::CentredRanks.apply(&[2.0; 4]), [0.0; 4]);
        assert_eq!(Shaping::CentredRanks.apply(&[2.0]), [0.0]);
    }

    #[test]
    fn standardised_rewards_have_unit_deviation() {
        assert_eq!(Shaping::Standardised.apply(&[1.0, 3.0]), [-1.0, 1.0]);
        assert_eq!(Shaping::Standardised.apply(&[0.1; 3]), [0.0; 3]);
    }
}
