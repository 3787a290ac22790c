//! A* with the environment's lower bound, as in Searchformer (Lehnert et al. 2024): `astar` breaks ties in a fixed way, `astar-nondet` by
//! chance.
//!
//! Nodes are taken by `f = g + h`. A child is skipped where the same state is open or closed at no greater cost; a cheaper copy replaces
//! an open one and re-opens a closed one. The goal is recognised when it is taken, so the plan is optimal. `astar` takes the smallest
//! state among equals and lists children as the environment does; `astar-nondet` shuffles the children and takes any of the equals.
//! Departures: hopeless children (`lower_bound` is `None`, or a dead end) are generated, so that the trace shows them, and never opened;
//! chance breaks ties by a number drawn per node where Searchformer flips a coin per comparison.

use std::{cmp::Reverse, collections::BinaryHeap};

use metacot_envs::{SettingError, Settings, Status, World};
use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Budget, Search, known::Known};
use crate::{NodeId, Recorder, StopReason};

/// A*. No settings.
#[derive(Clone, Debug)]
pub struct AStar {
    is_deterministic: bool,
}

impl AStar {
    /// Reads the settings of `astar`.
    ///
    /// # Errors
    /// A setting that is unknown.
    pub fn configure(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[])?;
        Ok(Self { is_deterministic: true })
    }

    /// Reads the settings of `astar-nondet`.
    ///
    /// # Errors
    /// A setting that is unknown.
    pub fn configure_nondet(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[])?;
        Ok(Self { is_deterministic: false })
    }
}

impl<E: World> Search<E> for AStar {
    fn is_complete(&self) -> bool {
        true
    }

    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        let initial = env.initial(problem);
        let bound = env.lower_bound(problem, &initial);
        let root = recorder.start(initial.clone(), bound.unwrap_or(0));
        // An entry of the heap whose node is not the best known one of its state any more is stale.
        let mut known = Known::<E>::new(env, problem);
        let mut open = BinaryHeap::with_capacity(64);
        if let Some(bound) = bound {
            known.set(env, problem, &initial, root);
            open.push(Reverse((bound, 0_u64, initial, root)));
        }
        let mut actions = Vec::new();
        while let Some(Reverse((_, _, state, node))) = open.pop() {
            if known.get(env, problem, &state) != Some(node) {
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
            if !self.is_deterministic {
                actions.shuffle(rng);
            }
            for action in actions.drain(..) {
                let next = env.apply(problem, &state, &action).expect("`actions` lists legal actions only");
                let step = env.cost(problem, &state, &action);
                if known.get(env, problem, &next).is_some_and(|known| recorder.node(known).cost <= cost + step) {
                    continue;
                }
                let bound = env.lower_bound(problem, &next).filter(|_| env.status(problem, &next) != Status::DeadEnd);
                let child: NodeId = recorder.generate(node, action, next.clone(), step, bound.unwrap_or(0));
                if let Some(bound) = bound {
                    known.set(env, problem, &next, child);
                    let tie = if self.is_deterministic { 0 } else { rng.next_u64() };
                    open.push(Reverse((cost + step + bound, tie, next, child)));
                }
            }
        }
        recorder.finish(StopReason::Exhausted, None);
    }
}
