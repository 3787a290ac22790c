//! Values of the states between steps by sampling on from them (VinePPO, 2410.01679).
//!
//! From each chosen line on, the sampler completes the response several times; the mean reward is the value of what stands before the line. Before the
//! first line it is the mean of the group itself. A completion has the room that the response had from there on, and is paid as the response is, by
//! the discount of its effort where it has one: values are of the episode's own process.

use metacot_envs::SeedTree;
use metacot_objectives::Evidence;
use metacot_traces::task::Problem;
use serde::{Deserialize, Serialize};

use super::{EpisodeGroup, episode::Draw};
use crate::{
    grade::judge,
    improve::evidence,
    sample::{Ask, Completion, CpuDecoder, Request, SampleConfig},
};

/// How values of steps are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VineConfig {
    /// Completions of each state; the paper's K is 9.
    pub rollouts: usize,
    /// Most steps of a response; where it has more lines, neighbours are one step.
    pub steps: usize,
}

impl Default for VineConfig {
    fn default() -> Self {
        Self { rollouts: 3, steps: 6 }
    }
}

impl VineConfig {
    pub(super) fn validate(&self) -> Result<(), String> {
        match self.rollouts == 0 || self.steps == 0 {
            true => Err(format!("vine.rollouts = {} and vine.steps = {} are not allowed; expected at least 1 each", self.rollouts, self.steps)),
            false => Ok(()),
        }
    }

    /// The first tokens of the steps among those of the lines.
    pub(super) fn starts(&self, lines: &[usize]) -> Vec<usize> {
        let count = self.steps.min(lines.len());
        (0..count).map(|step| lines[step * lines.len() / count]).collect()
    }
}

/// Samples the values of the steps of all responses and keeps them in the episodes; `reward` pays what is true of a response of a group. Gives the
/// number of sampled tokens.
///
/// Completion `k` from step `s` of response `j` of group `i` draws from `seeds.index(i).index(j).index(s).stream(k)`.
pub(super) fn sample_values(
    config: VineConfig,
    draw: &Draw<'_>,
    pool: &[Problem],
    reward: &dyn Fn(&EpisodeGroup, Evidence) -> f64,
    groups: &mut [EpisodeGroup],
    decoder: &mut CpuDecoder,
    seeds: &SeedTree,
) -> u64 {
    let mut requests: Vec<(Request, SampleConfig)> = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        for (response, episode) in group.episodes.iter().enumerate() {
            for (step, start) in config.starts(&episode.line_starts(draw.tokenizer)).into_iter().enumerate().skip(1) {
                let prompt = [group.prompt.as_slice(), &episode.ids[..start]].concat();
                let limits = SampleConfig { max_new_tokens: room(draw.config, start), ..draw.config.clone() };
                let streams = seeds.index(number as u64).index(response as u64).index(step as u64);
                let request = |rollout| (Request { prompt: prompt.clone(), rng: streams.stream(rollout) }, limits.clone());
                requests.extend((0..config.rollouts as u64).map(request));
            }
        }
    }
    let asks: Vec<Ask<'_>> = requests.iter().map(|(request, config)| Ask { request, config, mask: None }).collect();
    let mut completions = decoder.complete_each(&asks).into_iter();
    let mut tokens = 0;
    for group in groups {
        let own: f64 = group.episodes.iter().map(|episode| reward(group, episode.evidence())).sum();
        let before_all = own / group.episodes.len().max(1) as f64;
        let problem = &pool[group.problem];
        let mut all = Vec::with_capacity(group.episodes.len());
        for episode in &group.episodes {
            let mut values = vec![before_all];
            for start in config.starts(&episode.line_starts(draw.tokenizer)).into_iter().skip(1) {
                let mut sum = 0.0;
                for completion in completions.by_ref().take(config.rollouts) {
                    tokens += completion.ids.len() as u64;
                    let ids = [&episode.ids[..start], &completion.ids].concat();
                    let whole = Completion { log_probs: Vec::new(), is_finished: completion.is_finished, ids };
                    sum += reward(group, evidence(&judge(draw.task, draw.tokenizer, problem, &whole), &whole.ids));
                }
                values.push(sum / config.rollouts as f64);
            }
            all.push(values);
        }
        for (episode, values) in group.episodes.iter_mut().zip(all) {
            episode.step_value_bits = values.iter().map(|value| value.to_bits()).collect();
        }
    }
    tokens
}

/// The tokens that a response of these settings has left where `start` of them are said.
fn room(config: &SampleConfig, start: usize) -> usize {
    config.max_new_tokens.saturating_sub(start).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_spread_over_the_lines() {
        let config = VineConfig { rollouts: 1, steps: 3 };
        assert_eq!(config.starts(&[0, 5, 9, 12, 20, 31]), [0, 9, 20]);
        assert_eq!(config.starts(&[0, 4]), [0, 4]);
        assert!(VineConfig { rollouts: 0, steps: 3 }.validate().is_err());
    }
}
