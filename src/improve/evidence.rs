//! From a verdict to what a reward may read.

use metacot_objectives::Evidence;

use crate::grade::Rollout;

/// All that a reward may read of a response; `ids` are its tokens.
pub fn evidence(rollout: &Rollout, ids: &[u32]) -> Evidence {
    let counts = &rollout.counts;
    Evidence {
        is_solved: rollout.is_correct,
        is_well_formed: rollout.is_format_ok,
        is_truncated: !rollout.is_finished,
        closeness: counts.closeness,
        statements: counts.statements as usize,
        true_statements: counts.true_statements as usize,
        readable_statements: counts.readable as usize,
        tokens: rollout.tokens as usize,
        thought_tokens: rollout.thought_tokens as usize,
        nodes: u64::from(counts.nodes),
        plan: u64::from(counts.plan),
        cost: rollout.cost,
        ids: ids.to_vec(),
        gamma: None,
    }
}
