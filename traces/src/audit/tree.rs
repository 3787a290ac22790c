//! Audit of searches told node by node.

mod ids;
mod worth;

use metacot_envs::{Status, World};

pub(super) use ids::Marks;

use super::{DefectKind, StatementKind, replay::Replay};
use crate::{
    Event, NodeId, StopReason,
    discourse::{
        lines,
        tree::{Claim, Dialect, Ids},
    },
};

/// Checks all statements of a text.
pub(super) fn audit<E: World>(env: &E, problem: &E::Problem, text: &str, dialect: &Dialect, replay: &mut Replay<E>, marks: &mut Marks) {
    marks.start(dialect.ids);
    let mut prefix = String::new();
    let prefix = env.write_state_prefix(problem, &mut prefix).then_some(prefix);
    let (at, expected, history) = (0, Expected::Start, "[]");
    let mut auditor = Tree { env, problem, text, dialect, replay, marks, prefix, at, expected, history, action: None, plan: Plan::None };
    let (mut count, mut end) = (0, 0);
    for (step, (start, line)) in lines(text).enumerate() {
        (count, end) = (step + 1, start + line.len());
        auditor.replay.begin(step, start..end);
        if !auditor.comes_back(line) {
            auditor.check((dialect.read)(line));
        }
    }
    auditor.close(count, end);
}

/// What has to be said next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// The problem or the first state.
    Start,
    /// The line between problem and search.
    Begin,
    /// The state of the node that was just moved to.
    State(NodeId),
    /// The name or the verdict of a child that was just explored.
    Child(NodeId),
    /// The verdict of a child that was just explored, or anything else.
    MaybeChild(NodeId),
    /// As `Child`, of a child whose exploration was false, so that nothing can be said of it.
    Anything,
    /// An exploration, a move or the end.
    Any,
    /// The line between search and answer.
    Close,
    /// The answer.
    Answer,
    /// Nothing: the text has ended.
    End,
}

/// The plan as the text gives it.
enum Plan<'t> {
    None,
    /// A list of quoted actions and one more.
    History(&'t str, Option<&'t str>),
    /// Actions in a row.
    List(&'t str),
}

struct Tree<'a, 't, E: World> {
    env: &'a E,
    problem: &'a E::Problem,
    text: &'t str,
    dialect: &'a Dialect,
    replay: &'a mut Replay<E>,
    marks: &'a mut Marks,
    /// What stands before the successor in every state, where the environment writes its states so.
    prefix: Option<String>,
    at: NodeId,
    expected: Expected,
    /// The last list of actions, and the action that was explored after it.
    history: &'t str,
    action: Option<&'t str>,
    plan: Plan<'t>,
}

