//! Depth-first search: look at a child, go into it, come back, look at the next.
//!
//! With `heuristic=sum prune=true` on Countdown this is Stream of Search's DFS: children above the threshold are dropped, the others come
//! in order of the heuristic, and after every child but the last the parent is visited again.

use metacot_envs::{SettingError, Settings, Status, World};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashSet;

use super::{
    Budget, Search,
    children::{Child, Order, children},
};
use crate::{NodeId, Recorder, StopReason};

/// Depth-first search. Settings: `order`, `heuristic`, `prune` (drop children above the environment's threshold), `depth` (most actions).
#[derive(Clone, Debug)]
pub struct Dfs {
    order: Order,
    prunes: bool,
    max_depth: u32,
}

impl Dfs {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["order", "heuristic", "prune", "depth"])?;
        Ok(Self {
            order: Order::configure(env, settings)?,
            prunes: settings.flag("prune", false)?,
            max_depth: settings.number("depth", 1..=u32::MAX, u32::MAX)?,
        })
    }
}

/// An expanded node with the children that are still to be looked at, last first.
struct Frame<E: World> {
    node: NodeId,
    rest: Vec<Child<E>>,
}

impl<E: World> Search<E> for Dfs {
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        let threshold = if self.prunes { env.prune_threshold(problem) } else { f64::INFINITY };
        let root = recorder.start(env.initial(problem), 0);
        recorder.visit(root);
        if env.status(problem, &recorder.node(root).state) == Status::Solved {
            return recorder.finish(StopReason::Solved, Some(root));
        }
        let mut seen = FxHashSet::default();
        if E::HAS_CYCLES {
            seen.insert(recorder.node(root).state.clone());
        }
        let mut expand = |node: NodeId, recorder: &mut Recorder<E>| {
            recorder.expand();
            let mut rest = children(env, problem, &recorder.node(node).state, self.order, threshold, rng);
            rest.reverse();
            Frame { node, rest }
        };
        let mut stack = vec![expand(root, recorder)];
        while let Some(frame) = stack.last_mut() {
            let Some(child) = frame.rest.pop() else {
                stack.pop();
                // The parent is visited again only where it still has something to offer, as after every child but the last.
                if let Some(above) = stack.last()
                    && !above.rest.is_empty()
                {
                    recorder.visit(above.node);
                }
                continue;
            };
            if E::HAS_CYCLES && !seen.insert(child.state.clone()) {
                continue;
            }
            let parent = frame.node;
            let node = recorder.generate(parent, child.action, child.state, child.cost, 0);
            match env.status(problem, &recorder.node(node).state) {
                Status::Solved => return recorder.finish(StopReason::Solved, Some(node)),
                Status::DeadEnd => {}
                Status::Open if recorder.node(node).depth >= self.max_depth => {}
                Status::Open => {
                    if budget.is_spent(recorder) {
                        return recorder.finish(StopReason::Budget, None);
                    }
                    recorder.visit(node);
                    stack.push(expand(node, recorder));
                    continue;
                }
            }
            if let Some(frame) = stack.last()
                && !frame.rest.is_empty()
            {
                recorder.visit(parent);
            }
        }
        recorder.finish(StopReason::Exhausted, None);
    }
}
