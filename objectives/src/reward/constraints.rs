//! Stated constraints, each checked by a program: the verifiable instruction following of Tülu 3 (2411.15124, section 6).
//!
//! Without constraints the reward is 1: none is violated.

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade};

/// Pays for constraints that are met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Constraints {
    /// Whether only meeting all of them is paid; else the share.
    pub strict: bool,
}

impl Grade for Constraints {
    fn score(&self, evidence: &Evidence) -> f64 {
        let met = evidence.constraints.iter().filter(|met| **met).count();
        match evidence.constraints.len() {
            0 => 1.0,
            all if self.strict => f64::from(u8::from(met == all)),
            all => met as f64 / all as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_paid_by_share_or_all_together() {
        let evidence = Evidence { constraints: vec![true, true, false, true], ..Evidence::default() };
        assert_eq!((Constraints { strict: false }.score(&evidence), Constraints { strict: true }.score(&evidence)), (0.75, 0.0));
        assert_eq!(Constraints { strict: true }.score(&Evidence::default()), 1.0);
    }
}
