//! Groups of earlier steps that are trained on again; their importance weights are the objective's.

use metacot_envs::SeedTree;
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::EpisodeGroup;

/// How much is kept and how much of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayConfig {
    /// Groups kept, the newest of those that the filter kept.
    pub capacity: usize,
    /// Groups of each step that come from the buffer, in addition to its own; fewer while there are fewer.
    pub groups: usize,
    /// Optimizer steps after which a response is too old.
    pub max_staleness: usize,
}

impl ReplayConfig {
    pub(super) fn validate(&self) -> Result<(), String> {
        match self.capacity >= self.groups && self.groups > 0 {
            true => Ok(()),
            false => Err(format!("replay.capacity = {} and replay.groups = {} are not allowed; expected capacity >= groups >= 1", self.capacity, self.groups)),
        }
    }
}

/// The groups, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Replay {
    groups: Vec<EpisodeGroup>,
}

impl Replay {
    /// Draws groups for a step at `updates`, in order of age; drops those that are too old.
    pub fn draw(&mut self, config: &ReplayConfig, updates: usize, seeds: &SeedTree) -> Vec<EpisodeGroup> {
        self.groups.retain(|group| updates - group.version() <= config.max_staleness);
        let mut order: Vec<usize> = (0..self.groups.len()).collect();
        order.shuffle(&mut seeds.stream(0));
        order.truncate(config.groups);
        order.sort_unstable();
        order.into_iter().map(|index| self.groups[index].clone()).collect()
    }

    /// Takes in the groups of a step.
    pub fn add(&mut self, config: &ReplayConfig, groups: &[EpisodeGroup]) {
        self.groups.extend_from_slice(groups);
        let surplus = self.groups.len().saturating_sub(config.capacity);
        self.groups.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_groups_are_kept_and_the_too_old_are_not_drawn() {
        let config = ReplayConfig { capacity: 3, groups: 2, max_staleness: 4 };
        let mut replay = Replay::default();
        let group = |version: usize| EpisodeGroup::of_version(version);
        replay.add(&config, &[group(0), group(1), group(2), group(3)]);
        let versions = |groups: &[EpisodeGroup]| groups.iter().map(EpisodeGroup::version).collect::<Vec<_>>();
        assert_eq!(versions(&replay.groups), [1, 2, 3]);
        let drawn = replay.draw(&config, 6, &SeedTree::root(1));
        assert_eq!(versions(&drawn), [2, 3]);
        assert_eq!(versions(&replay.groups), [2, 3]);
    }
}
