//! Best-first search on the value of states: pop the best, value its children, push them (Koh et al. 2024; Meta-CoT §4.3).
//!
//! `greedy` values states by a heuristic alone; `best-first` takes any leaf value, a depth limit, and a policy handed in through
//! [`Machine`]. The goal is recognised when it is generated. Ties leave the frontier in order of generation.

use std::{cmp::Reverse, collections::BinaryHeap};

use metacot_envs::{SettingError, Settings, Status, World};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashSet;

use super::{
    Budget, Search,
    children::{Children, Order, heuristic_index},
    guided::{Evaluation, Machine, Site, solve},
    leaf::Leaf,
};
use crate::{Event, NodeId, Recorder, StopReason};

/// Best-first search. Settings: those of [`Leaf`] (default `leaf=heuristic`), `max_depth` (most actions of a plan).
#[derive(Clone, Debug)]
pub struct BestFirst {
    leaf: Leaf,
    max_depth: u32,
}

impl BestFirst {
    /// Reads the settings of `best-first`.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[&Leaf::SETTINGS[..], &["max_depth"]].concat())?;
        Ok(Self { leaf: Leaf::configure(env, settings, "heuristic")?, max_depth: settings.number("max_depth", 1..=u32::MAX, u32::MAX)? })
    }

    /// Reads the settings of `greedy`: `heuristic`.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure_greedy<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["heuristic"])?;
        Ok(Self { leaf: Leaf::Heuristic(heuristic_index(env, settings)?), max_depth: u32::MAX })
    }

    /// The search as a machine, for a driver with a policy of its own.
    pub fn machine<E: World>(&self) -> BestFirstMachine<E> {
        BestFirstMachine {
            max_depth: self.max_depth,
            frontier: BinaryHeap::new(),
            seen: FxHashSet::default(),
            children: Children::new(),
            asked: Vec::new(),
            has_started: false,
        }
    }
}

impl<E: World> Search<E> for BestFirst {
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        solve(&mut self.machine::<E>(), &self.leaf, &mut Site { env, problem, budget, rng, recorder });
    }
}

/// A best-first search in progress.
pub struct BestFirstMachine<E: World> {
    max_depth: u32,
    /// By value, and then by order of generation.
    frontier: BinaryHeap<(u32, Reverse<NodeId>)>,
    seen: FxHashSet<E::State>,
    children: Children<E>,
    asked: Vec<NodeId>,
    has_started: bool,
}

impl<E: World> Machine<E> for BestFirstMachine<E> {
    fn gather(&mut self, site: &mut Site<'_, E>, nodes: &mut Vec<NodeId>) {
        let Site { env, problem, budget, rng, recorder } = site;
        if !std::mem::replace(&mut self.has_started, true) {
            let root = recorder.start(env.initial(problem), 0);
            self.seen.insert(recorder.node(root).state.clone());
            if env.status(problem, &recorder.node(root).state) == Status::Solved {
                recorder.visit(root);
                return recorder.finish(StopReason::Solved, Some(root));
            }
            self.frontier.push((0, Reverse(root)));
        }
        self.asked.clear();
        while let Some((_, Reverse(node))) = self.frontier.pop() {
            if budget.is_spent(recorder) {
                self.frontier.clear();
                return recorder.finish(StopReason::Budget, None);
            }
            recorder.visit(node);
            recorder.expand();
            let is_deepest = recorder.node(node).depth + 1 >= self.max_depth;
            self.children.append(env, problem, &recorder.node(node).state, Order::Generation, f64::INFINITY, rng);
            for child in self.children.list.drain(..) {
                if E::HAS_CYCLES && !self.seen.insert(child.state.clone()) {
                    continue;
                }
                let status = env.status(problem, &child.state);
                let id = recorder.generate(node, child.action, child.state, child.cost, 0);
                match status {
                    Status::Solved => {
                        self.frontier.clear();
                        return recorder.finish(StopReason::Solved, Some(id));
                    }
                    Status::Open if !is_deepest => self.asked.push(id),
                    _ => {}
                }
            }
            if !self.asked.is_empty() {
                nodes.extend(&self.asked);
                return;
            }
        }
    }

    fn apply(&mut self, site: &mut Site<'_, E>, answers: &mut Vec<Evaluation<E>>) {
        for (node, answer) in self.asked.drain(..).zip(answers.drain(..)) {
            site.recorder.event(Event::Evaluate { node, value: answer.value });
            // Values are not negative, so their bits order as they do.
            self.frontier.push((answer.value.max(0.0).to_bits(), Reverse(node)));
        }
    }
}
