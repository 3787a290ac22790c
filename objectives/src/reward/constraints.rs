//! Constraints on the form of a response, each checked by a program: the verifiable instruction following of Tülu 3 (2411.15124, section 6).

use serde::{Deserialize, Serialize};

use super::{Evidence, Grade};
use crate::ObjectiveError;

/// What a response may be held to; bounds are inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Constraint {
    /// At most so many tokens.
    MaxTokens(usize),
    /// At most so many tokens before the answer.
    MaxThoughtTokens(usize),
    /// At least so many tokens before the answer.
    MinThoughtTokens(usize),
    /// At most so many nodes generated.
    MaxNodes(u64),
    /// At most so many statements.
    MaxStatements(usize),
    /// A plan that solves the problem at no more than this cost.
    MaxCost(u32),
    /// It ends by itself.
    Finished,
    /// It reads whole as its format.
    WellFormed,
    /// No statement is false, and there is one.
    AllTrue,
    /// It solves the problem.
    Solved,
}

impl Constraint {
    /// Whether a response meets it.
    pub fn is_met(self, evidence: &Evidence) -> bool {
        match self {
            Self::MaxTokens(bound) => evidence.tokens <= bound,
            Self::MaxThoughtTokens(bound) => evidence.thought_tokens <= bound,
            Self::MinThoughtTokens(bound) => evidence.thought_tokens >= bound,
            Self::MaxNodes(bound) => evidence.nodes <= bound,
            Self::MaxStatements(bound) => evidence.statements <= bound,
            Self::MaxCost(bound) => evidence.cost.is_some_and(|cost| cost <= bound),
            Self::Finished => !evidence.is_truncated,
            Self::WellFormed => evidence.is_well_formed,
            Self::AllTrue => evidence.statements > 0 && evidence.true_statements == evidence.statements,
            Self::Solved => evidence.is_solved,
        }
    }
}

/// Pays for constraints that are met: `{ require = [{ max-tokens = 40 }, "solved"] }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Constraints {
    /// What is asked for; one at least.
    pub require: Vec<Constraint>,
    /// Whether only meeting all of them is paid; else the share.
    pub strict: bool,
}

impl Default for Constraints {
    fn default() -> Self {
        Self { require: vec![Constraint::Finished, Constraint::WellFormed, Constraint::AllTrue], strict: false }
    }
}

impl Grade for Constraints {
    fn score(&self, evidence: &Evidence) -> f64 {
        let met = self.require.iter().filter(|constraint| constraint.is_met(evidence)).count();
        match self.strict {
            true => f64::from(u8::from(met == self.require.len())),
            false => met as f64 / self.require.len().max(1) as f64,
        }
    }

    fn check(&self) -> Result<(), ObjectiveError> {
        match self.require.is_empty() {
            true => Err(ObjectiveError::Setting { setting: "require", value: 0.0, expected: "at least one constraint" }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_are_paid_by_share_or_all_together() {
        let constraints: Constraints =
            serde_json::from_str(r#"{ "require": [{ "max-tokens": 40 }, { "max-nodes": 9 }, "solved", { "max-cost": 3 }] }"#).unwrap();
        let evidence = Evidence { is_solved: true, tokens: 40, nodes: 10, cost: Some(3), ..Evidence::default() };
        assert_eq!(constraints.score(&evidence), 0.75);
        let strict = Constraints { strict: true, ..constraints };
        assert_eq!((strict.score(&evidence), strict.score(&Evidence { nodes: 9, ..evidence.clone() })), (0.0, 1.0));
        assert_eq!(strict.score(&Evidence { nodes: 9, cost: None, ..evidence }), 0.0);
        assert!(Constraints { require: Vec::new(), strict: false }.check().is_err());
        assert!(serde_json::from_str::<Constraints>(r#"{ "require": [{ "max-words": 3 }] }"#).is_err());
    }

    #[test]
    fn each_constraint_can_fail_and_be_met() {
        use Constraint::*;
        let evidence = Evidence {
            is_solved: true,
            is_well_formed: true,
            statements: 4,
            true_statements: 4,
            tokens: 30,
            thought_tokens: 20,
            nodes: 7,
            cost: Some(2),
            ..Evidence::default()
        };
        let met = [MaxTokens(30), MaxThoughtTokens(20), MinThoughtTokens(20), MaxNodes(7), MaxStatements(4), MaxCost(2), Finished, WellFormed, AllTrue, Solved];
        assert!(met.iter().all(|constraint| constraint.is_met(&evidence)));
        let worse = Evidence { is_truncated: true, statements: 5, tokens: 31, thought_tokens: 21, nodes: 8, cost: Some(3), ..Evidence::default() };
        let failed = met.iter().filter(|constraint| !constraint.is_met(&worse)).count();
        assert_eq!(failed, met.len() - 1); // 21 tokens of thought are no fewer than 20
    }
}
