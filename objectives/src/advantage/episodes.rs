//! Several attempts in one response: who is paid for exploring.
//!
//! RL^2 (1611.02779) maximises the sum of the rewards of all episodes; E-RL^2 (1803.01118) that of the last alone, so that earlier attempts
//! are free exploration. Credit is centred episode by episode over the rollouts of the group that have it, and every token of an episode
//! shares it.
//!
//! What an episode costs beside its reward (rewards of steps that end in it, such as the price of an attempt that does not read, and a KL penalty in the
//! reward) is charged to it and to the episodes before it, in every form of credit: free exploration is free of rewards, not of costs.

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
    /// The credit of each episode, from the rewards and the costs of all.
    fn share(self, rewards: &[f64], costs: &[f64]) -> Vec<f64> {
        let from = |numbers: &[f64], episode: usize| numbers[episode..].iter().sum::<f64>();
        (0..rewards.len())
            .map(|episode| match self {
                Self::Last => rewards[rewards.len() - 1] - from(costs, episode),
                Self::Sum => from(rewards, 0) - from(costs, 0),
                Self::ToGo => from(rewards, episode) - from(costs, episode),
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

/// What each episode costs: the KL penalty of its tokens less the rewards of the steps that end in it.
pub(super) fn costs(sequence: &Sequence, penalties: &[f64]) -> Vec<f64> {
    let episodes = sequence.episode_ranges();
    let mut costs: Vec<f64> = episodes.iter().map(|range| penalties[range.clone()].iter().sum()).collect();
    for (step, reward) in sequence.step_ranges().into_iter().zip(&sequence.step_rewards) {
        let end = step.end - 1;
        if let Some(episode) = episodes.iter().position(|range| range.contains(&end)) {
            costs[episode] -= reward;
        }
    }
    costs
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
        let share = |(sequence, penalties): (&Sequence, &Vec<f64>)| self.credit.share(&sequence.episode_rewards, &costs(sequence, penalties));
        let shares: Vec<Vec<f64>> = batch.sequences().iter().zip(&rewards.penalties).map(share).collect();
        Ok(Advantages::per_token(batch, rewards, centred(batch, rewards, &shares)))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::fixture::*, *};
    use crate::{Estimator, KlPenalty};

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

    /// Two attempts of a token each that earn 0 and 1; the first does not read, which costs 0.2. Beside it two attempts that earn 1 each.
    fn charged() -> Batch {
        let attempts = |rewards: [f64; 2], paid: [f64; 2]| Sequence {
            episodes: vec![0, 1],
            episode_rewards: rewards.to_vec(),
            steps: vec![0, 1],
            step_rewards: paid.to_vec(),
            logp_ref: vec![-1.5, -3.0],
            ..Sequence::new(0, 0.0, vec![-1.0; 2])
        };
        Batch::new(vec![attempts([0.0, 1.0], [-0.2, 0.0]), attempts([1.0, 1.0], [0.0, 0.0])]).unwrap()
    }

    #[test]
    fn an_attempt_pays_for_what_it_costs() {
        let found = |credit: Credit| full(&Episodes { credit }, &charged()).tokens;
        // To go: 0.8 and 1 against 2 and 1; last: 0.8 and 1 against 1 and 1; sum: 0.8 against 2.
        for (credit, first) in [(Credit::ToGo, [-0.6, 0.0]), (Credit::Last, [-0.1, 0.0]), (Credit::Sum, [-0.6, -0.6])] {
            close(&found(credit)[0], &first);
            close(&found(credit)[1], &first.map(|number| -number));
        }
    }

    #[test]
    fn a_penalty_in_the_reward_is_charged_to_its_attempt() {
        // Gaps 0.5 and 2 at both responses; a third one earns as the second and has gone nowhere: its penalties are 0.
        let mut sequences = charged().sequences()[1..].to_vec();
        sequences.push(Sequence { logp_ref: vec![-1.0; 2], ..sequences[0].clone() });
        let batch = Batch::new(sequences).unwrap();
        let rewards = TokenRewards::of(&batch, &KlPenalty::in_reward(0.1, Estimator::K1)).unwrap();
        let tokens = |credit: Credit| Episodes { credit }.estimate(&batch, &rewards).unwrap().tokens;
        // Costs 0.05 and 0.2 against none: 0.25 to come at the first attempt, 0.2 at the second.
        for credit in [Credit::ToGo, Credit::Last] {
            close(&tokens(credit)[0], &[-0.125, -0.1]);
            close(&tokens(credit)[1], &[0.125, 0.1]);
        }
        close(&tokens(Credit::Sum)[0], &[-0.125, -0.125]);
    }

    #[test]
    fn an_episode_that_no_other_rollout_reached_has_nothing_to_compare_with() {
        let short = Sequence { episode_rewards: vec![1.0], ..Sequence::new(0, 0.0, vec![-1.0]) };
        let batch = Batch::new([batch().sequences()[1].clone(), short].to_vec()).unwrap();
        assert_eq!(full(&Episodes { credit: Credit::ToGo }, &batch).tokens, [vec![0.0; 3], vec![0.0]]);
    }
}
