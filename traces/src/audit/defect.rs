//! What can be wrong with a statement.

use std::{fmt, ops::Range};

use metacot_envs::ActionFault;
use serde::{Deserialize, Serialize};

/// What is wrong with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefectKind {
    /// It has no form of the format.
    Syntax,
    /// The first state is not that of the problem that was asked.
    WrongProblem,
    /// The result of an operation is wrong.
    Arithmetic,
    /// An operand is not there: used before, or never given.
    Unavailable,
    /// The rules forbid the action, or no action leads to the state.
    Illegal,
    /// The successor state is not what the action leads to.
    WrongSuccessor,
    /// The state is not that of the node where the search stands.
    WrongState,
    /// The list of actions so far is wrong.
    WrongHistory,
    /// An id that is taken, or not derived from its parent.
    WrongId,
    /// A move to a node that was never generated, or a node that is closed and was never created.
    UnknownNode,
    /// A dead end or goal that is none, or a comparison that shows other numbers.
    WrongVerdict,
    /// A cost or a bound that is not that of the node.
    WrongCost,
    /// A statement where another had to stand: a node closed before a better one, or a line of another kind.
    WrongOrder,
    /// Something that had to be said and was not: a child that was left out.
    Missing,
    /// A node created again at no less cost, or closed again.
    Repeated,
    /// The answer is not the plan that was found, or does not solve the problem.
    WrongAnswer,
    /// The text gives up although it had said that it reached the goal, or goes on after its end.
    AfterEnd,
    /// The text stops before it reached an end.
    Cut,
    /// The rating before the prompt is missing, or is not that of the search.
    WrongRating,
}

impl fmt::Display for DefectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl From<ActionFault> for DefectKind {
    fn from(fault: ActionFault) -> Self {
        match fault {
            ActionFault::Syntax => Self::Syntax,
            ActionFault::Arithmetic => Self::Arithmetic,
            ActionFault::Unavailable => Self::Unavailable,
            ActionFault::Illegal => Self::Illegal,
        }
    }
}

/// One false statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// What is wrong.
    pub kind: DefectKind,
    /// Index of the statement.
    pub step: usize,
    /// Byte range in the text.
    pub span: Range<usize>,
}

/// Where a claimed plan stops being one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFault {
    /// Index of the action in the plan.
    pub step: usize,
    /// What is wrong with it.
    pub kind: ActionFault,
    /// What it uses and the state does not have, where the notation can say it; else empty.
    pub missing: String,
}
