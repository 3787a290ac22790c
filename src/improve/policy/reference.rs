//! Reference solutions behind the policy's own thoughts, for learning without a verifier (Meta-CoT, 2501.04682, section 7.2.1).
//!
//! A response is its thought, all lines but the last, and its answer, the last line. The answer is taken away and that of a symbolic search is put in
//! its place: how likely it is after the thought is all that the thought is paid by. No verdict is read.

use metacot_envs::{SeedTree, Settings};
use metacot_traces::{Budget, task::Problem};

use super::{EpisodeGroup, episode::Draw};
use crate::{error::Result, tokenizer::Tokenizer};

/// The search whose answers are the references.
const SEARCH: &str = "dfs";

/// Puts the reference answers behind the thoughts of some groups; responses without a thought, and problems that the search does not solve, drop out.
pub(super) fn put_references(draw: &Draw<'_>, pool: &[Problem], groups: &mut [EpisodeGroup]) -> Result<()> {
    for group in groups {
        let mut rng = SeedTree::root(0).child("reference").stream(group.problem as u64);
        let solution = draw.task.search(SEARCH, &Settings::default(), &pool[group.problem], Budget::default(), &mut rng)?;
        let answer = solution.plan.is_some().then(|| solution.text.lines().next_back().unwrap_or_default().to_owned());
        let Some(answer) = answer.filter(|answer| !answer.is_empty()) else {
            group.episodes.clear();
            continue;
        };
        let mut reference = draw.tokenizer.encode(&answer);
        reference.push(Tokenizer::EOS);
        group.episodes.retain_mut(|episode| {
            let lines = episode.line_starts(draw.tokenizer);
            let thought = lines.last().copied().unwrap_or(0);
            if !episode.verdict.is_finished || thought == 0 {
                return false;
            }
            episode.ids.truncate(thought);
            episode.log_prob_bits.truncate(thought);
            episode.ids.extend(&reference);
            episode.log_prob_bits.resize(episode.ids.len(), 0.0_f32.to_bits());
            episode.reference_at = Some(thought);
            true
        });
    }
    Ok(())
}
