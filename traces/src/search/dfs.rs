//! Depth-first search: look at a child, go into it, come back, look at the next.
//!
//! With `heuristic=sum prune=true` on Countdown this is Stream of Search's DFS: children above the threshold are dropped, the others come
//! in order of the heuristic, and after every child but the last the parent is visited again.

use metacot_envs::{SettingError, Settings, Status, World};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashSet;

use super::{
    Budget, Search,
    children::{Children, Order, heuristic_index},
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

    /// Stream of Search's DFS with the heuristic called `heuristic`.
    ///
    /// # Errors
    /// The environment has no such heuristic.
    pub fn stream_of_search<E: World>(env: &E, heuristic: &str) -> Result<Self, SettingError> {
        let heuristic = heuristic_index(env, &Settings::default().with("heuristic", heuristic))?;
        Ok(Self { order: Order::Heuristic(heuristic), prunes: true, max_depth: u32::MAX })
    }
}

/// An expanded node; its children that are still to be looked at lie above `start`, last first.
struct Frame {
    node: NodeId,
    start: usize,
}

impl<E: World> Search<E> for Dfs {
    fn is_complete(&self) -> bool {
        !self.prunes && self.max_depth == u32::MAX
    }

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
        let mut children = Children::new();
        let mut stack: Vec<Frame> = Vec::new();
        let mut expand = |node: NodeId, children: &mut Children<E>, recorder: &mut Recorder<E>| {
            recorder.expand();
            let start = children.append(env, problem, &recorder.node(node).state, self.order, threshold, rng);
            children.list[start..].reverse();
            Frame { node, start }
        };
        stack.push(expand(root, &mut children, recorder));
        while let Some(&Frame { node: parent, start }) = stack.last() {
            if children.list.len() == start {
                stack.pop();
                // The parent is visited again only where it still has something to offer, as after every child but the last.
                if let Some(above) = stack.last()
                    && children.list.len() > above.start
                {
                    recorder.visit(above.node);
                }
                continue;
            }
            let child = children.list.pop().expect("the list is longer than its start");
            if E::HAS_CYCLES && !seen.insert(child.state.clone()) {
                continue;
            }
            let status = env.status(problem, &child.state);
            let node = recorder.generate(parent, child.action, child.state, child.cost, 0);
            match status {
                Status::Solved => return recorder.finish(StopReason::Solved, Some(node)),
                Status::Open if recorder.node(node).depth < self.max_depth => {
                    if budget.is_spent(recorder) {
                        return recorder.finish(StopReason::Budget, None);
                    }
                    recorder.visit(node);
                    stack.push(expand(node, &mut children, recorder));
                }
                _ if children.list.len() > start => recorder.visit(parent),
                _ => {}
            }
        }
        recorder.finish(StopReason::Exhausted, None);
    }
}
