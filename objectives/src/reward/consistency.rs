//! One dialect throughout: R1's language consistency (2501.12948, section 2.3.2), the share of text in the language asked for.
//!
//! Counted in statements, not in words: those that read in the dialect of the task. Text without statements earns 0.

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade};

/// Pays for staying in one dialect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consistency {}

impl Grade for Consistency {
    fn score(&self, evidence: &Evidence) -> f64 {
        evidence.readable_statements as f64 / evidence.statements.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_statements_is_paid() {
        assert_eq!(Consistency {}.score(&Evidence { statements: 4, readable_statements: 3, ..Evidence::default() }), 0.75);
        assert_eq!(Consistency {}.score(&Evidence::default()), 0.0);
    }
}
