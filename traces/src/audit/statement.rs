//! What each statement of a text was taken to tell: where it stands, which node it is about, and which events it caused.

use std::ops::Range;

use serde::Serialize;

use crate::NodeId;

/// The kind of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatementKind {
    /// The problem.
    Problem,
    /// A fixed line that says nothing of its own.
    Frame,
    /// Where the search stands.
    At,
    /// An action and what it leads to: a new node.
    Explore,
    /// The name of the node that was just explored.
    Name,
    /// A branch ends in a dead end.
    DeadEnd,
    /// A branch ends in the goal.
    Goal,
    /// The search turns to a node.
    Move,
    /// The value of a node.
    Value,
    /// A node enters the frontier.
    Create,
    /// A node leaves the frontier.
    Close,
    /// A place of the plan.
    Plan,
    /// A step of a solution.
    Step,
    /// Steps are taken back.
    Retake,
    /// The answer.
    Answer,
    /// The search gives up.
    GiveUp,
    /// It has no form of the format.
    #[default]
    Unreadable,
}

/// One statement as the audit took it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Byte range in the text, its line end left out.
    pub span: Range<usize>,
    /// What kind it is.
    pub kind: StatementKind,
    /// The node that it is about; where it is false and about none, the node where the search stood.
    pub node: Option<NodeId>,
    /// The events of the told trace that it caused.
    pub events: Range<usize>,
}
