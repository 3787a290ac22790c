//! Breadth-first search: all children of a node, then the next node in order of generation. Finds a plan of fewest actions.

use std::collections::VecDeque;

use metacot_envs::{SettingError, Settings, Status, World};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashSet;

use super::{
    Budget, Search,
    children::{Children, Order},
};
use crate::{Recorder, StopReason};

/// Breadth-first search. Settings: `order` (default `generation`), `heuristic`. Worlds with cycles visit each state once.
#[derive(Clone, Debug)]
pub struct Bfs {
    order: Order,
}

impl Bfs {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["order", "heuristic"])?;
        Ok(Self { order: Order::configure_plain(env, settings)? })
    }
}

impl<E: World> Search<E> for Bfs {
    fn is_complete(&self) -> bool {
        true
    }

    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        let root = recorder.start(env.initial(problem), 0);
        let mut seen = FxHashSet::default();
        if E::HAS_CYCLES {
            seen.insert(recorder.node(root).state.clone());
        }
        if env.status(problem, &recorder.node(root).state) == Status::Solved {
            recorder.visit(root);
            return recorder.finish(StopReason::Solved, Some(root));
        }
        let mut queue = VecDeque::from([root]);
        let mut children = Children::new();
        while let Some(node) = queue.pop_front() {
            if budget.is_spent(recorder) {
                return recorder.finish(StopReason::Budget, None);
            }
            recorder.visit(node);
            recorder.expand();
            children.append(env, problem, &recorder.node(node).state, self.order, f64::INFINITY, rng);
            for child in children.list.drain(..) {
                if E::HAS_CYCLES && !seen.insert(child.state.clone()) {
                    continue;
                }
                let status = env.status(problem, &child.state);
                let id = recorder.generate(node, child.action, child.state, child.cost, 0);
                match status {
                    Status::Solved => return recorder.finish(StopReason::Solved, Some(id)),
                    Status::Open => queue.push_back(id),
                    Status::DeadEnd => {}
                }
            }
        }
        recorder.finish(StopReason::Exhausted, None);
    }
}
