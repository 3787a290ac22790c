//! Audit of searches told node by node.

mod growth;
mod ids;
mod place;
mod truth;
mod worth;

use metacot_envs::World;

pub(super) use ids::Marks;

use super::{DefectKind, StatementKind, replay::Replay};
use crate::{
    Event, NodeId, StopReason,
    discourse::{
        lines,
        tree::{Claim, Dialect},
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
