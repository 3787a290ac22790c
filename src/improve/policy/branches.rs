//! Where responses to one prompt part: preferences between single steps (step-DPO, 2406.18629), and branches that are taken to be bad (unlikelihood).
//!
//! A step is a line. A worse response is compared with the better one that shares most of its first lines: up to there both are alike, and the line where
//! they part is the first that can have made the difference. Nothing says that it did: the line may be sound and the mistake come later, or be as good as
//! the one beside it. Verdicts count false statements without saying where they stand, and step-DPO's own pairs, whose first wrong step a judge finds, are
//! not made here.

use std::ops::Range;

use metacot_objectives::{Pair, Role, Sequence, Span};

use super::EpisodeGroup;

/// A worse response beside a better one.
struct Parting {
    better: usize,
    worse: usize,
    /// The lines where they part, in tokens.
    lines: [Range<usize>; 2],
}

/// Preferences between the lines where each worse response parts from a best one of its group. Sequence `i` is the `i`-th response of all groups.
pub(super) fn step_pairs(groups: &[EpisodeGroup], rewards: &[Vec<f64>], sequences: &[Sequence]) -> Vec<Pair> {
    let pair = |parting: Parting| {
        let [chosen, rejected] = parting.lines;
        Pair { chosen: Span { sequence: parting.better, tokens: chosen }, rejected: Span { sequence: parting.worse, tokens: rejected } }
    };
    partings(groups, rewards, sequences).into_iter().map(pair).collect()
}

/// Marks what unlikelihood learns from: best responses of groups that vary stay, of every worse one the line where it parts from them is taken for a bad
/// branch, and all else is masked. What was masked before stays so.
pub(super) fn mark_bad_branches(groups: &[EpisodeGroup], rewards: &[Vec<f64>], sequences: &mut [Sequence]) {
    let partings = partings(groups, rewards, sequences);
    let mut keeps = vec![false; sequences.len()];
    partings.iter().for_each(|parting| keeps[parting.better] = true);
    let own = |parting: &Parting| parting.lines[1].clone().filter(|token| sequences[parting.worse].roles[*token] == Role::Policy).collect();
    let bad: Vec<(usize, Vec<usize>)> = partings.iter().map(|parting| (parting.worse, own(parting))).collect();
    for (sequence, keeps) in sequences.iter_mut().zip(keeps) {
        if !keeps {
            sequence.roles.fill(Role::Masked);
        }
    }
    for (worse, tokens) in bad {
        tokens.into_iter().for_each(|token| sequences[worse].roles[token] = Role::BadBranch);
    }
}

fn partings(groups: &[EpisodeGroup], rewards: &[Vec<f64>], sequences: &[Sequence]) -> Vec<Parting> {
    let mut partings = Vec::new();
    let mut first = 0;
    for (group, rewards) in groups.iter().zip(rewards) {
        let best = rewards.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let ids = |index: usize| group.episodes[index].ids.as_slice();
        for worse in (0..rewards.len()).filter(|&index| rewards[index] < best) {
            let common = |better: usize| ids(better).iter().zip(ids(worse)).take_while(|(a, b)| a == b).count();
            let better = (0..rewards.len()).rev().filter(|&index| rewards[index] == best).max_by_key(|&better| common(better));
            let Some(better) = better else { continue };
            let line = |index: usize, at: usize| sequences[first + index].step_ranges().into_iter().find(|range| range.contains(&at));
            let at = common(better);
            // One that is only the beginning of the other has no line of its own.
            if let (Some(chosen), Some(rejected)) = (line(better, at), line(worse, at)) {
                partings.push(Parting { better: first + better, worse: first + worse, lines: [chosen, rejected] });
            }
        }
        first += rewards.len();
    }
    partings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Responses of lines of two tokens.
    fn group(responses: &[&[u32]]) -> (EpisodeGroup, Vec<Sequence>) {
        let mut group = EpisodeGroup::of_version(0);
        let episode = group.episodes.remove(0);
        group.episodes.extend(responses.iter().map(|ids| super::super::Episode { ids: ids.to_vec(), ..episode.clone() }));
        let sequence = |ids: &&[u32]| Sequence { steps: (0..ids.len()).step_by(2).collect(), ..Sequence::new(0, 0.0, vec![-1.0; ids.len()]) };
        (group, responses.iter().map(sequence).collect())
    }

    #[test]
    fn the_line_where_two_responses_part_is_compared() {
        let (group, sequences) = group(&[&[1, 2, 3, 4, 5, 6], &[1, 2, 9, 9], &[7, 8, 3, 4], &[1, 2, 3, 5, 5, 6]]);
        let pairs = step_pairs(&[group], &[vec![1.0, 1.0, 0.0, 0.0]], &sequences);
        let found: Vec<_> =
            pairs.iter().map(|pair| (pair.chosen.sequence, pair.chosen.tokens.clone(), pair.rejected.sequence, pair.rejected.tokens.clone())).collect();
        assert_eq!(found, [(0, 0..2, 2, 0..2), (0, 2..4, 3, 2..4)]);
    }

    #[test]
    fn bad_branches_are_marked_and_flat_groups_teach_nothing() {
        let (varied, mut sequences) = group(&[&[1, 2, 3, 4], &[1, 2, 9, 9, 5, 5]]);
        let (flat, more) = group(&[&[1, 2], &[3, 4]]);
        sequences.extend(more);
        mark_bad_branches(&[varied, flat], &[vec![1.0, 0.0], vec![1.0, 1.0]], &mut sequences);
        assert_eq!(sequences[0].roles, [Role::Policy; 4]);
        assert_eq!(sequences[1].roles, [Role::Masked, Role::Masked, Role::BadBranch, Role::BadBranch, Role::Masked, Role::Masked]);
        assert!(sequences[2..].iter().all(|sequence| sequence.roles.iter().all(|role| *role == Role::Masked)));
    }

    #[test]
    fn what_was_masked_before_is_no_bad_branch() {
        let (group, mut sequences) = group(&[&[1, 2, 3, 4], &[1, 2, 9, 9], &[1, 2, 8, 8]]);
        sequences[1].is_truncated = true;
        sequences[1].mask_if_truncated();
        sequences[2].roles[2] = Role::Masked;
        mark_bad_branches(&[group], &[vec![1.0, 0.0, 0.0]], &mut sequences);
        assert_eq!(sequences[1].roles, [Role::Masked; 4]);
        assert_eq!(sequences[2].roles, [Role::Masked, Role::Masked, Role::Masked, Role::BadBranch]);
    }
}
