//! Writes one trace: what was rendered once is copied from where it stands, since a search comes back to its nodes again and again.

use metacot_envs::{Status, World, digits::push_integer};

use super::{BY, CURRENT, DEAD, EXPLORING, GENERATED, GOAL, HISTORY, MOVING, RESULT};
use crate::{NodeId, Trace};

/// A piece of the text that was written; empty where it was not yet, and where it lies beyond 4 GiB, so that it is rendered again.
#[derive(Clone, Copy, Default)]
struct Piece(u32, u32);

impl Piece {
    fn new(start: usize, end: usize) -> Self {
        match (u32::try_from(start), u32::try_from(end)) {
            (Ok(start), Ok(end)) => Self(start, end),
            _ => Self::default(),
        }
    }

    fn is_written(self) -> bool {
        self.1 > self.0
    }
}

/// What was written of a node.
#[derive(Clone, Copy, Default)]
struct Pieces {
    /// Position among its siblings.
    rank: u32,
    num_ranks: u32,
    id: Piece,
    action: Piece,
    state: Piece,
    /// From the word before the state to the end of the history.
    line: Piece,
    history: Piece,
    successor: Piece,
}

pub(super) struct Writer<'a, E: World> {
    env: &'a E,
    problem: &'a E::Problem,
    trace: &'a Trace<E>,
    nodes: Vec<Pieces>,
    /// What stands before the successor in every state, where the environment writes its states so.
    prefix: Piece,
    shares_ids: bool,
    out: &'a mut String,
}

impl<'a, E: World> Writer<'a, E> {
    pub fn new(env: &'a E, problem: &'a E::Problem, trace: &'a Trace<E>, shares_ids: bool, out: &'a mut String) -> Self {
        let nodes = vec![Pieces::default(); trace.nodes.len()];
        Self { env, problem, trace, nodes, prefix: Piece::default(), shares_ids, out }
    }

    pub fn len(&self) -> usize {
        self.out.len()
    }

    fn copy(&mut self, piece: Piece) {
        self.out.extend_from_within(piece.0 as usize..piece.1 as usize);
    }

    fn id(&mut self, node: NodeId) {
        let known = self.nodes[node as usize].id;
        if known.is_written() {
            return self.copy(known);
        }
        let start = self.out.len();
        if node == 0 {
            self.out.push('0');
        } else {
            self.id(self.trace.node(node).parent);
            self.out.push(',');
            push_integer(self.out, i64::from(self.nodes[node as usize].rank));
        }
        self.nodes[node as usize].id = Piece::new(start, self.out.len());
    }

    fn action(&mut self, node: NodeId) {
        let known = self.nodes[node as usize].action;
        if known.is_written() {
            return self.copy(known);
        }
        let start = self.out.len();
        let data = self.trace.node(node);
        let action = data.action.as_ref().expect("only the root has no action");
        self.env.write_action(self.problem, &self.trace.node(data.parent).state, action, self.out);
        self.nodes[node as usize].action = Piece::new(start, self.out.len());
    }

    fn state(&mut self, node: NodeId) {
        let known = self.nodes[node as usize].state;
        if known.is_written() {
            return self.copy(known);
        }
        let (start, state) = (self.out.len(), &self.trace.node(node).state);
        let successor = self.nodes[node as usize].successor;
        if self.prefix.is_written() && successor.is_written() {
            self.copy(self.prefix);
            self.copy(successor);
        } else if self.env.write_state_prefix(self.problem, self.out) {
            self.prefix = Piece::new(start, self.out.len());
            self.env.write_successor(self.problem, state, self.out);
        } else {
            self.env.write_state(self.problem, state, self.out);
        }
        self.nodes[node as usize].state = Piece::new(start, self.out.len());
    }

    /// Appends the actions from the start between brackets.
    fn history(&mut self, node: NodeId) {
        let start = self.out.len();
        self.out.push('[');
        self.history_items(node);
        self.out.push(']');
        self.nodes[node as usize].history = Piece::new(start, self.out.len());
    }

    fn history_items(&mut self, node: NodeId) {
        if node == 0 {
            return;
        }
        let parent = self.trace.node(node).parent;
        let above = self.nodes[parent as usize].history;
        if above.is_written() {
            self.copy(Piece(above.0 + 1, above.1 - 1));
        } else {
            self.history_items(parent);
        }
        self.out.push_str(if parent == 0 { "'" } else { ", '" });
        self.action(node);
        self.out.push('\'');
    }

    /// The line that says where the search stands.
    pub fn current(&mut self, node: NodeId) {
        let known = self.nodes[node as usize].line;
        if known.is_written() {
            return self.copy(known);
        }
        let start = self.out.len();
        self.out.push_str(CURRENT);
        self.state(node);
        self.out.push_str(HISTORY);
        self.history(node);
        self.nodes[node as usize].line = Piece::new(start, self.out.len());
    }

    /// A child, with its verdict where its branch ends here. A goal that the search recognises only when it turns to it, as A* does, is
    /// named like an open node.
    pub fn generated(&mut self, node: NodeId, is_last: bool) {
        let data = self.trace.node(node);
        let status = self.env.status(self.problem, &data.state);
        let above = &mut self.nodes[data.parent as usize];
        let rank = above.num_ranks;
        above.num_ranks += u32::from(status == Status::Open || !self.shares_ids);
        self.nodes[node as usize].rank = rank;
        self.out.push('\n');
        self.out.push_str(EXPLORING);
        self.action(node);
        self.out.push_str(RESULT);
        let start = self.out.len();
        self.env.write_successor(self.problem, &data.state, self.out);
        self.nodes[node as usize].successor = Piece::new(start, self.out.len());
        self.out.push('\n');
        match status {
            status if status == Status::Open || (status == Status::Solved && !is_last) => {
                self.out.push_str(GENERATED);
                self.id(node);
                self.out.push_str(": ");
                self.state(node);
                self.out.push_str(BY);
                self.action(node);
            }
            ended => {
                self.env.write_comparison(self.problem, &data.state, self.out);
                self.out.push_str(if ended == Status::Solved { GOAL } else { DEAD });
            }
        }
    }

    pub fn moving(&mut self, node: NodeId) {
        self.out.push('\n');
        self.out.push_str(MOVING);
        self.id(node);
        self.out.push('\n');
        self.current(node);
    }
}
