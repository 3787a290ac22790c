//! Where searches put their nodes and events; reused from problem to problem so that nothing is allocated in the steady state.

use metacot_envs::Environment;

use crate::{Event, Node, NodeId, StopReason, Trace};

/// Collects one trace at a time.
#[derive(Clone, Debug)]
pub struct Recorder<E: Environment> {
    trace: Trace<E>,
    keeps_events: bool,
}

impl<E: Environment> Default for Recorder<E> {
    fn default() -> Self {
        Self { trace: Trace::default(), keeps_events: true }
    }
}

impl<E: Environment> Recorder<E> {
    /// A recorder that keeps the tree and drops the events, for searches whose text nobody reads.
    pub fn without_events() -> Self {
        Self { keeps_events: false, ..Self::default() }
    }

    /// The trace of the last search.
    pub fn trace(&self) -> &Trace<E> {
        &self.trace
    }

    /// Forgets the last search and generates the root.
    pub fn start(&mut self, root: E::State, bound: u32) -> NodeId {
        self.trace.nodes.clear();
        self.trace.events.clear();
        self.trace.expanded = 0;
        self.trace.goal = None;
        self.trace.stop = StopReason::Exhausted;
        self.push(Node { parent: 0, action: None, state: root, depth: 0, cost: 0, bound })
    }

    /// Generates a child of `parent`, whose step costs `cost`.
    pub fn generate(&mut self, parent: NodeId, action: E::Action, state: E::State, cost: u32, bound: u32) -> NodeId {
        let above = self.trace.node(parent);
        let node = Node { parent, action: Some(action), state, depth: above.depth + 1, cost: above.cost + cost, bound };
        self.push(node)
    }

    /// Notes an event.
    pub fn event(&mut self, event: Event) {
        if self.keeps_events {
            self.trace.events.push(event);
        }
    }

    /// Notes that the search turned to `node`.
    pub fn visit(&mut self, node: NodeId) {
        self.event(Event::Visit(node));
    }

    /// Counts an expansion.
    pub fn expand(&mut self) {
        self.trace.expanded += 1;
    }

    /// A node generated before.
    pub fn node(&self, id: NodeId) -> &Node<E> {
        self.trace.node(id)
    }

    /// Closes the trace: solved where a goal is given.
    pub fn finish(&mut self, stop: StopReason, goal: Option<NodeId>) {
        self.trace.stop = stop;
        self.trace.goal = goal;
    }

    fn push(&mut self, node: Node<E>) -> NodeId {
        let id = NodeId::try_from(self.trace.nodes.len()).expect("a budget keeps the tree below 2^32 nodes");
        self.trace.nodes.push(node);
        self.event(Event::Generate(id));
        id
    }
}
