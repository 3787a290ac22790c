//! Whole-trace audit: every statement of a text is replayed against the environment, and each false one is named.
//!
//! Two questions, two answers: whether the claimed plan solves the problem ([`Audit::verdict`]), and whether all that was said on the way
//! is true ([`Audit::is_clean`]). A right answer after a wrong search, and the reverse, both occur in models.

use std::{fmt, ops::Range};

use metacot_envs::{ActionFault, Status, Verdict, World, replay};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::{
    Event, Node, NodeId, StopReason, Trace,
    format::{Claim, Parsed, Statement},
};

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
    /// The rules forbid the action.
    Illegal,
    /// The successor state is not what the action leads to.
    WrongSuccessor,
    /// The state is not that of the node where the search stands.
    WrongState,
    /// The list of actions so far is wrong.
    WrongHistory,
    /// An id that is taken, or not derived from its parent.
    WrongId,
    /// A move to a node that was never generated.
    UnknownNode,
    /// A dead end or goal that is none, or a comparison that shows other numbers.
    WrongVerdict,
    /// A statement where another kind had to stand.
    WrongOrder,
    /// The text gives up although it had said that it reached the goal, or goes on after its end.
    AfterEnd,
    /// The text stops before it reached an end.
    Cut,
}

impl fmt::Display for DefectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
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

/// The result of an audit.
#[derive(Clone, Debug, PartialEq)]
pub struct Audit<E: World> {
    /// Every false statement in order; empty means that the whole text is true.
    pub defects: Vec<Defect>,
    /// The problem that was audited against: the one asked, else the one that the text states. `None` where neither is known.
    pub problem: Option<E::Problem>,
    /// The claimed plan as far as its actions read, and whether all did; `None` where no solution is claimed.
    pub plan: Option<Vec<E::Action>>,
    /// Whether the claimed plan solves the problem; `None` where no solution is claimed or some action of it does not read.
    pub verdict: Option<Verdict>,
    /// The search that the text tells of, as far as it is true.
    pub trace: Trace<E>,
}

impl<E: World> Audit<E> {
    /// Whether no statement is false.
    pub fn is_clean(&self) -> bool {
        self.defects.is_empty()
    }

    /// Whether the claimed plan solves the problem.
    pub fn is_solved(&self) -> bool {
        self.verdict.as_ref().is_some_and(Verdict::is_solved)
    }
}

/// Checks a parsed text against `problem`, or against the problem that its first statement states.
pub fn audit<E: World>(env: &E, problem: Option<&E::Problem>, parsed: &Parsed<'_>) -> Audit<E> {
    let stated = match parsed.statements.first().map(|statement| &statement.claim) {
        Some(Claim::At { state, .. }) => env.read_problem(state),
        _ => None,
    };
    let Some(problem) = problem.cloned().or(stated) else {
        let kind = if parsed.statements.is_empty() { DefectKind::Cut } else { DefectKind::WrongProblem };
        let span = parsed.statements.first().map_or(0..0, |statement| statement.span.clone());
        return Audit { defects: vec![Defect { kind, step: 0, span }], problem: None, plan: None, verdict: None, trace: Trace::default() };
    };
    let mut auditor = Auditor::new(env, &problem);
    for (step, statement) in parsed.statements.iter().enumerate() {
        auditor.check(step, statement);
    }
    auditor.close(parsed);
    let plan = parsed.plan.as_ref().map(|actions| read_plan(env, &problem, actions));
    let verdict = match &plan {
        Some((actions, true)) => Some(replay(env, &problem, actions)),
        _ => None,
    };
    let Auditor { defects, trace, .. } = auditor;
    Audit { defects, plan: plan.map(|(actions, _)| actions), verdict, trace, problem: Some(problem) }
}

/// Reads the actions of a plan one after another from the start; the flag says whether all of them read.
fn read_plan<E: World>(env: &E, problem: &E::Problem, texts: &[&str]) -> (Vec<E::Action>, bool) {
    let mut state = env.initial(problem);
    let mut plan = Vec::with_capacity(texts.len());
    for text in texts {
        let Ok(action) = env.read_action(problem, &state, text, None) else { return (plan, false) };
        let Ok(next) = env.apply(problem, &state, &action) else { return (plan, false) };
        state = next;
        plan.push(action);
    }
    (plan, true)
}

