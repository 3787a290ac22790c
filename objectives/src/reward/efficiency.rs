//! A solution is worth more the fewer nodes its search generated.
//!
//! `ratio`: `reference / nodes`, at most `cap`; 1 is as good as the reference search. `rating`: Stream of Search's
//! `1 - (nodes + 1) / bound` with the number of nodes of the whole tree as bound (2404.03683; 1152 for four numbers). Unsolved earns 0.

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade};

/// What nodes are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Measure {
    /// The nodes of a reference search; a problem without one earns 1.
    Ratio {
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Efficiency {
    /// What nodes are compared with.
    pub measure: Measure,
}

impl Default for Efficiency {
    fn default() -> Self {
        Self { measure: Measure::Ratio { cap: 1.0 } }
    }
}

impl Grade for Efficiency {
    fn score(&self, evidence: &Evidence) -> f64 {
        match self.measure {
            _ if !evidence.is_solved => 0.0,
            Measure::Ratio { .. } if evidence.reference_nodes == 0 => 1.0,
            Measure::Ratio { cap } => (evidence.reference_nodes as f64 / evidence.nodes.max(1) as f64).min(cap),
            Measure::Rating { bound } => (1.0 - (evidence.nodes as f64 + 1.0) / bound.max(1) as f64).max(0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(nodes: u64) -> Evidence {
        Evidence { is_solved: true, nodes, reference_nodes: 10, ..Evidence::default() }
    }

    #[test]
    fn small_searches_earn_more() {
        assert_eq!([5, 10, 40].map(|nodes| Efficiency::default().score(&searched(nodes))), [1.0, 1.0, 0.25]);
        let rating = Efficiency { measure: Measure::Rating { bound: 1152 } };
        assert_eq!([287, 2000].map(|nodes| rating.score(&searched(nodes))), [0.75, 0.0]);
        assert_eq!(rating.score(&Evidence { is_solved: false, ..searched(1) }), 0.0);
    }
}
