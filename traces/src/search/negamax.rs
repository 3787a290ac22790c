//! Alpha-beta search of a game to its end (Knuth and Moore 1975, in the negamax form): the line of play that it finds is best play of both
//! sides.
//!
//! Values are -1, 0 and 1 for a lost, drawn and won game of the player to move, so the search stops at the first winning move. Nothing
//! is remembered of positions that are reached twice: the trace shows a tree.

use metacot_envs::{SettingError, Settings, Status, World};
use rand_chacha::ChaCha8Rng;

use super::{
    Budget, Search,
    children::{Children, Order},
};
use crate::{NodeId, Recorder, StopReason};

/// Alpha-beta search. Settings: `order` (of the moves: `generation`, `random`; `generation`).
#[derive(Clone, Debug)]
pub struct Negamax {
    order: Order,
}

impl Negamax {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["order"])?;
        settings.choice("order", &["generation", "random"], "generation")?;
        Ok(Self { order: Order::configure_plain(env, settings)? })
    }
}

impl<E: World> Search<E> for Negamax {
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        let root = recorder.start(env.initial(problem), 0);
        recorder.visit(root);
        if env.status(problem, &recorder.node(root).state) != Status::Open {
            return recorder.finish(StopReason::Exhausted, None);
        }
        let mut walk = Walk { env, problem, budget, order: self.order, rng, recorder, children: Children::new() };
        match walk.value(root, -1, 1) {
            Some((_, end)) => recorder.finish(StopReason::Solved, Some(end)),
            None => recorder.finish(StopReason::Budget, None),
        }
    }

    fn plays(&self, has_opponent: bool) -> bool {
        has_opponent
    }
}

struct Walk<'a, E: World> {
    env: &'a E,
    problem: &'a E::Problem,
    budget: Budget,
    order: Order,
    rng: &'a mut ChaCha8Rng,
    recorder: &'a mut Recorder<E>,
    children: Children<E>,
}

impl<E: World> Walk<'_, E> {
    /// The value of an open node for the player to move, and the end of the line that shows it; `None` where the budget is spent.
    ///
    /// The value is exact above `alpha` and below `beta`, and at the ends of the scale.
    fn value(&mut self, node: NodeId, mut alpha: i8, beta: i8) -> Option<(i8, NodeId)> {
        let Self { env, problem, .. } = *self;
        if self.budget.is_spent(self.recorder) {
            return None;
        }
        self.recorder.expand();
        let start = self.children.append(env, problem, &self.recorder.node(node).state, self.order, f64::INFINITY, self.rng);
        self.children.list[start..].reverse();
        let mut best: Option<(i8, NodeId)> = None;
        let mut is_away = false;
        while self.children.list.len() > start {
            let child = self.children.list.pop().expect("the list is longer than its start");
            if std::mem::take(&mut is_away) {
                self.recorder.visit(node);
            }
            let has_ended = env.status(problem, &child.state) != Status::Open;
            let id = self.recorder.generate(node, child.action, child.state, child.cost, 0);
            let (value, end) = if has_ended {
                (self.payoff(node, id), id)
            } else {
                self.recorder.visit(id);
                is_away = true;
                let (value, end) = self.value(id, -beta, -alpha)?;
                (-value, end)
            };
            if best.is_none_or(|(high, _)| value > high) {
                best = Some((value, end));
            }
            alpha = alpha.max(value);
            if alpha >= beta || value == 1 {
                self.children.list.truncate(start);
            }
        }
        best
    }

    /// The value of an ended child for the player who moved there.
    fn payoff(&self, parent: NodeId, child: NodeId) -> i8 {
        let value = (2.0 * self.env.payoff(self.problem, &self.recorder.node(child).state) - 1.0) as i8;
        if self.env.opponent_moves(self.problem, &self.recorder.node(parent).state) { -value } else { value }
    }
}
