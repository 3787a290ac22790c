//! What is true of a completion: verdict, audit counts and token counts as plain data.

use serde::{Deserialize, Serialize};

/// All that a reward may read.
///
/// Counts are of the completion alone, not of its prompt. The default is an empty completion that solves nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// Whether the claimed answer solves the problem.
    pub is_solved: bool,
    /// Whether the text reads whole by the grammar of its format.
    pub is_well_formed: bool,
    /// Whether the completion was cut at the length limit.
    pub is_truncated: bool,
    /// How near the answer is, in [0, 1]; the environment's own measure, 1 where solved.
    pub closeness: f64,
    /// Statements that the audit checked; one more where the text is cut.
    pub statements: usize,
    /// Those of them that are true.
    pub true_statements: usize,
    /// Those of them that read in the dialect that was asked for.
    pub readable_statements: usize,
    /// Tokens of the whole completion.
    pub tokens: usize,
    /// Tokens of the search or thought before the answer.
    pub thought_tokens: usize,
    /// Nodes that the told search generated, the root included.
    pub nodes: u64,
    /// Actions of the claimed plan.
    pub plan: u64,
    /// Cost of the claimed plan, where it solves the problem.
    pub cost: Option<u32>,
    /// The ids of the tokens, for repetition.
    pub ids: Vec<u32>,
    /// The discount that this episode was asked to observe, in (0, 1].
    pub gamma: Option<f64>,
}

#[cfg(test)]
pub(super) mod fixture {
    use super::*;

    /// A completion with a verdict and a length.
    pub fn long(is_solved: bool, tokens: usize) -> Evidence {
        Evidence { is_solved, tokens, thought_tokens: tokens, ..Evidence::default() }
    }

    pub fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }
}
