//! What the audits of all kinds of discourse share: the trace as far as it is true, the defects, and the verdict on the plan.

use std::ops::Range;

use metacot_envs::{ActionFault, Verdict, World, replay};

use super::{Defect, DefectKind};
use crate::{Event, Node, NodeId, StopReason, Trace};

/// The state of an audit.
pub(super) struct Replay<E: World> {
    pub trace: Trace<E>,
    pub defects: Vec<Defect>,
    pub plan: Option<Vec<E::Action>>,
    pub verdict: Option<Verdict>,
    /// Where expected text is rendered.
    pub scratch: String,
    /// The statement that is being checked.
    step: usize,
    span: Range<usize>,
}

impl<E: World> Default for Replay<E> {
    fn default() -> Self {
        Self { trace: Trace::default(), defects: Vec::new(), plan: None, verdict: None, scratch: String::new(), step: 0, span: 0..0 }
    }
}

impl<E: World> Replay<E> {
    /// Forgets the last text and generates the root.
    pub fn start(&mut self, env: &E, problem: &E::Problem) {
        let Trace { nodes, events, stop, goal, expanded } = &mut self.trace;
        nodes.clear();
        events.clear();
        (*stop, *goal, *expanded) = (StopReason::Exhausted, None, 0);
        nodes.push(Node { parent: 0, action: None, state: env.initial(problem), depth: 0, cost: 0, bound: 0 });
        events.push(Event::Generate(0));
        self.defects.clear();
        (self.plan, self.verdict) = (None, None);
    }

    /// Turns to a statement.
    pub fn turn_to(&mut self, step: usize, span: Range<usize>) {
        (self.step, self.span) = (step, span);
    }

    /// Where the statement stands.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Notes a fault of the statement.
    pub fn fault(&mut self, kind: DefectKind) {
        self.defects.push(Defect { kind, step: self.step, span: self.span.clone() });
    }

    /// Notes that the text is cut after its last statement.
    pub fn cut(&mut self, num_statements: usize, end: usize) {
        self.defects.push(Defect { kind: DefectKind::Cut, step: num_statements, span: end..end });
    }

    /// The state of a node.
    pub fn state(&self, node: NodeId) -> &E::State {
        &self.trace.node(node).state
    }

    /// Whether `write` gives exactly `text`.
    pub fn is_written(&mut self, text: &str, write: impl FnOnce(&Trace<E>, &mut String)) -> bool {
        self.scratch.clear();
        write(&self.trace, &mut self.scratch);
        self.scratch == text
    }

    /// Adds a child of `parent`.
    pub fn generate(&mut self, parent: NodeId, action: E::Action, state: E::State, cost: u32, bound: u32) -> NodeId {
        let id = self.trace.nodes.len() as NodeId;
        let above = self.trace.node(parent);
        let node = Node { parent, action: Some(action), state, depth: above.depth + 1, cost: above.cost + cost, bound };
        self.trace.nodes.push(node);
        self.trace.events.push(Event::Generate(id));
        id
    }

    /// Adds the child that `action` is said to lead to as `successor`, and says whether it is written so; notes what is wrong with either.
    pub fn explore(&mut self, env: &E, problem: &E::Problem, parent: NodeId, action: &str, successor: &str) -> Option<(NodeId, bool)> {
        let read = match self.step_of(env, problem, parent, action, None) {
            Ok((first, next)) => {
                self.scratch.clear();
                env.write_successor(problem, &next, &mut self.scratch);
                // Where several actions have the same text, the one with this effect is meant.
                if self.scratch == successor {
                    Ok((first, next, true))
                } else {
                    self.step_of(env, problem, parent, action, Some(successor)).map(|(action, next)| (action, next, false))
                }
            }
            Err(fault) => Err(fault),
        };
        let (action, next, mut is_true) = match read {
            Ok(read) => read,
            Err(fault) => {
                self.fault(fault.into());
                return None;
            }
        };
        if !is_true {
            self.scratch.clear();
            env.write_successor(problem, &next, &mut self.scratch);
            is_true = self.scratch == successor;
            if !is_true {
                self.fault(DefectKind::WrongSuccessor);
            }
        }
        let cost = env.cost(problem, self.state(parent), &action);
        Some((self.generate(parent, action, next, cost, 0), is_true))
    }

    fn step_of(&self, env: &E, problem: &E::Problem, parent: NodeId, action: &str, effect: Option<&str>) -> Result<(E::Action, E::State), ActionFault> {
        let state = self.state(parent);
        let action = env.read_action(problem, state, action, effect)?;
        let next = env.apply(problem, state, &action).map_err(|_| ActionFault::Illegal)?;
        Ok((action, next))
    }

    /// Appends the text of the action into a node; nothing for the root.
    pub fn write_action(env: &E, problem: &E::Problem, trace: &Trace<E>, node: NodeId, out: &mut String) {
        let node = trace.node(node);
        if let Some(action) = &node.action {
            env.write_action(problem, &trace.node(node.parent).state, action, out);
        }
    }

    /// Takes the goal as reached.
    pub fn solve(&mut self, goal: NodeId) {
        self.trace.goal = Some(goal);
        self.trace.stop = StopReason::Solved;
    }

    /// Reads the actions of a claimed plan one after another from the start, and judges it where all of them read.
    pub fn judge<'t>(&mut self, env: &E, problem: &E::Problem, actions: impl Iterator<Item = &'t str>) {
        let mut state = env.initial(problem);
        let (mut plan, mut all_read) = (Vec::new(), true);
        for text in actions {
            let read = env.read_action(problem, &state, text, None).ok().and_then(|action| Some((env.apply(problem, &state, &action).ok()?, action)));
            let Some((next, action)) = read else {
                all_read = false;
                break;
            };
            state = next;
            plan.push(action);
        }
        self.verdict = all_read.then(|| replay(env, problem, &plan));
        self.plan = Some(plan);
    }
}