/// What has to be said next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// The first state, or the state of the node that was just moved to.
    State(NodeId),
    /// The name or the verdict of a child that was just explored.
    Child(NodeId),
    /// The same of a child whose exploration was false, so that nothing can be said of it.
    Anything,
    /// An exploration, a move or the end.
    Any,
    /// Nothing: the text has ended.
    End,
}

struct Auditor<'a, E: World> {
    env: &'a E,
    problem: &'a E::Problem,
    trace: Trace<E>,
    ids: FxHashMap<String, NodeId>,
    num_children: Vec<u32>,
    id_texts: Vec<String>,
    at: NodeId,
    expected: Expected,
    defects: Vec<Defect>,
    scratch: String,
}

impl<'a, E: World> Auditor<'a, E> {
    fn new(env: &'a E, problem: &'a E::Problem) -> Self {
        let mut trace = Trace::default();
        trace.nodes.push(Node { parent: 0, action: None, state: env.initial(problem), depth: 0, cost: 0, bound: 0 });
        trace.events.push(Event::Generate(0));
        let ids = FxHashMap::from_iter([("0".to_string(), 0)]);
        let id_texts = vec!["0".to_string()];
        Self { env, problem, trace, ids, num_children: vec![0], id_texts, at: 0, expected: Expected::State(0), defects: Vec::new(), scratch: String::new() }
    }

    fn check(&mut self, step: usize, statement: &Statement<'_>) {
        let mut faults: Vec<DefectKind> = Vec::new();
        if self.expected == Expected::End {
            faults.push(DefectKind::AfterEnd);
        } else {
            match &statement.claim {
                Claim::At { state, history } => self.at(step, state, history, &mut faults),
                Claim::Explore { action, successor } => self.explore(action, successor, &mut faults),
                Claim::Name { id, state, action } => self.name(id, state, action, &mut faults),
                Claim::Ending { comparison, is_goal } => self.ending(comparison, *is_goal, &mut faults),
                Claim::Move { id } => self.turn(id, &mut faults),
                Claim::GiveUp => {
                    self.needs_any(&mut faults);
                    self.expected = Expected::End;
                    self.trace.stop = StopReason::Exhausted;
                }
                Claim::Unreadable => faults.push(DefectKind::Syntax),
            }
        }
        self.defects.extend(faults.into_iter().map(|kind| Defect { kind, step, span: statement.span.clone() }));
    }

    fn close(&mut self, parsed: &Parsed<'_>) {
        if self.expected != Expected::End || parsed.is_cut {
            let end = parsed.statements.last().map_or(0, |statement| statement.span.end);
            self.defects.push(Defect { kind: DefectKind::Cut, step: parsed.statements.len(), span: end..end });
        }
    }

    /// Notes a fault unless a statement that starts something new can stand here.
    fn needs_any(&self, faults: &mut Vec<DefectKind>) {
        if !matches!(self.expected, Expected::Any | Expected::Anything) {
            faults.push(DefectKind::WrongOrder);
        }
    }

    /// The child that this statement is about; a fault where there is none, except right after a false exploration.
    fn child(&self, faults: &mut Vec<DefectKind>) -> Option<NodeId> {
        match self.expected {
            Expected::Child(node) => return Some(node),
            Expected::Anything => {}
            _ => faults.push(DefectKind::WrongOrder),
        }
        None
    }

    /// Whether `write` gives exactly `text`.
    fn is_written(&mut self, text: &str, write: impl FnOnce(&E, &E::Problem, &Trace<E>, &mut String)) -> bool {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        write(self.env, self.problem, &self.trace, &mut scratch);
        let is_equal = scratch == text;
        self.scratch = scratch;
        is_equal
    }

    fn at(&mut self, step: usize, state: &str, history: &[&str], faults: &mut Vec<DefectKind>) {
        let Expected::State(node) = self.expected else {
            faults.push(DefectKind::WrongOrder);
            return;
        };
        if !self.is_written(state, |env, problem, trace, out| env.write_state(problem, &trace.node(node).state, out)) {
            faults.push(if step == 0 { DefectKind::WrongProblem } else { DefectKind::WrongState });
        }
        let path = self.trace.path(node);
        let is_same = path.len() == history.len()
            && path.iter().zip(history).all(|(id, text)| self.is_written(text, |env, problem, trace, out| write_action_of(env, problem, trace, *id, out)));
        if !is_same {
            faults.push(DefectKind::WrongHistory);
        }
        self.at = node;
        self.trace.events.push(Event::Visit(node));
        self.expected = Expected::Any;
    }

