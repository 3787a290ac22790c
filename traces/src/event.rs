//! The only language that searches speak.

use crate::NodeId;

/// One thing that a search did. Nodes are numbered in order of generation, so an event is small and plain.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A node entered the tree; its parent, action and state are in the node table. The first event generates the root.
    Generate(NodeId),
    /// The search turned to a node: to expand it (A* closes it), or to go on from it after backtracking.
    Visit(NodeId),
    /// A node was given a value: a leaf evaluation or the mean of rollouts, higher is better.
    Evaluate {
        /// The node.
        node: NodeId,
        /// Its value, in [0, 1] for solve probabilities.
        value: f32,
    },
}

impl Event {
    /// The node that it is about.
    pub fn node(&self) -> NodeId {
        match *self {
            Self::Generate(node) | Self::Visit(node) | Self::Evaluate { node, .. } => node,
        }
    }
}
