//! Beam search: expand a layer, value all its children, keep the best `width` of them as the next layer. Incomplete.

use std::cmp::Reverse;

use metacot_envs::{SettingError, Settings, Status, World};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashSet;

use super::{
    Budget, Search,
    children::{Children, Order},
    guided::{Evaluation, Machine, Site, solve},
    leaf::Leaf,
};
use crate::{Event, NodeId, Recorder, StopReason};

/// Beam search. Settings: `width` (5), `max_depth` (most layers), those of [`Leaf`] (default `leaf=heuristic`).
#[derive(Clone, Debug)]
pub struct Beam {
    leaf: Leaf,
    width: usize,
    max_depth: u32,
}

impl Beam {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[&Leaf::SETTINGS[..], &["width", "max_depth"]].concat())?;
        Ok(Self {
            leaf: Leaf::configure(env, settings, "heuristic")?,
            width: settings.number("width", 1..=100_000, 5)?,
            max_depth: settings.number("max_depth", 1..=u32::MAX, u32::MAX)?,
        })
    }

    /// The search as a machine, for a driver with a policy of its own.
    pub fn machine<E: World>(&self) -> BeamMachine<E> {
        BeamMachine {
            width: self.width,
            max_depth: self.max_depth,
            layer: Vec::new(),
            asked: Vec::new(),
            seen: FxHashSet::default(),
            children: Children::new(),
            has_started: false,
        }
    }
}

impl<E: World> Search<E> for Beam {
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        solve(&mut self.machine::<E>(), &self.leaf, &mut Site { env, problem, budget, rng, recorder });
    }
}

/// A beam search in progress.
pub struct BeamMachine<E: World> {
    width: usize,
    max_depth: u32,
    layer: Vec<NodeId>,
    asked: Vec<NodeId>,
    seen: FxHashSet<E::State>,
    children: Children<E>,
    has_started: bool,
}

impl<E: World> Machine<E> for BeamMachine<E> {
    fn gather(&mut self, site: &mut Site<'_, E>, nodes: &mut Vec<NodeId>) {
        let Site { env, problem, budget, rng, recorder } = site;
        if !std::mem::replace(&mut self.has_started, true) {
            let root = recorder.start(env.initial(problem), 0);
            self.seen.insert(recorder.node(root).state.clone());
            if env.status(problem, &recorder.node(root).state) == Status::Solved {
                recorder.visit(root);
                return recorder.finish(StopReason::Solved, Some(root));
            }
            self.layer.push(root);
        }
        for node in std::mem::take(&mut self.layer) {
            if budget.is_spent(recorder) {
                self.asked.clear();
                return recorder.finish(StopReason::Budget, None);
            }
            recorder.visit(node);
            recorder.expand();
            self.children.append(env, problem, &recorder.node(node).state, Order::Generation, f64::INFINITY, rng);
            for child in self.children.list.drain(..) {
                if E::HAS_CYCLES && !self.seen.insert(child.state.clone()) {
                    continue;
                }
                let status = env.status(problem, &child.state);
                let id = recorder.generate(node, child.action, child.state, child.cost, 0);
                match status {
                    Status::Solved => {
                        self.asked.clear();
                        return recorder.finish(StopReason::Solved, Some(id));
                    }
                    Status::Open if recorder.node(id).depth < self.max_depth => self.asked.push(id),
                    _ => {}
                }
            }
        }
        nodes.extend(&self.asked);
    }

    fn apply(&mut self, site: &mut Site<'_, E>, answers: &mut Vec<Evaluation<E>>) {
        let mut valued: Vec<(u32, NodeId)> = Vec::with_capacity(self.asked.len());
        for (node, answer) in self.asked.drain(..).zip(answers.drain(..)) {
            site.recorder.event(Event::Evaluate { node, value: answer.value });
            valued.push((answer.value.max(0.0).to_bits(), node));
        }
        valued.sort_by_key(|(value, _)| Reverse(*value));
        self.layer.extend(valued.iter().take(self.width).map(|(_, node)| *node));
    }
}