impl<'t, E: World> Tree<'_, 't, E> {
    fn check(&mut self, claim: Claim<'t>) {
        self.replay.is_a(kind_of(&claim));
        if self.expected == Expected::End {
            return self.replay.fault(DefectKind::AfterEnd);
        }
        match claim {
            Claim::At { state, history } => self.at(state, history),
            Claim::Explore { id, action, successor } => self.explore(id, action, successor),
            Claim::Name { id, state, action } => self.name(id, state, action),
            Claim::Ending { comparison, is_goal } => self.ending(comparison, is_goal),
            Claim::Move { id, state, is_deeper } => self.turn(id, state, is_deeper),
            Claim::Value { id, value } => self.value(id, value),
            Claim::Won { comparison } => self.won(comparison),
            Claim::Tally { id, visits, mean } => self.tally(id, visits, mean),
            Claim::Choose { id, state } => self.choose(id, state),
            Claim::Problem { state } => {
                self.needs(self.expected == Expected::Start);
                self.replay.about(0);
                if !self.replay.is_written(state, |trace, out| self.env.write_state(self.problem, &trace.node(0).state, out)) {
                    self.replay.fault(DefectKind::WrongProblem);
                }
                self.expected = Expected::Begin;
            }
            Claim::Begin => {
                self.needs(self.expected == Expected::Begin);
                self.replay.trace.events.push(Event::Visit(0));
                self.expected = Expected::Any;
            }
            Claim::GiveUp => {
                self.needs_any();
                self.expected = if self.dialect.has_answer { Expected::Close } else { Expected::End };
            }
            Claim::Close => {
                self.needs(self.expected == Expected::Close);
                self.expected = Expected::Answer;
            }
            Claim::Answer { plan } => {
                self.needs(self.expected == Expected::Answer);
                self.expected = Expected::End;
                self.replay.trace.goal.into_iter().for_each(|goal| self.replay.about(goal));
                self.plan = plan.map_or(Plan::None, Plan::List);
            }
            Claim::Unreadable => self.replay.fault(DefectKind::Syntax),
        }
    }

    /// Whether the line says again, word for word, where the search stands, as it said truly before; then there is nothing to read.
    fn comes_back(&mut self, line: &str) -> bool {
        let Expected::State(node) = self.expected else { return false };
        if self.marks.line(node).of(self.text) != Some(line) {
            return false;
        }
        self.replay.is_a(StatementKind::At);
        (self.history, self.action) = (self.marks.history(node).of(self.text).unwrap_or("[]"), None);
        self.at = node;
        self.replay.trace.events.push(Event::Visit(node));
        self.expected = Expected::Any;
        true
    }

    fn close(&mut self, count: usize, end: usize) {
        // Stream of Search's own failed searches just stop.
        let may_stop = !self.dialect.must_close && matches!(self.expected, Expected::Any | Expected::Anything) && self.text.ends_with('\n');
        if self.expected != Expected::End && !may_stop {
            self.replay.cut(count, end);
        }
        self.replay.trace.stop = if self.replay.trace.goal.is_some() { StopReason::Solved } else { StopReason::Exhausted };
        let (env, problem) = (self.env, self.problem);
        match self.plan {
            Plan::None if self.dialect.has_answer && self.expected == Expected::End && self.replay.trace.goal.is_some() => {
                self.replay.turn_to(count.saturating_sub(1), 0..end);
                self.replay.fault(DefectKind::WrongAnswer);
            }
            Plan::None => {}
            Plan::List(list) => {
                self.replay.judge(env, problem, list.split(self.dialect.separator).filter(|_| !list.is_empty()));
                let is_chosen = !E::HAS_OPPONENT || self.replay.trace.plan() == self.replay.plan;
                if !is_chosen || !self.replay.verdict.as_ref().is_some_and(metacot_envs::Verdict::is_solved) {
                    self.replay.turn_to(count.saturating_sub(1), 0..end);
                    self.replay.fault(DefectKind::WrongAnswer);
                }
            }
            Plan::History(history, last) => {
                let items = history.strip_prefix("['").and_then(|rest| rest.strip_suffix("']"));
                self.replay.judge(env, problem, items.into_iter().flat_map(|items| items.split("', '")).chain(last));
            }
        }
    }

    fn needs(&mut self, is_expected: bool) {
        if !is_expected {
            self.replay.fault(DefectKind::WrongOrder);
        }
    }

    /// Notes a fault unless a statement that starts something new can stand here.
    fn needs_any(&mut self) {
        self.needs(matches!(self.expected, Expected::Any | Expected::Anything | Expected::MaybeChild(_)));
    }

    /// The child that this statement is about; a fault where there is none, except right after a false exploration.
    fn child(&mut self) -> Option<NodeId> {
        match self.expected {
            Expected::Child(node) | Expected::MaybeChild(node) => return Some(node),
            Expected::Anything => {}
            _ => self.replay.fault(DefectKind::WrongOrder),
        }
        None
    }

    /// Whether `state` is the whole state of `node`; text that was found true before is not rendered again.
    fn is_state(&mut self, node: NodeId, state: &str) -> bool {
        if self.marks.state(node).of(self.text) == Some(state) {
            return true;
        }
        let is_true = match (&self.prefix, self.marks.successor(node).of(self.text)) {
            (Some(prefix), Some(successor)) => state.strip_prefix(prefix.as_str()) == Some(successor),
            _ => self.replay.is_written(state, |trace, out| self.env.write_state(self.problem, &trace.node(node).state, out)),
        };
        if is_true {
            self.marks.set_state(node, self.text, state);
        }
        is_true
    }

    fn is_action(&mut self, node: NodeId, action: &str) -> bool {
        self.marks.action(node).of(self.text) == Some(action)
            || self.replay.is_written(action, |trace, out| Replay::write_action(self.env, self.problem, trace, node, out))
    }

    /// Whether `history` lists the actions from the start to `node`.
    fn is_history(&mut self, node: NodeId, history: &'t str) -> bool {
        if self.marks.history(node).of(self.text) == Some(history) {
            return true;
        }
        if node == 0 {
            return history == "[]";
        }
        let parent = self.replay.trace.node(node).parent;
        let above = if parent == 0 { Some("[]") } else { self.marks.history(parent).of(self.text) };
        let is_true = match above {
            Some(above) => history.strip_prefix(&above[..above.len() - 1]).is_some_and(|rest| {
                let rest = if parent == 0 { Some(rest) } else { rest.strip_prefix(", ") };
                rest.and_then(|rest| rest.strip_prefix('\'')?.strip_suffix("']")).is_some_and(|action| self.is_action(node, action))
            }),
            None => self.replay.is_written(history, |trace, out| {
                for (index, id) in trace.path(node).into_iter().enumerate() {
                    out.push_str(if index == 0 { "['" } else { ", '" });
                    Replay::write_action(self.env, self.problem, trace, id, out);
                    out.push('\'');
                }
                out.push(']');
            }),
        };
        if is_true {
            self.marks.set_history(node, self.text, history);
        }
        is_true
    }

    fn at(&mut self, state: &'t str, history: &'t str) {
        let is_first = self.expected == Expected::Start;
        let node = match self.expected {
            Expected::Start => 0,
            Expected::State(node) => node,
            _ => return self.replay.fault(DefectKind::WrongOrder),
        };
        (self.history, self.action) = (history, None);
        // Ended siblings may share an id: the state and the history tell which is meant.
        let (mut node, mut same) = (node, Some(node));
        while let Some(candidate) = same.filter(|_| self.dialect.ids == Ids::SharedPath) {
            if self.is_state(candidate, state) && self.is_history(candidate, history) {
                node = candidate;
                break;
            }
            same = self.marks.next_of_same_id(candidate);
        }
        let (is_state, is_history) = (self.is_state(node, state), self.is_history(node, history));
        if !is_state {
            self.replay.fault(if is_first { DefectKind::WrongProblem } else { DefectKind::WrongState });
        }
        if !is_history {
            self.replay.fault(DefectKind::WrongHistory);
        }
        if is_state && is_history && self.dialect.ids == Ids::Path {
            self.marks.set_line(node, self.text, self.replay.span());
        }
        self.at = node;
        self.replay.trace.events.push(Event::Visit(node));
        self.expected = Expected::Any;
    }

    fn explore(&mut self, id: Option<&'t str>, action: &'t str, successor: &'t str) {
        self.needs_any();
        self.action = Some(action);
        self.expected = Expected::Anything;
        let Some((node, is_true)) = self.replay.explore(self.env, self.problem, self.at, action, successor) else { return self.replay.about(self.at) };
        let status = self.env.status(self.problem, self.replay.state(node));
        self.marks.add(self.at, node, status == Status::Open, self.text, action);
        if is_true {
            self.marks.set_successor(node, self.text, successor);
        }
        self.expected = match (id, status) {
            (None, _) | (_, Status::DeadEnd) => Expected::Child(node),
            (_, Status::Open) => Expected::Any,
            (_, Status::Solved) if E::HAS_OPPONENT => Expected::Child(node),
            (_, Status::Solved) => Expected::MaybeChild(node),
        };
        if let Some(id) = id
            && !self.marks.name(node, self.text, id)
        {
            self.replay.fault(DefectKind::WrongId);
        }
    }

    fn name(&mut self, id: &'t str, state: &'t str, action: &'t str) {
        let child = self.child();
        self.expected = Expected::Any;
        self.replay.about(child.unwrap_or(self.at));
        let Some(node) = child else { return };
        if self.env.status(self.problem, self.replay.state(node)) == Status::DeadEnd {
            self.replay.fault(DefectKind::WrongVerdict);
        }
        if !self.marks.name(node, self.text, id) {
            self.replay.fault(DefectKind::WrongId);
        }
        if !self.is_state(node, state) {
            self.replay.fault(DefectKind::WrongState);
        }
        if !self.is_action(node, action) {
            self.replay.fault(DefectKind::WrongHistory);
        }
    }

    fn ending(&mut self, comparison: &str, is_goal: bool) {
        // Reaching a won state proves nothing where there is an opponent.
        self.needs(!is_goal || !E::HAS_OPPONENT);
        // A goal may be recognised when it is generated, or when the search has turned to it.
        let is_at_goal = || self.env.status(self.problem, self.replay.state(self.at)) == Status::Solved;
        let child = if is_goal && self.expected == Expected::Any && is_at_goal() { Some(self.at) } else { self.child() };
        self.expected = match (is_goal, self.dialect.has_answer) {
            (false, _) => Expected::Any,
            (true, false) => Expected::End,
            (true, true) => Expected::Close,
        };
        if is_goal && !self.dialect.has_answer {
            self.plan = Plan::History(self.history, self.action);
        }
        self.replay.about(child.unwrap_or(self.at));
        let Some(node) = child else { return };
        self.marks.end(node);
        let claimed = if is_goal { Status::Solved } else { Status::DeadEnd };
        let is_true = self.env.status(self.problem, self.replay.state(node)) == claimed;
        if !is_true || !self.replay.is_written(comparison, |trace, out| self.env.write_comparison(self.problem, &trace.node(node).state, out)) {
            self.replay.fault(DefectKind::WrongVerdict);
        }
        if is_goal && is_true {
            self.replay.solve(node);
        }
    }

    fn turn(&mut self, id: &'t str, state: Option<&'t str>, is_deeper: Option<bool>) {
        self.needs_any();
        let Some(node) = self.marks.find(id, self.text, self.at, &self.replay.trace) else {
            self.replay.fault(DefectKind::UnknownNode);
            self.replay.about(self.at);
            self.expected = if state.is_some() { Expected::Any } else { Expected::State(self.at) };
            return;
        };
        self.replay.about(node);
        let Some(state) = state else {
            self.expected = Expected::State(node);
            return;
        };
        if is_deeper.is_some_and(|is_deeper| is_deeper != (node != 0 && self.replay.trace.node(node).parent == self.at)) {
            self.replay.fault(DefectKind::WrongOrder);
        }
        if self.marks.successor(node).of(self.text) != Some(state) {
            if self.replay.is_written(state, |trace, out| self.env.write_successor(self.problem, &trace.node(node).state, out)) {
                self.marks.set_successor(node, self.text, state);
            } else {
                self.replay.fault(DefectKind::WrongState);
            }
        }
        self.at = node;
        self.replay.trace.events.push(Event::Visit(node));
        self.expected = Expected::Any;
    }
}

fn kind_of(claim: &Claim<'_>) -> StatementKind {
    match claim {
        Claim::Problem { .. } => StatementKind::Problem,
        Claim::Begin | Claim::Close => StatementKind::Frame,
        Claim::At { .. } => StatementKind::At,
        Claim::Explore { .. } => StatementKind::Explore,
        Claim::Name { .. } => StatementKind::Name,
        Claim::Ending { is_goal: false, .. } => StatementKind::DeadEnd,
        Claim::Ending { is_goal: true, .. } | Claim::Won { .. } => StatementKind::Goal,
        Claim::Move { .. } => StatementKind::Move,
        Claim::Value { .. } | Claim::Tally { .. } => StatementKind::Value,
        Claim::GiveUp => StatementKind::GiveUp,
        Claim::Answer { .. } | Claim::Choose { .. } => StatementKind::Answer,
        Claim::Unreadable => StatementKind::Unreadable,
    }
}
