//! Stream of Search's own strategies (Gandhi et al. 2024): best-first search in batches, its twelve-strategy pool and their mixture.
//!
//! What the paper calls BFS pops the `width` best nodes of an unbounded frontier, expands each, keeps the `width` best children of each
//! node, shuffles them, and pushes them all. With `compat=true` dead leaves are pushed and visited too, as the published generator does;
//! without it they are left alone. Width 1 draws nothing. Departure: equal nodes leave the frontier in order of generation.

use std::{cmp::Reverse, collections::BinaryHeap};

use metacot_envs::{SettingError, Settings, Status, World};
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashSet;

use super::{
    Budget, Search,
    children::{Children, Order, heuristic_index, key},
    dfs::Dfs,
};
use crate::{NodeId, Recorder, StopReason};

/// One DFS of the pool. Settings: `compat`, which changes nothing here and the closing line of the text.
///
/// # Errors
/// A setting that is unknown or not allowed, or an environment without the heuristic.
pub fn configure_dfs<E: World>(env: &E, settings: &Settings, heuristic: &str) -> Result<Dfs, SettingError> {
    settings.only(&["compat"])?;
    settings.flag("compat", false)?;
    Dfs::stream_of_search(env, heuristic)
}

/// One batched best-first search of the pool. Settings: `compat` (visit dead leaves).
#[derive(Clone, Debug)]
pub struct SosBfs {
    heuristic: usize,
    width: usize,
    visits_leaves: bool,
}

impl SosBfs {
    /// Reads the settings of the member of the pool with this heuristic and width.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed, or an environment without the heuristic.
    pub fn configure<E: World>(env: &E, settings: &Settings, heuristic: &str, width: usize) -> Result<Self, SettingError> {
        settings.only(&["compat"])?;
        let heuristic = heuristic_index(env, &Settings::default().with("heuristic", heuristic))?;
        Ok(Self { heuristic, width, visits_leaves: settings.flag("compat", false)? })
    }
}

impl<E: World> Search<E> for SosBfs {
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        let root = recorder.start(env.initial(problem), 0);
        if env.status(problem, &recorder.node(root).state) == Status::Solved {
            recorder.visit(root);
            return recorder.finish(StopReason::Solved, Some(root));
        }
        let mut seen = FxHashSet::default();
        if E::HAS_CYCLES {
            seen.insert(recorder.node(root).state.clone());
        }
        let mut frontier: BinaryHeap<Reverse<(u64, NodeId, bool)>> = BinaryHeap::from([Reverse((0, root, true))]);
        let mut batch = Vec::with_capacity(self.width);
        let mut children = Children::new();
        while !frontier.is_empty() {
            batch.clear();
            batch.extend(std::iter::from_fn(|| frontier.pop()).take(self.width));
            for Reverse((_, node, is_open)) in &batch {
                if budget.is_spent(recorder) {
                    return recorder.finish(StopReason::Budget, None);
                }
                recorder.visit(*node);
                if !is_open {
                    continue;
                }
                recorder.expand();
                children.append(env, problem, &recorder.node(*node).state, Order::Heuristic(self.heuristic), f64::INFINITY, rng);
                children.list.truncate(self.width);
                if self.width > 1 {
                    children.list.shuffle(rng);
                }
                for child in children.list.drain(..) {
                    if E::HAS_CYCLES && !seen.insert(child.state.clone()) {
                        continue;
                    }
                    let status = env.status(problem, &child.state);
                    let id = recorder.generate(*node, child.action, child.state, child.cost, 0);
                    match status {
                        Status::Solved => return recorder.finish(StopReason::Solved, Some(id)),
                        Status::DeadEnd if !self.visits_leaves => {}
                        status => frontier.push(Reverse((key(child.value), id, status == Status::Open))),
                    }
                }
            }
        }
        recorder.finish(StopReason::Exhausted, None);
    }
}

/// The published mixture: each problem draws DFS or BFS, a heuristic, and a width from 1 to 5. Settings: `compat`.
#[derive(Clone, Debug)]
pub struct SosMix {
    depth_first: [Dfs; 2],
    breadth_first: [[SosBfs; 5]; 2],
}

impl SosMix {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed, or an environment without the heuristics.
    pub fn configure<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        let pool = |heuristic| -> Result<[SosBfs; 5], SettingError> {
            let first = SosBfs::configure(env, settings, heuristic, 1)?;
            Ok(std::array::from_fn(|index| SosBfs { width: index + 1, ..first.clone() }))
        };
        Ok(Self { depth_first: [configure_dfs(env, settings, "sum")?, configure_dfs(env, settings, "mult")?], breadth_first: [pool("sum")?, pool("mult")?] })
    }
}

impl<E: World> Search<E> for SosMix {
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        let heuristic = rng.random_range(0..2_usize);
        if rng.random_range(0..2_usize) == 0 {
            self.depth_first[heuristic].run(env, problem, budget, rng, recorder);
        } else {
            self.breadth_first[heuristic][rng.random_range(0..5_usize)].run(env, problem, budget, rng, recorder);
        }
    }
}
