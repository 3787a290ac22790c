//! What a search left behind: the tree, the order of events, and why it stopped.

use metacot_envs::Environment;

/// Index into [`Trace::nodes`]; the root is 0.
pub type NodeId = u32;

/// A state that a search generated.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<E: Environment> {
    /// The node it came from; the root is its own parent.
    pub parent: NodeId,
    /// The action that led here; `None` at the root only.
    pub action: Option<E::Action>,
    /// The state itself.
    pub state: E::State,
    /// Number of actions from the root.
    pub depth: u32,
    /// Sum of costs from the root (`g`).
    pub cost: u32,
    /// The bound on the remaining cost that the search used (`h`); 0 where it used none.
    pub bound: u32,
}

/// Why a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StopReason {
    /// It reached a goal.
    Solved,
    /// Nothing was left to try: all was searched, or what its pruning left of it.
    Exhausted,
    /// Its budget was spent.
    Budget,
    /// No search of the problem is told, or nobody says why it ended: prompts alone, controls, failures in the texts of others.
    None,
}

/// A finished search.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace<E: Environment> {
    /// The tree in order of generation; never empty once a search ran.
    pub nodes: Vec<Node<E>>,
    /// What was done, in order.
    pub events: Vec<crate::Event>,
    /// Why it ended.
    pub stop: StopReason,
    /// The goal node where it is solved.
    pub goal: Option<NodeId>,
    /// Nodes whose children were generated; a node expanded twice counts twice.
    pub expanded: u64,
}

impl<E: Environment> Default for Trace<E> {
    fn default() -> Self {
        Self { nodes: Vec::new(), events: Vec::new(), stop: StopReason::Exhausted, goal: None, expanded: 0 }
    }
}

impl<E: Environment> Trace<E> {
    /// The node behind an id.
    pub fn node(&self, id: NodeId) -> &Node<E> {
        &self.nodes[id as usize]
    }

    /// The ids from the root (left out) down to `id`, in that order.
    pub fn path(&self, id: NodeId) -> Vec<NodeId> {
        let mut path = Vec::with_capacity(self.node(id).depth as usize);
        let mut at = id;
        while at != 0 {
            path.push(at);
            at = self.node(at).parent;
        }
        path.reverse();
        path
    }

    /// The actions from the root to the goal; `None` where it is unsolved.
    pub fn plan(&self) -> Option<Vec<E::Action>> {
        let path = self.path(self.goal?);
        Some(path.into_iter().map(|id| self.node(id).action.clone().expect("only the root has no action")).collect())
    }

    /// The trace that takes these actions one after another and looks at nothing else, its last state being given out as the goal whether it
    /// is one or not; `None` where an action is illegal.
    pub fn of_plan(env: &E, problem: &E::Problem, actions: &[E::Action]) -> Option<Self> {
        let mut trace = Self { stop: StopReason::Solved, ..Self::default() };
        trace.nodes.push(Node { parent: 0, action: None, state: env.initial(problem), depth: 0, cost: 0, bound: 0 });
        trace.events.extend([crate::Event::Generate(0), crate::Event::Visit(0)]);
        for (index, action) in actions.iter().enumerate() {
            let (parent, id) = (index as NodeId, index as NodeId + 1);
            let above = trace.node(parent);
            let state = env.apply(problem, &above.state, action).ok()?;
            let cost = above.cost + env.cost(problem, &above.state, action);
            if index > 0 {
                trace.events.push(crate::Event::Visit(parent));
            }
            trace.nodes.push(Node { parent, action: Some(action.clone()), state, depth: id, cost, bound: 0 });
            trace.events.push(crate::Event::Generate(id));
        }
        trace.goal = Some(actions.len() as NodeId);
        trace.expanded = actions.len() as u64;
        Some(trace)
    }

    /// The trace that walks straight to the goal and looks at nothing else; `None` where it is unsolved.
    pub fn solution_only(&self) -> Option<Self> {
        let path = self.path(self.goal?);
        let mut nodes = vec![self.node(0).clone()];
        let mut events = vec![crate::Event::Generate(0), crate::Event::Visit(0)];
        for (index, id) in path.iter().enumerate() {
            let new = index as NodeId + 1;
            nodes.push(Node { parent: new - 1, ..self.node(*id).clone() });
            events.push(crate::Event::Generate(new));
            if index + 1 < path.len() {
                events.push(crate::Event::Visit(new));
            }
        }
        Some(Self { goal: Some(path.len() as NodeId), expanded: path.len() as u64, nodes, events, stop: StopReason::Solved })
    }
}
