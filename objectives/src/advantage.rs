//! Who gets the credit: from rewards of responses to one number per token. **One file and one line per estimator.**
//!
//! An estimator sees rewards per token (the outcome at the last trained token, step rewards at the ends of their steps, a KL penalty
//! wherever it arises) and never log-probabilities under the weights that are being trained: advantages are estimated once per step and
//! hold for all its mini-batches and epochs.

mod best_of;
mod dr_grpo;
mod episodes;
mod exponential;
mod gae;
mod gpg;
mod group_norm;
mod monte_carlo;
mod operation;
mod opo;
mod pass_at_k;
mod raw;
mod reinforce;
mod reinforce_pp;
mod reinforce_pp_baseline;
mod rloo;
mod score;
mod threshold;
mod token_rewards;
mod turns;
mod verifier_free;
mod vine;

pub use best_of::BestOf;
pub use dr_grpo::DrGrpo;
pub use episodes::{Credit, Episodes};
pub use exponential::{Exponential, Weighing};
pub use gae::{Gae, generalized_advantages};
pub use gpg::Gpg;
pub use group_norm::{Constants, Convention, GroupNorm, Placement as EpsilonPlacement, Scale, Single};
pub use monte_carlo::MonteCarlo;
pub use operation::Operation;
pub use opo::Opo;
pub use pass_at_k::{PassAtK, PassAtKForm};
pub use raw::Raw;
pub use reinforce::{Baseline, Reinforce};
pub use reinforce_pp::ReinforcePp;
pub use reinforce_pp_baseline::ReinforcePpBaseline;
pub use rloo::Rloo;
pub use score::{Score, score_bonus};
pub use threshold::Threshold;
pub use token_rewards::TokenRewards;
pub use turns::Turns;
pub use verifier_free::VerifierFree;
pub use vine::Vine;

use crate::{Batch, Group, ObjectiveError, registry::registry};

/// The contract of an estimator.
pub trait Estimate {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// One is not.
    fn check(&self) -> Result<(), ObjectiveError> {
        Ok(()) // There are no settings.
    }

    /// Credits every token of the policy.
    ///
    /// # Errors
    /// The batch lacks what the estimator reads.
    fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError>;
}

registry! {
    /// An estimator of advantages with its constants.
    Advantage implements Estimate {
        "reward" => Raw(Raw),
        "threshold" => Threshold(Threshold),
        "best-of" => BestOf(BestOf),
        "exponential" => Exponential(Exponential),
        "group-norm" => GroupNorm(GroupNorm),
        "dr-grpo" => DrGrpo(DrGrpo),
        "rloo" => Rloo(Rloo),
        "reinforce" => Reinforce(Reinforce),
        "reinforce++" => ReinforcePp(ReinforcePp),
        "reinforce++-baseline" => ReinforcePpBaseline(ReinforcePpBaseline),
        "opo" => Opo(Opo),
        "pass-at-k" => PassAtK(PassAtK),
        "gpg" => Gpg(Gpg),
        "gae" => Gae(Gae),
        "monte-carlo" => MonteCarlo(MonteCarlo),
        "vine" => Vine(Vine),
        "operation" => Operation(Operation),
        "episodes" => Episodes(Episodes),
        "score" => Score(Score),
        "turns" => Turns(Turns),
        "verifier-free" => VerifierFree(VerifierFree),
    }
}

impl Advantage {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// One is not.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        self.inner().check()
    }

    /// Credits every token of the policy; see [`Estimate::estimate`].
    ///
    /// # Errors
    /// The batch lacks what the estimator reads.
    pub fn estimate(&self, batch: &Batch, rewards: &TokenRewards) -> Result<Advantages, ObjectiveError> {
        self.inner().estimate(batch, rewards)
    }
}

