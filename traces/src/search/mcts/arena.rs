//! The statistics of a search tree: 32 bytes a node, the children of a node side by side.
//!
//! What selection needs of a child is worked out when its statistics change, which is once per simulation and level, and not whenever its
//! parent looks at it.

use std::sync::LazyLock;

use metacot_envs::Environment;
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Config, Selection};
use crate::NodeId;

/// Marks a slot that has no node in the trace yet.
pub(super) const UNBORN: NodeId = NodeId::MAX;
/// The subtree holds nothing that is not known.
pub(super) const EXHAUSTED: u8 = 1;
/// The children were placed.
pub(super) const EXPANDED: u8 = 2;
/// The opponent moves here.
pub(super) const OPPONENT: u8 = 4;
/// The game ends here; with two players such a node is valued again at every visit.
pub(super) const TERMINAL: u8 = 8;

/// What is known of a node; its action is beside it in [`Arena::actions`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub visits: u32,
    pub sum: f32,
    /// `sum / visits`; meaningless without a visit.
    pub mean: f32,
    /// The square root of `visits`.
    pub root: f32,
    pub prior: f32,
    pub first_child: u32,
    pub node: NodeId,
    pub num_children: u16,
    pub flags: u8,
}

const _: () = assert!(size_of::<Slot>() <= 32);

impl Slot {
    pub fn new(node: NodeId, prior: f32) -> Self {
        Self { visits: 0, sum: 0.0, mean: 0.0, root: 0.0, prior, first_child: 0, node, num_children: 0, flags: 0 }
    }

    pub fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    pub fn children(&self) -> std::ops::Range<usize> {
        self.first_child as usize..self.first_child as usize + usize::from(self.num_children)
    }
}

/// All nodes of a tree; the root is slot 0.
pub(super) struct Arena<E: Environment> {
    pub slots: Vec<Slot>,
    /// The action into each slot; the root has none, so the list starts at slot 1.
    pub actions: Vec<E::Action>,
    scratch: Vec<E::Action>,
}

impl<E: Environment> Arena<E> {
    pub fn new() -> Self {
        Self { slots: Vec::new(), actions: Vec::new(), scratch: Vec::new() }
    }

    pub fn action(&self, slot: usize) -> &E::Action {
        &self.actions[slot - 1]
    }

    /// Places the children of a slot; without priors they are uniform and in random order.
    pub fn expand(&mut self, slot: usize, env: &E, problem: &E::Problem, state: &E::State, priors: &[f32], rng: &mut ChaCha8Rng) {
        self.scratch.clear();
        env.actions(problem, state, &mut self.scratch);
        let count = self.scratch.len();
        if priors.is_empty() {
            self.scratch.shuffle(rng);
        }
        let first = self.slots.len();
        let uniform = 1.0 / count.max(1) as f32;
        self.slots.extend((0..count).map(|index| Slot::new(UNBORN, priors.get(index).copied().unwrap_or(uniform))));
        self.actions.append(&mut self.scratch);
        let ended = if env.is_two_player() { TERMINAL } else { EXHAUSTED };
        let parent = &mut self.slots[slot];
        parent.first_child = u32::try_from(first).expect("a budget keeps the tree below 2^32 slots");
        parent.num_children = u16::try_from(count).expect("no world has 65,536 actions in a state");
        parent.flags |= EXPANDED | if env.opponent_moves(problem, state) { OPPONENT } else { 0 } | if count == 0 { ended } else { 0 };
    }

    /// Mixes Dirichlet noise into the priors of the children of `slot`.
    pub fn add_noise(&mut self, slot: usize, share: f64, alpha: f64, rng: &mut ChaCha8Rng) {
        let children = self.slots[slot].children();
        let draws: Vec<f64> = children.clone().map(|_| gamma(alpha, rng)).collect();
        let sum: f64 = draws.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        for (child, draw) in self.slots[children].iter_mut().zip(draws) {
            child.prior = ((1.0 - share) * f64::from(child.prior) + share * draw / sum) as f32;
        }
    }

    /// The child to walk to; `None` where all are exhausted. The first of equals wins.
    pub fn select(&self, slot: usize, config: &Config) -> Option<usize> {
        let parent = &self.slots[slot];
        let children = parent.children();
        let spread = match config.selection {
            Selection::Uct => root_of_log(parent.visits.max(1)) * config.exploration,
            Selection::Puct => (parent.visits.max(1) as f32).sqrt() * config.exploration,
        };
        let is_opponent = parent.has(OPPONENT);
        let mut best: Option<(f32, usize)> = None;
        for (offset, child) in self.slots[children.clone()].iter().enumerate() {
            if child.has(EXHAUSTED) {
                continue;
            }
            let is_new = child.visits == 0;
            if is_new && config.selection == Selection::Uct {
                return Some(children.start + offset);
            }
            let mean = if is_new { config.first_play } else { child.mean };
            let mean = if is_opponent && !is_new { 1.0 - mean } else { mean };
            let bonus = match config.selection {
                Selection::Uct => spread / child.root,
                Selection::Puct => spread * child.prior / (1.0 + child.visits as f32),
            };
            if best.is_none_or(|(high, _)| mean + bonus > high) {
                best = Some((mean + bonus, children.start + offset));
            }
        }
        best.map(|(_, child)| child)
    }

    /// Adds a value to all slots of a walk from the root, and marks those whose children are all exhausted. With two players nothing is
    /// ever exhausted: a reply that wins must go on being chosen.
    pub fn backup(&mut self, walk: &[u32], value: f32, config: &Config) {
        let mut may_exhaust = !config.has_opponent;
        for &slot in walk.iter().rev() {
            let slot = slot as usize;
            if may_exhaust {
                let is_exhausted = self.slots[slot].has(EXHAUSTED)
                    || self.slots[slot].has(EXPANDED) && self.slots[self.slots[slot].children()].iter().all(|child| child.has(EXHAUSTED));
                self.slots[slot].flags |= if is_exhausted { EXHAUSTED } else { 0 };
                may_exhaust = is_exhausted;
            }
            let slot = &mut self.slots[slot];
            slot.visits += 1;
            slot.sum += value;
            let n = slot.visits as f32;
            (slot.mean, slot.root) = (slot.sum / n, n.sqrt());
        }
    }
}

/// `sqrt(ln n)`; small counts, which are asked for all the time, stand in a table.
fn root_of_log(n: u32) -> f32 {
    const SIZE: usize = 4096;
    static TABLE: LazyLock<[f32; SIZE]> = LazyLock::new(|| std::array::from_fn(|n| compute(n.max(1) as u32)));
    fn compute(n: u32) -> f32 {
        (n as f32).ln().max(0.0).sqrt()
    }
    TABLE.get(n as usize).copied().unwrap_or_else(|| compute(n))
}

/// A draw of the gamma distribution with scale 1 (Marsaglia and Tsang 2000).
fn gamma(alpha: f64, rng: &mut ChaCha8Rng) -> f64 {
    if alpha < 1.0 {
        let boost: f64 = rng.random::<f64>().max(f64::MIN_POSITIVE);
        return gamma(alpha + 1.0, rng) * boost.powf(1.0 / alpha);
    }
    let d = alpha - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let (u1, u2): (f64, f64) = (rng.random(), rng.random());
        let normal = (-2.0 * u1.max(f64::MIN_POSITIVE).ln()).sqrt() * (std::f64::consts::TAU * u2).cos();
        let v = (1.0 + c * normal).powi(3);
        let u: f64 = rng.random::<f64>().max(f64::MIN_POSITIVE);
        if v > 0.0 && u.ln() < 0.5 * normal * normal + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}
