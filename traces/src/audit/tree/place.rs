//! Statements of where the search stands, and where it turns to.

use metacot_envs::World;

use super::{Expected, Tree};
use crate::{Event, audit::DefectKind, discourse::tree::Ids};

impl<'t, E: World> Tree<'_, 't, E> {
    pub(super) fn at(&mut self, state: &'t str, history: &'t str) {
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

    pub(super) fn turn(&mut self, id: &'t str, state: Option<&'t str>, is_deeper: Option<bool>) {
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