/// The groups of a batch by what they can teach.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupSummary {
    /// Groups.
    pub groups: usize,
    /// Groups whose rewards are all equal.
    pub flat: usize,
    /// Groups whose responses are all right.
    pub all_right: usize,
    /// Groups without a right response.
    pub all_wrong: usize,
    /// Groups of a single rollout; they count as flat, too.
    pub singletons: usize,
}

impl GroupSummary {
    /// A number of groups as a share of all.
    pub fn share(&self, groups: usize) -> f64 {
        if self.groups == 0 { 0.0 } else { groups as f64 / self.groups as f64 }
    }

    fn of(groups: &[Group]) -> Self {
        let count = |is_so: fn(&Group) -> bool| groups.iter().filter(|group| is_so(group)).count();
        Self {
            groups: groups.len(),
            flat: count(Group::is_flat),
            all_right: count(|group| group.num_solved() == group.members.len()),
            all_wrong: count(|group| group.num_solved() == 0),
            singletons: count(|group| group.members.len() == 1),
        }
    }
}

/// Credit per token.
///
/// # Shapes
/// `[b][t]` as the batch; 0 at tokens that are not the policy's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advantages {
    /// `[b][t]` the advantage of each token.
    pub tokens: Vec<Vec<f64>>,
    /// `[b][t]` what value predictions are trained towards; empty where the estimator has no critic.
    pub returns: Vec<Vec<f64>>,
    /// `[b][t]` whether a return is an estimate and not the prediction itself, which stands for it where an estimator has one target per line or attempt;
    /// empty where all are.
    pub targets: Vec<Vec<bool>>,
    /// What the groups of the whole step can teach; a mini-batch keeps it.
    pub groups: GroupSummary,
}

impl Advantages {
    /// The same advantage at every token of the policy of a sequence.
    pub fn per_sequence(batch: &Batch, rewards: &TokenRewards, advantages: &[f64]) -> Self {
        let spread = |(sequence, advantage): (&crate::Sequence, &f64)| {
            let mut row = vec![0.0; sequence.len()];
            sequence.policy_tokens().for_each(|token| row[token] = *advantage);
            row
        };
        Self::per_token(batch, rewards, batch.sequences().iter().zip(advantages).map(spread).collect())
    }

    /// Advantages that differ from token to token.
    pub fn per_token(batch: &Batch, rewards: &TokenRewards, tokens: Vec<Vec<f64>>) -> Self {
        Self { tokens, returns: Vec::new(), targets: Vec::new(), groups: GroupSummary::of(&batch.groups(&rewards.totals)) }
    }

    /// The advantages of a mini-batch.
    ///
    /// # Errors
    /// An index does not exist.
    pub fn select(&self, indices: &[usize]) -> Result<Self, ObjectiveError> {
        fn rows<T: Clone>(rows: &[Vec<T>], indices: &[usize]) -> Result<Vec<Vec<T>>, ObjectiveError> {
            indices.iter().map(|&index| rows.get(index).cloned().ok_or(ObjectiveError::Shape)).collect()
        }
        let returns = if self.returns.is_empty() { Vec::new() } else { rows(&self.returns, indices)? };
        let targets = if self.targets.is_empty() { Vec::new() } else { rows(&self.targets, indices)? };
        Ok(Self { tokens: rows(&self.tokens, indices)?, returns, targets, groups: self.groups })
    }

    /// Whether the return of a token is an estimate.
    pub(crate) fn is_target(&self, sequence: usize, token: usize) -> bool {
        self.targets.is_empty() || self.targets[sequence][token]
    }

    pub(crate) fn fits(&self, batch: &Batch) -> bool {
        fn fits<T>(rows: &[Vec<T>], batch: &Batch) -> bool {
            rows.len() == batch.sequences().len() && rows.iter().zip(batch.sequences()).all(|(row, sequence)| row.len() == sequence.len())
        }
        let optional = [self.returns.is_empty() || fits(&self.returns, batch), self.targets.is_empty() || fits(&self.targets, batch)];
        fits(&self.tokens, batch) && optional == [true; 2]
    }
}

