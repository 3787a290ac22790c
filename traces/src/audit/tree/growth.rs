//! Statements that add nodes and end branches.

use metacot_envs::{Status, World};

use super::{Expected, Plan, Tree};
use crate::{NodeId, audit::DefectKind};

impl<'t, E: World> Tree<'_, 't, E> {
    pub(super) fn explore(&mut self, id: Option<&'t str>, action: &'t str, successor: &'t str) {
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

    pub(super) fn name(&mut self, id: &'t str, state: &'t str, action: &'t str) {
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

    pub(super) fn ending(&mut self, comparison: &str, is_goal: bool) {
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

    /// The child that this statement is about; a fault where there is none, except right after a false exploration.
    pub(super) fn child(&mut self) -> Option<NodeId> {
        match self.expected {
            Expected::Child(node) | Expected::MaybeChild(node) => return Some(node),
            Expected::Anything => {}
            _ => self.replay.fault(DefectKind::WrongOrder),
        }
        None
    }
}
