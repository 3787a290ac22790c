//! Which node is the best known of each state: flat arrays where the environment numbers its states, a hash table elsewhere.

use metacot_envs::World;
use rustc_hash::FxHashMap;

use crate::NodeId;

/// Most numbered states for which an array is used.
const MAX_DENSE: usize = 1 << 20;
const NONE: NodeId = NodeId::MAX;

/// A map from states to nodes.
pub enum Known<E: World> {
    /// By the number of the state.
    Dense(Vec<NodeId>),
    /// By the state itself.
    Sparse(FxHashMap<E::State, NodeId>),
}

impl<E: World> Known<E> {
    /// An empty map for the states of a problem.
    pub fn new(env: &E, problem: &E::Problem) -> Self {
        match env.dense_states(problem) {
            Some(count) if count <= MAX_DENSE => Self::Dense(vec![NONE; count]),
            _ => Self::Sparse(FxHashMap::default()),
        }
    }

    /// The node of a state.
    pub fn get(&self, env: &E, problem: &E::Problem, state: &E::State) -> Option<NodeId> {
        match self {
            Self::Dense(nodes) => Some(nodes[env.dense_index(problem, state)]).filter(|node| *node != NONE),
            Self::Sparse(nodes) => nodes.get(state).copied(),
        }
    }

    /// Makes `node` the node of its state.
    pub fn set(&mut self, env: &E, problem: &E::Problem, state: &E::State, node: NodeId) {
        match self {
            Self::Dense(nodes) => nodes[env.dense_index(problem, state)] = node,
            Self::Sparse(nodes) => {
                nodes.insert(state.clone(), node);
            }
        }
    }

    /// Gives a state the node back that it had before, or none.
    pub fn restore(&mut self, env: &E, problem: &E::Problem, state: &E::State, node: Option<NodeId>) {
        match (self, node) {
            (Self::Dense(nodes), node) => nodes[env.dense_index(problem, state)] = node.unwrap_or(NONE),
            (Self::Sparse(nodes), Some(node)) => {
                nodes.insert(state.clone(), node);
            }
            (Self::Sparse(nodes), None) => {
                nodes.remove(state);
            }
        }
    }
}