/// One advantage per rollout, group by group.
pub(crate) fn per_group(
    batch: &Batch,
    rewards: &TokenRewards,
    mut estimate: impl FnMut(&Group) -> Result<Vec<f64>, ObjectiveError>,
) -> Result<Advantages, ObjectiveError> {
    let mut advantages = vec![0.0; batch.sequences().len()];
    for group in batch.groups(&rewards.totals) {
        for (&member, advantage) in group.members.iter().zip(estimate(&group)?) {
            advantages[member] = advantage;
        }
    }
    Ok(Advantages::per_sequence(batch, rewards, &advantages))
}

/// Whitens the policy's tokens of all rows together.
pub(crate) fn whiten_policy_tokens(batch: &Batch, rows: &mut [Vec<f64>]) {
    let places: Vec<(usize, usize)> =
        batch.sequences().iter().enumerate().flat_map(|(index, sequence)| sequence.policy_tokens().map(move |token| (index, token))).collect();
    let mut numbers: Vec<f64> = places.iter().map(|&(index, token)| rows[index][token]).collect();
    crate::statistics::whiten(&mut numbers);
    for (&(index, token), number) in places.iter().zip(numbers) {
        rows[index][token] = number;
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::*;
    use crate::{KlPenalty, Role, Sequence};

    /// Responses of one token each, as `(prompt, reward)`.
    pub fn rollouts(rewards: &[(usize, f64)]) -> Batch {
        Batch::new(rewards.iter().map(|&(prompt, reward)| Sequence::new(prompt, reward, vec![-1.0])).collect()).unwrap()
    }

    /// The first token's advantage of every sequence.
    pub fn estimate(estimator: &dyn Estimate, batch: &Batch) -> Vec<f64> {
        let rewards = TokenRewards::of(batch, &KlPenalty::default()).unwrap();
        estimator.estimate(batch, &rewards).unwrap().tokens.iter().map(|row| row[0]).collect()
    }

    /// Everything that an estimator says of a batch.
    pub fn full(estimator: &dyn Estimate, batch: &Batch) -> Advantages {
        estimator.estimate(batch, &TokenRewards::of(batch, &KlPenalty::default()).unwrap()).unwrap()
    }

    /// A response whose second token is masked and holds no number.
    pub fn holed(prompt: usize, reward: f64) -> Sequence {
        let mut sequence = Sequence::new(prompt, reward, vec![-1.0, f64::NAN, -2.0]);
        sequence.roles[1] = Role::Masked;
        sequence
    }

    pub fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} is not {expected:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Sequence;

    #[test]
    fn flat_groups_are_told_apart() {
        let batch = fixture::rollouts(&[(0, 1.0), (0, 1.0), (1, 0.0), (1, 0.0), (2, 1.0), (2, 0.0), (3, 0.0)]);
        let summary = fixture::full(&Raw {}, &batch).groups;
        assert_eq!(summary, GroupSummary { groups: 4, flat: 3, all_right: 1, all_wrong: 2, singletons: 1 });
    }

    #[test]
    fn what_is_right_is_not_what_earns() {
        // Two wrong answers, one of which earns a bonus; two right ones, one of which is paid less.
        let response = |prompt: usize, reward: f64, is_solved: bool| Sequence { is_solved, ..Sequence::new(prompt, reward, vec![-1.0]) };
        let batch = Batch::new(vec![response(0, 0.1, false), response(0, 0.0, false), response(1, 1.0, true), response(1, 0.5, true)]).unwrap();
        assert_eq!(fixture::full(&Raw {}, &batch).groups, GroupSummary { groups: 2, flat: 0, all_right: 1, all_wrong: 1, singletons: 0 });
    }

    #[test]
    fn masked_tokens_get_no_credit() {
        let batch = Batch::new(vec![fixture::holed(0, 2.0)]).unwrap();
        assert_eq!(fixture::full(&Raw {}, &batch).tokens, [[2.0, 0.0, 2.0]]);
    }
}
