//! A* with the environment's lower bound and a deterministic tie-break, as in Searchformer (Lehnert et al. 2024).
//!
//! Nodes are taken by `f = g + h`; ties go to the smallest state. A child is skipped where the same state is open or closed at no greater
//! cost; a cheaper copy replaces an open one and re-opens a closed one. The goal is recognised when it is taken, so the plan is optimal.
//! Departure: hopeless children (`lower_bound` is `None`, or a dead end) are generated, so that the trace shows them, and never opened.

use std::{cmp::Reverse, collections::BinaryHeap};

use metacot_envs::{SettingError, Settings, Status, World};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;

use super::{Budget, Search};
use crate::{NodeId, Recorder, StopReason};

/// A*. No settings.
#[derive(Clone, Debug)]
pub struct AStar;

impl AStar {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown.
    pub fn configure<E: World>(_env: &E, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[])?;
        Ok(Self)
    }
}

impl<E: World> Search<E> for AStar {
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, _rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        let initial = env.initial(problem);
        let bound = env.lower_bound(problem, &initial);
        let root = recorder.start(initial.clone(), bound.unwrap_or(0));
        // The best known node of each state; an entry of the heap whose node is not the best one any more is stale.
        let mut best: FxHashMap<E::State, NodeId> = FxHashMap::default();
        let mut open = BinaryHeap::new();
        if let Some(bound) = bound {
            best.insert(initial.clone(), root);
            open.push(Reverse((bound, initial, root)));
        }
        let mut actions = Vec::new();
        while let Some(Reverse((_, state, node))) = open.pop() {
            if best.get(&state) != Some(&node) {
                continue;
            }
            if budget.is_spent(recorder) {
                return recorder.finish(StopReason::Budget, None);
            }
            recorder.visit(node);
            if env.status(problem, &state) == Status::Solved {
                return recorder.finish(StopReason::Solved, Some(node));
            }
            recorder.expand();
            let cost = recorder.node(node).cost;
            actions.clear();
            env.actions(problem, &state, &mut actions);
            for action in actions.drain(..) {
                let next = env.apply(problem, &state, &action).expect("`actions` lists legal actions only");
                let step = env.cost(problem, &state, &action);
                if best.get(&next).is_some_and(|known| recorder.node(*known).cost <= cost + step) {
                    continue;
                }
                let bound = env.lower_bound(problem, &next).filter(|_| env.status(problem, &next) != Status::DeadEnd);
                let child = recorder.generate(node, action, next.clone(), step, bound.unwrap_or(0));
                if let Some(bound) = bound {
                    best.insert(next.clone(), child);
                    open.push(Reverse((cost + step + bound, next, child)));
                }
            }
        }
        recorder.finish(StopReason::Exhausted, None);
    }
}
