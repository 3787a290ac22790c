//! The share of statements that are true: an exact process reward.
//!
//! Text without statements earns 0, so that silence is not the best process. With `strict`, one false statement forfeits everything.

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade};

/// Pays for true statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// Whether only text without any false statement is paid.
    pub strict: bool,
}

impl Grade for Process {
    fn score(&self, evidence: &Evidence) -> f64 {
        let share = evidence.true_statements as f64 / evidence.statements.max(1) as f64;
        if self.strict && evidence.true_statements < evidence.statements { 0.0 } else { share }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_true_statements_is_paid() {
        let evidence = Evidence { statements: 8, true_statements: 6, ..Evidence::default() };
        assert_eq!((Process { strict: false }.score(&evidence), Process { strict: true }.score(&evidence)), (0.75, 0.0));
        assert_eq!(Process { strict: true }.score(&Evidence { true_statements: 8, ..evidence }), 1.0);
        assert_eq!(Process::default().score(&Evidence::default()), 0.0);
    }
}
