//! A solution is worth more the fewer nodes its search generated.
//!
//! `penetrance`: nodes on the plan over nodes generated, 1 for a search without a wrong turn (Nilsson 1971, `L / N`; the root counts in both).
//! `ratio`: `nodes of a reference / nodes`, at most `cap`. `rating`: Stream of Search's `1 - (nodes + 1) / bound` with the number of nodes of the whole
//! tree as bound (2404.03683; 1152 for four numbers). Unsolved earns 0. Nodes are counted as far as the told search is true, so a search that is false
//! early looks small: combine with `process` or a gate where that pays.

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade};
use crate::ObjectiveError;

/// What nodes are compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Measure {
    /// The nodes on the claimed plan.
    #[default]
    Penetrance,
    /// The nodes of a reference search.
    Ratio {
        /// Its nodes, say the mean of a corpus.
        nodes: f64,
        /// The most that beating the reference may earn.
        cap: f64,
    },
    /// The size of the whole tree.
    Rating {
        /// The number of nodes from which a solution earns nothing.
        bound: u64,
    },
}

/// Pays for solutions by the size of their search.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Efficiency {
    /// What nodes are compared with.
    pub measure: Measure,
}

impl Grade for Efficiency {
    fn score(&self, evidence: &Evidence) -> f64 {
        let nodes = evidence.nodes.max(1) as f64;
        match self.measure {
            _ if !evidence.is_solved => 0.0,
            Measure::Penetrance => ((evidence.plan as f64 + 1.0) / nodes).min(1.0),
            Measure::Ratio { nodes: reference, cap } => (reference / nodes).min(cap),
            Measure::Rating { bound } => (1.0 - (evidence.nodes as f64 + 1.0) / bound.max(1) as f64).max(0.0),
        }
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        let refused = |setting, value| Err(ObjectiveError::Setting { setting, value, expected: "a number above 0" });
        match self.measure {
            Measure::Ratio { nodes, .. } if !(nodes.is_finite() && nodes > 0.0) => refused("nodes", nodes),
            Measure::Ratio { cap, .. } if !(cap.is_finite() && cap > 0.0) => refused("cap", cap),
            Measure::Rating { bound: 0 } => refused("bound", 0.0),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(nodes: u64) -> Evidence {
        Evidence { is_solved: true, nodes, plan: 4, ..Evidence::default() }
    }

    #[test]
    fn small_searches_earn_more() {
        // Five nodes lie on a plan of four actions.
        assert_eq!([5, 10, 40].map(|nodes| Efficiency::default().score(&searched(nodes))), [1.0, 0.5, 0.125]);
        let ratio = Efficiency { measure: Measure::Ratio { nodes: 10.0, cap: 1.5 } };
        assert_eq!([5, 10, 40].map(|nodes| ratio.score(&searched(nodes))), [1.5, 1.0, 0.25]);
        let rating = Efficiency { measure: Measure::Rating { bound: 1152 } };
        assert_eq!([287, 2000].map(|nodes| rating.score(&searched(nodes))), [0.75, 0.0]);
        assert_eq!(rating.score(&Evidence { is_solved: false, ..searched(1) }), 0.0);
        assert!(Efficiency { measure: Measure::Rating { bound: 0 } }.check().is_err());
    }
}
