//! Whether a text says what a node is: what was found true before is compared with its place, and rendered once at most.

use metacot_envs::World;

use super::Tree;
use crate::{NodeId, audit::replay::Replay};

impl<'t, E: World> Tree<'_, 't, E> {
    /// Whether `state` is the whole state of `node`; text that was found true before is not rendered again.
    pub(super) fn is_state(&mut self, node: NodeId, state: &str) -> bool {
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

    pub(super) fn is_action(&mut self, node: NodeId, action: &str) -> bool {
        self.marks.action(node).of(self.text) == Some(action)
            || self.replay.is_written(action, |trace, out| Replay::write_action(self.env, self.problem, trace, node, out))
    }

    /// Whether `history` lists the actions from the start to `node`.
    pub(super) fn is_history(&mut self, node: NodeId, history: &'t str) -> bool {
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
}
