//! Several attempts in one response: who is paid for exploring.
//!
//! RL^2 (1611.02779) maximises the sum of the rewards of all episodes; E-RL^2 (1803.01118) that of the last alone, so that earlier attempts
//! are free exploration. Credit is centred episode by episode over the rollouts of the group that have it, and every token of an episode
//! shares it.

use serde::{Deserialize, Serialize};

use super::{Advantages, Estimate, TokenRewards};
use crate::{Batch, Field, ObjectiveError, Role, Sequence, statistics::mean};

/// Which rewards an episode is credited with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credit {
    /// E-RL^2: that of the last episode, for all episodes.
    #[default]
    Last,
    /// RL^2: the sum over all episodes, for all episodes.
    Sum,
    /// RL^2 without what was already earned: the sum from the episode on; of lower variance and the same expectation.
    ToGo,
}

impl Credit {
    fn share(self, rewards: &[f64]) -> Vec<f64> {
        let suffix = |from: usize| rewards[from..].iter().sum::<f64>();
        (0..rewards.len())
            .map(|episode| match self {
                Self::Last => rewards[rewards.len() - 1],
                Self::Sum => suffix(0),
                Self::ToGo => suffix(episode),
            })
            .collect()
    }
}

/// Credits the attempts of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Episodes {
    /// Which rewards count for which episode.
    pub credit: Credit,
}

/// Centres shares episode by episode on the mean of the rollouts of the group that came so far, and spreads them over the policy's tokens.
pub(super) fn centred(batch: &Batch, rewards: &TokenRewards, shares: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut tokens = vec![Vec::new(); shares.len()];
    for group in batch.groups(&rewards.totals) {
        let baseline = |episode: usize| mean(&group.members.iter().filter_map(|&member| shares[member].get(episode)).copied().collect::<Vec<_>>());
        for &member in &group.members {
            let credit: Vec<f64> = shares[member].iter().enumerate().map(|(episode, share)| share - baseline(episode)).collect();
            tokens[member] = spread(&batch.sequences()[member], &credit);
        }
    }
    tokens
}

/// The same advantage at all tokens of the policy of an episode.
pub(super) fn spread(sequence: &Sequence, episodes: &[f64]) -> Vec<f64> {
    let mut row = vec![0.0; sequence.len()];
    for (range, advantage) in sequence.episode_ranges().into_iter().zip(episodes) {
        range.filter(|token| sequence.roles[*token] == Role::Policy).for_each(|token| row[token] = *advantage);
    }
    row
}

impl Estimate for Episodes {
    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        batch.require(Field::EpisodeRewards)?;
        let shares: Vec<Vec<f64>> = batch.sequences().iter().map(|sequence| self.credit.share(&sequence.episode_rewards)).collect();
        Ok(Advantages::per_token(batch, rewards, centred(batch, rewards, &shares)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};

    fn batch() -> Batch {
        let attempts = |rewards: [f64; 2]| Sequence { episodes: vec![0, 1], episode_rewards: rewards.to_vec(), ..Sequence::new(0, 0.0, vec![-1.0; 3]) };
        Batch::new(vec![attempts([1.0, 0.0]), attempts([0.0, 1.0])]).unwrap()
    }

    #[test]
    fn only_the_last_episode_pays_in_e_rl2() {
        let found = full(&Episodes { credit: Credit::Last }, &batch());
        assert_eq!(found.tokens, [[-0.5; 3], [0.5; 3]]);
    }

    #[test]
    fn all_episodes_pay_in_rl2() {
        assert_eq!(full(&Episodes { credit: Credit::Sum }, &batch()).tokens, [[0.0; 3]; 2]);
        // To go: 1, 0 against 1, 1.
        assert_eq!(full(&Episodes { credit: Credit::ToGo }, &batch()).tokens, [[0.0, -0.5, -0.5], [0.0, 0.5, 0.5]]);
    }

    #[test]
    fn an_episode_that_no_other_rollout_reached_has_nothing_to_compare_with() {
        let short = Sequence { episode_rewards: vec![1.0], ..Sequence::new(0, 0.0, vec![-1.0]) };
        let batch = Batch::new([batch().sequences()[1].clone(), short].to_vec()).unwrap();
        assert_eq!(full(&Episodes { credit: Credit::ToGo }, &batch).tokens, [vec![0.0; 3], vec![0.0]]);
    }
}
