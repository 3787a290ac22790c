//! From a verdict to what a reward may read.

use metacot_objectives::Evidence;

use crate::grade::Rollout;

/// All that a reward may read of a response; `ids` are its tokens and may be left out.
///
/// The audit names false statements and does not count true ones: lines stand for statements, and each false one takes one line.
pub fn evidence(rollout: &Rollout, ids: &[u32]) -> Evidence {
    let lines = rollout.response.lines().count();
    let defects: u64 = rollout.defects.values().sum();
    Evidence {
        is_solved: rollout.is_correct,
        is_well_formed: rollout.is_format_ok,
        is_truncated: !rollout.is_finished,
        closeness: f64::from(u8::from(rollout.is_correct)),
        statements: lines,
        true_statements: lines.saturating_sub(defects as usize),
        lines,
        lines_in_dialect: if rollout.is_format_ok { lines } else { 0 },
        tokens: rollout.tokens as usize,
        thought_tokens: rollout.tokens as usize,
        ids: ids.to_vec(),
        ..Evidence::default()
    }
}
