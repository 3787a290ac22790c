//! Good form, whatever the answer: R1-Zero's second reward (2501.12948, section 2.2.2).

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade, finite};
use crate::ObjectiveError;

/// Pays for well-formed text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Format {
    /// For text that reads whole and was not cut.
    pub good: f64,
    /// For any other.
    pub bad: f64,
}

impl Default for Format {
    fn default() -> Self {
        Self { good: 1.0, bad: 0.0 }
    }
}

impl Grade for Format {
    fn score(&self, evidence: &Evidence) -> f64 {
        if evidence.is_well_formed && !evidence.is_truncated { self.good } else { self.bad }
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        finite(&[("good", self.good), ("bad", self.bad)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_text_is_not_in_good_form() {
        let good = Evidence { is_well_formed: true, ..Evidence::default() };
        assert_eq!(Format::default().score(&good), 1.0);
        assert_eq!(Format { good: 1.0, bad: -0.5 }.score(&Evidence { is_truncated: true, ..good }), -0.5);
    }
}
