//! A trace beside its text as plain data, for eyes: the tree, the order of events, and where the text tells of each.
//!
//! The text is read by the parser and the audit of its format, so that a node is linked with what is really said of it. Where the search itself
//! is at hand, its own tree is shown, with the nodes that the text leaves out; otherwise the tree is what the text tells.

mod align;
mod build;
mod outline;
mod source;

use serde::Serialize;

pub use outline::outline;
pub use source::{SearchSource, TextSource, of_search, of_text};

use crate::{DefectKind, NodeId, audit::StatementKind};

/// A trace beside its text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    /// One line that says what it is.
    pub title: String,
    /// What is known about it, by name.
    pub facts: Vec<(String, String)>,
    /// The problem as JSON; `None` where neither the row nor the text says it.
    pub problem: Option<serde_json::Value>,
    /// Prompt and response.
    pub text: String,
    /// Bytes at the start of `text` that are the prompt.
    pub prompt_len: usize,
    /// The tree in order of generation, the root first; empty where the problem is unknown.
    pub nodes: Vec<NodeView>,
    /// The goal that was reached.
    pub goal: Option<NodeId>,
    /// What the search did, in order.
    pub events: Vec<EventView>,
    /// What the text says, in order; spans ascend and are disjoint.
    pub statements: Vec<StatementView>,
    /// Places within statements that name a node: the actions of an answer.
    pub mentions: Vec<Mention>,
    /// False statements.
    pub defects: Vec<DefectView>,
}

/// What a state is to its problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeStatus {
    /// It can be searched.
    Open,
    /// A goal.
    Solved,
    /// Nothing can be done from it.
    DeadEnd,
}

/// A node of the tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeView {
    /// The node it came from; the root is its own parent.
    pub parent: NodeId,
    /// The action that led here; empty at the root.
    pub action: String,
    /// The state as formats write it.
    pub state: String,
    /// Number of actions from the root.
    pub depth: u32,
    /// Sum of costs from the root (`g`).
    pub cost: u32,
    /// Lower bound on the remaining cost (`h`); `None` where the environment proves the state hopeless.
    pub bound: Option<u32>,
    /// The environment's default heuristic, smaller is better; `None` where it is infinite.
    pub heuristic: Option<f64>,
    /// What the state is.
    pub status: NodeStatus,
    /// The first node with the same state, where this is another.
    pub first_of_state: Option<NodeId>,
    /// The event from which on the search does not come back to it: a layer that was cut, or a cheaper way to its state. `None` where it was
    /// visited, or never dropped.
    pub dropped: Option<u32>,
}

/// What an event was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A node entered the tree.
    Generate,
    /// The search turned to a node.
    Visit,
    /// A node was given a value.
    Evaluate,
}

/// One thing that the search did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventView {
    /// What it was.
    pub kind: EventKind,
    /// The node.
    pub node: NodeId,
    /// Its value, in [0, 1] for solve probabilities; of evaluations only.
    pub value: Option<f32>,
    /// The statement that tells it; `None` where the text leaves it out.
    pub statement: Option<u32>,
}

/// One statement of the text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatementView {
    /// First byte.
    pub start: usize,
    /// Byte behind the last.
    pub end: usize,
    /// What kind it is.
    pub kind: StatementKind,
    /// The node that it is about.
    pub node: Option<NodeId>,
}

/// A place within a statement that names a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mention {
    /// First byte.
    pub start: usize,
    /// Byte behind the last.
    pub end: usize,
    /// The node.
    pub node: NodeId,
}

/// One false statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DefectView {
    /// What is wrong.
    pub kind: DefectKind,
    /// The statement; one behind the last where something is missing at the end.
    pub statement: usize,
}

impl View {
    /// The byte ranges of the text that tell of a node, in order.
    pub fn spans(&self, node: NodeId) -> Vec<std::ops::Range<usize>> {
        let told = self.statements.iter().filter(|statement| statement.node == Some(node)).map(|statement| statement.start..statement.end);
        let mut spans: Vec<_> = told.chain(self.mentions.iter().filter(|mention| mention.node == node).map(|mention| mention.start..mention.end)).collect();
        spans.sort_by_key(|span| (span.start, span.end));
        spans
    }
}
