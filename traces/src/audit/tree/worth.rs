//! Statements of what nodes are worth: values, and the ends, tallies and choices of games.

use metacot_envs::{Status, World};

use super::{Expected, Tree};
use crate::{
    Event,
    audit::DefectKind,
    format::tale::{mean_of, tallies},
};

impl<'t, E: World> Tree<'_, 't, E> {
    pub(super) fn value(&mut self, id: &'t str, value: &str) {
        let is_value = value.len() == 4 && value.parse::<f32>().is_ok_and(|value| (0.0..=1.0).contains(&value));
        match (self.marks.find(id, self.text, self.at, &self.replay.trace), value.parse()) {
            (Some(node), Ok(value)) if is_value => {
                let state = self.replay.state(node);
                let has_ended = E::HAS_OPPONENT && self.env.status(self.problem, state) != Status::Open;
                let payoff = if has_ended { self.env.payoff(self.problem, state) } else { value };
                self.replay.trace.events.push(Event::Evaluate { node, value });
                if payoff != value {
                    self.replay.fault(DefectKind::WrongVerdict);
                }
            }
            (None, _) => self.replay.fault(DefectKind::UnknownNode),
            _ => self.replay.fault(DefectKind::Syntax),
        }
    }

    /// The end of a game that went well.
    pub(super) fn won(&mut self, comparison: &str) {
        let child = self.child();
        self.expected = Expected::Any;
        let Some(node) = child else { return };
        self.replay.about(node);
        let is_won = E::HAS_OPPONENT && self.env.status(self.problem, self.replay.state(node)) == Status::Solved;
        if !is_won || !self.replay.is_written(comparison, |trace, out| self.env.write_comparison(self.problem, &trace.node(node).state, out)) {
            self.replay.fault(DefectKind::WrongVerdict);
        }
    }

    /// The number and the mean of the values below a node, against those that were told.
    pub(super) fn tally(&mut self, id: &str, visits: &str, mean: &str) {
        self.needs_any();
        let Some(node) = self.marks.find(id, self.text, self.at, &self.replay.trace) else { return self.replay.fault(DefectKind::UnknownNode) };
        self.replay.about(node);
        let told = tallies(&self.replay.trace)[node as usize];
        let hundredths = mean_of(told);
        if visits.parse() != Ok(told.0) || mean != format!("{}.{:02}", hundredths / 100, hundredths % 100) {
            self.replay.fault(DefectKind::WrongCost);
        }
    }

    /// The line of play that ends the search: right where every move of it keeps the value of the position under best play.
    pub(super) fn choose(&mut self, id: &str, state: &str) {
        self.needs(E::HAS_OPPONENT);
        self.needs_any();
        self.expected = if self.dialect.has_answer { Expected::Close } else { Expected::End };
        let Some(node) = self.marks.find(id, self.text, self.at, &self.replay.trace) else { return self.replay.fault(DefectKind::UnknownNode) };
        self.replay.about(node);
        if !self.replay.is_written(state, |trace, out| self.env.write_successor(self.problem, &trace.node(node).state, out)) {
            self.replay.fault(DefectKind::WrongState);
        }
        self.replay.solve(node);
    }
}