    fn explore(&mut self, action: &str, successor: &str, faults: &mut Vec<DefectKind>) {
        self.needs_any(faults);
        let parent = self.trace.node(self.at);
        let read = self.env.read_action(self.problem, &parent.state, action, Some(successor));
        let next = read.and_then(|action| match self.env.apply(self.problem, &parent.state, &action) {
            Ok(state) => Ok((action, state)),
            Err(_) => Err(ActionFault::Illegal),
        });
        self.expected = Expected::Anything;
        match next {
            Ok((action, state)) => {
                let node = self.trace.nodes.len() as NodeId;
                let cost = parent.cost + self.env.cost(self.problem, &parent.state, &action);
                let node_data = Node { parent: self.at, action: Some(action), state, depth: parent.depth + 1, cost, bound: 0 };
                let rank = self.num_children[self.at as usize];
                self.num_children[self.at as usize] += 1;
                self.num_children.push(0);
                self.id_texts.push(format!("{},{rank}", self.id_texts[self.at as usize]));
                self.trace.nodes.push(node_data);
                self.trace.events.push(Event::Generate(node));
                if !self.is_written(successor, |env, problem, trace, out| env.write_successor(problem, &trace.node(node).state, out)) {
                    faults.push(DefectKind::WrongSuccessor);
                }
                self.expected = Expected::Child(node);
            }
            Err(fault) => faults.push(match fault {
                ActionFault::Syntax => DefectKind::Syntax,
                ActionFault::Arithmetic => DefectKind::Arithmetic,
                ActionFault::Unavailable => DefectKind::Unavailable,
                ActionFault::Illegal => DefectKind::Illegal,
            }),
        }
    }

    fn name(&mut self, id: &str, state: &str, action: &str, faults: &mut Vec<DefectKind>) {
        let child = self.child(faults);
        self.expected = Expected::Any;
        let Some(node) = child else { return };
        if self.env.status(self.problem, &self.trace.node(node).state) == Status::DeadEnd {
            faults.push(DefectKind::WrongVerdict);
        }
        if self.id_texts[node as usize] != id || self.ids.insert(id.to_string(), node).is_some() {
            faults.push(DefectKind::WrongId);
        }
        if !self.is_written(state, |env, problem, trace, out| env.write_state(problem, &trace.node(node).state, out)) {
            faults.push(DefectKind::WrongState);
        }
        if !self.is_written(action, |env, problem, trace, out| write_action_of(env, problem, trace, node, out)) {
            faults.push(DefectKind::WrongHistory);
        }
    }

    fn ending(&mut self, comparison: &str, is_goal: bool, faults: &mut Vec<DefectKind>) {
        // A goal may be recognised when it is generated, or when the search has turned to it.
        let has_turned_to_goal = is_goal && self.expected == Expected::Any && self.env.status(self.problem, &self.trace.node(self.at).state) == Status::Solved;
        let child = if has_turned_to_goal { Some(self.at) } else { self.child(faults) };
        self.expected = if is_goal { Expected::End } else { Expected::Any };
        let Some(node) = child else { return };
        let claimed = if is_goal { Status::Solved } else { Status::DeadEnd };
        let is_true = self.env.status(self.problem, &self.trace.node(node).state) == claimed;
        if !is_true || !self.is_written(comparison, |env, problem, trace, out| env.write_comparison(problem, &trace.node(node).state, out)) {
            faults.push(DefectKind::WrongVerdict);
        }
        if is_goal && is_true {
            self.trace.goal = Some(node);
            self.trace.stop = StopReason::Solved;
        }
    }

    fn turn(&mut self, id: &str, faults: &mut Vec<DefectKind>) {
        self.needs_any(faults);
        match self.ids.get(id) {
            Some(node) => self.expected = Expected::State(*node),
            None => {
                faults.push(DefectKind::UnknownNode);
                self.expected = Expected::State(self.at);
            }
        }
    }
}

fn write_action_of<E: World>(env: &E, problem: &E::Problem, trace: &Trace<E>, node: NodeId, out: &mut String) {
    let node = trace.node(node);
    if let Some(action) = &node.action {
        env.write_action(problem, &trace.node(node.parent).state, action, out);
    }
}
