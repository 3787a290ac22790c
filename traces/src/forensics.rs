//! What a trace does when it thinks (Meta-CoT §4.4): where it turns back and how far, what it repeats, what it checks, and which style that
//! makes. Works on the trace of any audit, so on texts of models as on our own.

mod profile;
mod summary;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use metacot_envs::{Environment, Status};
use serde::{Deserialize, Serialize};

pub use profile::{Profile, Profilers, Told};
pub use summary::{Overlap, Summary, Survey, survey};

use crate::{Event, Trace};

/// How a trace goes about its search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Style {
    /// No turning back at all.
    Straight,
    /// Turning back to nodes in between.
    Tree,
    /// Turning back to the start mostly: whole attempts one after another.
    Revision,
    /// More values told than nodes visited.
    SelfEvaluation,
    /// More than half of the visited states were visited before.
    Repetition,
}

/// Counts over one trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forensics {
    /// Moves to a node that is no child of the one before, by the number of levels they go up.
    pub backtracks: BTreeMap<u32, u64>,
    /// Those that go to the root.
    pub returns_to_root: u64,
    /// Visits of a node that was visited before.
    pub revisits: u64,
    /// Nodes whose state another node had before.
    pub repeated_states: u64,
    /// Branches whose end was noted: dead ends and goals.
    pub verifications: u64,
    /// Nodes between root and goal that the search worked from: two or more of their children were visited.
    pub sub_goals: u64,
    /// Values told.
    pub evaluations: u64,
    /// Visits.
    pub visits: u64,
    /// Nodes on the way to the goal, the root left out, or the actions of an answer that is told alone; 0 where it is unsolved.
    pub plan_length: u64,
    /// What all that amounts to.
    pub style: Style,
}

/// Counts what a trace does.
pub fn forensics<E: Environment>(env: &E, problem: &E::Problem, trace: &Trace<E>) -> Forensics {
    let (mut backtracks, mut visited) = (BTreeMap::new(), BTreeSet::new());
    let (mut returns_to_root, mut revisits, mut visits, mut evaluations, mut repeats) = (0, 0, 0, 0, 0);
    let mut at = None;
    let mut entered = vec![0_u32; trace.nodes.len()];
    for event in &trace.events {
        match *event {
            Event::Visit(node) => {
                visits += 1;
                let here = trace.node(node);
                if visited.insert(node) {
                    entered[here.parent as usize] += u32::from(node != 0);
                } else {
                    revisits += 1;
                }
                if let Some(before) = at.filter(|before| *before != node && (node == 0 || here.parent != *before)) {
                    let levels = trace.node(before).depth.saturating_sub(here.depth);
                    *backtracks.entry(levels).or_default() += 1;
                    returns_to_root += u64::from(node == 0);
                }
                at = Some(node);
            }
            Event::Evaluate { .. } => evaluations += 1,
            Event::Generate(_) => {}
        }
    }
    let mut seen = BTreeSet::new();
    for node in &trace.nodes {
        repeats += u64::from(!seen.insert(&node.state));
    }
    let verifications = trace.nodes.iter().filter(|node| env.status(problem, &node.state) != Status::Open).count() as u64;
    let sub_goals = entered.iter().skip(1).filter(|children| **children >= 2).count() as u64;
    let num_backtracks: u64 = backtracks.values().sum();
    let style = if num_backtracks == 0 {
        Style::Straight
    } else if evaluations > visits {
        Style::SelfEvaluation
    } else if 2 * repeats > trace.nodes.len() as u64 {
        Style::Repetition
    } else if 2 * returns_to_root > num_backtracks {
        Style::Revision
    } else {
        Style::Tree
    };
    let plan_length = trace.goal.map_or(0, |goal| u64::from(trace.node(goal).depth));
    Forensics { backtracks, returns_to_root, revisits, repeated_states: repeats, verifications, sub_goals, evaluations, visits, plan_length, style }
}

/// The share of states that two traces of one problem have in common: shared states over the larger number of states (Gandhi et al. 2024).
pub fn overlap<E: Environment>(one: &Trace<E>, other: &Trace<E>) -> f64 {
    overlap_of(&states(one), &states(other))
}

/// The states of a trace as numbers, sorted, each once; equal states have equal numbers within a process.
pub fn states<E: Environment>(trace: &Trace<E>) -> Vec<u64> {
    let number = |state: &E::State| {
        let mut hasher = DefaultHasher::new();
        state.hash(&mut hasher);
        hasher.finish()
    };
    let mut states: Vec<u64> = trace.nodes.iter().map(|node| number(&node.state)).collect();
    states.sort_unstable();
    states.dedup();
    states
}

/// [`overlap`] of two sorted lists of states.
pub fn overlap_of(one: &[u64], other: &[u64]) -> f64 {
    let shared = one.iter().filter(|state| other.binary_search(state).is_ok()).count();
    shared as f64 / one.len().max(other.len()).max(1) as f64
}
