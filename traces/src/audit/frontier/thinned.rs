//! Audit of frontiers of which parts were left out: what is told is true, though the order of the search cannot be told any more.
//!
//! A node that is created is the start, or the child of one that was created before, at the costs that this gives it, if costs are told, and
//! cheaper than before where it was created before. Where creations are left out too, it may also be the child of one that was not told.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use metacot_envs::{Status, World, digits::is_integer};

use super::{Tables, audit_behind, plan};
use crate::{
    NodeId,
    audit::{DefectKind, StatementKind, replay::Replay},
    discourse::{
        frontier::{Claim, Dialect},
        reading::Thinning,
    },
};

/// Untold nodes that are expanded for one text; what cannot be refuted within is let pass.
const MAX_UNTOLD: u32 = 100_000;

/// A node that may have been created.
struct Place<E: World> {
    state: E::State,
    /// Its cost from the start lies between these two, which are one where costs are told.
    costs: (u32, u32),
    /// Its node in the told trace.
    node: Option<NodeId>,
}

/// A creation that is possible.
struct Edge<E: World> {
    parent: usize,
    action: E::Action,
    state: E::State,
    step: u32,
    bound: u32,
    is_used: bool,
}

struct Thinned<'a, E: World> {
    env: &'a E,
    problem: &'a E::Problem,
    replay: &'a mut Replay<E>,
    level: u8,
    places: Vec<Place<E>>,
    edges: Vec<Edge<E>>,
    /// Edges by the text of the state that they lead to, which several states may share.
    by_text: BTreeMap<String, Vec<usize>>,
    /// The costs at which each state was created last.
    told: BTreeMap<E::State, (u32, u32)>,
    /// Edges whose states were not told, by `f` and number: only where creations are left out.
    untold: BinaryHeap<Reverse<(u32, usize)>>,
    expanded: BTreeSet<E::State>,
    num_untold: u32,
    plan: plan::Plan<E>,
    has_begun: bool,
}

/// Checks all statements of a text.
pub(in crate::audit) fn audit<E: World>(
    env: &E,
    problem: &E::Problem,
    text: &str,
    (dialect, thinning): (&Dialect, Thinning),
    replay: &mut Replay<E>,
    tables: &mut Tables,
) {
    let level = thinning.level.unwrap_or_else(|| level_of(text, dialect));
    let word = thinning.has_mode_token.then_some(if level == 4 { "fast" } else { "slow" });
    if level == 0 {
        return audit_behind(word, env, problem, text, dialect, replay, tables);
    }
    replay.trace.events.clear();
    let (by_text, told, untold, expanded) = (BTreeMap::new(), BTreeMap::new(), BinaryHeap::new(), BTreeSet::new());
    let (places, edges, plan) = (Vec::new(), Vec::new(), plan::Plan::default());
    let mut auditor = Thinned { env, problem, replay, level, places, edges, by_text, told, untold, expanded, num_untold: 0, plan, has_begun: false };
    auditor.start();
    let (mut offset, mut step) = (0, 0);
    while let Some((claim, span, next)) = (dialect.read)(text, offset) {
        let is_word = step == 1 && word.is_some();
        let is_true = !is_word || text.get(span.clone()) == word;
        auditor.replay.begin(step, span);
        if !is_word {
            auditor.check(claim);
        } else if is_true {
            auditor.replay.is_a(StatementKind::Frame);
        } else {
            auditor.replay.fault(DefectKind::Syntax);
        }
        (offset, step) = (next, step + 1);
    }
    auditor.finish(step, text.len());
}

/// The level that a text looks like; 3 where costs are left out, since creations may be, too.
fn level_of(text: &str, dialect: &Dialect) -> u8 {
    let (mut level, mut offset) = (4, 0);
    while let Some((claim, _, next)) = (dialect.read)(text, offset) {
        match claim {
            Claim::Close(_) => return 0,
            Claim::Create(_) => level = 1,
            Claim::Name { .. } => level = level.min(3),
            _ => {}
        }
        offset = next;
    }
    level
}

impl<E: World> Thinned<'_, E> {
    fn start(&mut self) {
        let initial = self.env.initial(self.problem);
        let bound = self.env.lower_bound(self.problem, &initial).unwrap_or(0);
        self.replay.trace.nodes[0].bound = bound;
        self.places.push(Place { state: initial, costs: (0, 0), node: Some(0) });
        if self.level == 3 {
            self.expand(0);
        }
    }

    fn check(&mut self, claim: Claim<'_>) {
        self.replay.is_a(match claim {
            Claim::Problem { .. } => StatementKind::Problem,
            Claim::Create(_) | Claim::Name { .. } => StatementKind::Create,
            Claim::Close(_) => StatementKind::Close,
            Claim::Plan { .. } => StatementKind::Plan,
            Claim::Unreadable => StatementKind::Unreadable,
        });
        match claim {
            Claim::Problem { state } => {
                self.replay.about(0);
                if !self.replay.is_written(state, |trace, out| self.env.write_state(self.problem, &trace.node(0).state, out)) {
                    self.replay.fault(DefectKind::WrongProblem);
                }
            }
            Claim::Create(_) | Claim::Name { .. } | Claim::Close(_) if self.plan.has_begun() => self.replay.fault(DefectKind::WrongOrder),
            Claim::Create(entry) if self.level == 1 => self.create(entry.state, Some((entry.cost, entry.bound))),
            Claim::Name { state } if matches!(self.level, 2 | 3) => self.create(state, None),
            // At this level there is no such statement.
            Claim::Create(_) | Claim::Name { .. } | Claim::Close(_) => self.replay.fault(DefectKind::Syntax),
            Claim::Plan { place } => {
                if !self.plan.has_begun() {
                    self.find_goal();
                }
                self.plan.step(self.env, self.problem, place, self.replay);
                if self.replay.trace.goal.is_none() && self.has_begun {
                    self.replay.about(0);
                }
            }
            Claim::Unreadable => self.replay.fault(DefectKind::Syntax),
        }
    }

    fn create(&mut self, text: &str, costs: Option<(&str, &str)>) {
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        if is_first && self.replay.is_written(text, |trace, out| self.env.write_successor(self.problem, &trace.node(0).state, out)) {
            return self.create_root(costs);
        }
        if is_first && self.level < 3 {
            return self.replay.fault(DefectKind::WrongState);
        }
        let mut found = self.possible(text, costs);
        while found.is_empty() && self.expand_untold() {
            found = self.possible(text, costs);
        }
        let Some(first) = found.first().copied() else { return self.fault_of_create(text, costs) };
        // The costs that each meant state may have, and the dearest of its creations, which is the one: any later one is cheaper.
        let mut by_state: BTreeMap<E::State, (u32, u32, usize)> = BTreeMap::new();
        for &index in &found {
            let (least, most) = self.costs_of(index);
            let range = by_state.entry(self.edges[index].state.clone()).or_insert((least, most, index));
            *range = (range.0.min(least), range.1.max(most), if most > range.1 { index } else { range.2 });
        }
        let Edge { parent, action, state, step, bound, .. } = &self.edges[first];
        let node = self.places[*parent].node.map(|parent| self.replay.generate(parent, action.clone(), state.clone(), *step, *bound));
        self.replay.about(node.unwrap_or(0));
        for (state, (least, most, dearest)) in by_state {
            let costs = (least, most);
            self.edges[dearest].is_used = true;
            self.told.insert(state.clone(), costs);
            self.places.push(Place { state, costs, node });
            self.expand(self.places.len() - 1);
        }
    }

    fn create_root(&mut self, costs: Option<(&str, &str)>) {
        let (state, root_bound) = (self.replay.state(0).clone(), self.replay.trace.node(0).bound);
        if costs.is_some_and(|(cost, bound)| !is_integer(cost, 0) || !is_integer(bound, root_bound)) {
            self.replay.fault(DefectKind::WrongCost);
        }
        self.replay.trace.events.push(crate::Event::Generate(0));
        self.told.insert(state, (0, 0));
        if self.level < 3 {
            self.expand(0);
        }
    }

    /// The creations that a statement may mean.
    fn possible(&self, text: &str, costs: Option<(&str, &str)>) -> Vec<usize> {
        let is_meant = |index: &usize| {
            let edge = &self.edges[*index];
            let (least, _) = self.costs_of(*index);
            let is_cheaper = self.level == 3 || self.told.get(&edge.state).is_none_or(|(_, most)| least < *most);
            is_cheaper && !edge.is_used && costs.is_none_or(|(cost, bound)| is_integer(cost, least) && is_integer(bound, edge.bound))
        };
        self.by_text.get(text).into_iter().flatten().copied().filter(is_meant).collect()
    }

    fn costs_of(&self, edge: usize) -> (u32, u32) {
        let Edge { parent, step, .. } = &self.edges[edge];
        let (least, most) = self.places[*parent].costs;
        (least + step, most + step)
    }

    fn fault_of_create(&mut self, text: &str, costs: Option<(&str, &str)>) {
        if self.level == 3 && self.num_untold >= MAX_UNTOLD {
            return;
        }
        self.replay.fault(match self.by_text.get(text) {
            None => DefectKind::Illegal,
            Some(_) if costs.is_some() && !self.possible(text, None).is_empty() => DefectKind::WrongCost,
            Some(_) => DefectKind::Repeated,
        });
    }

    /// Notes which children of a place may be created.
    fn expand(&mut self, parent: usize) {
        let (env, problem) = (self.env, self.problem);
        let state = self.places[parent].state.clone();
        let least = self.places[parent].costs.0;
        let is_new = self.expanded.insert(state.clone());
        if (self.level == 3 && !is_new) || env.status(problem, &state) == Status::Solved {
            return;
        }
        let mut actions = Vec::new();
        env.actions(problem, &state, &mut actions);
        for action in actions {
            let Ok(next) = env.apply(problem, &state, &action) else { continue };
            let step = env.cost(problem, &state, &action);
            let Some(bound) = env.lower_bound(problem, &next).filter(|_| env.status(problem, &next) != Status::DeadEnd) else { continue };
            if self.level < 3 && self.told.get(&next).is_some_and(|(_, most)| least + step >= *most) {
                continue;
            }
            let (index, mut text) = (self.edges.len(), String::new());
            env.write_successor(problem, &next, &mut text);
            self.by_text.entry(text).or_default().push(index);
            if self.level == 3 {
                self.untold.push(Reverse((least + step + bound, index)));
            }
            self.edges.push(Edge { parent, action, state: next, step, bound, is_used: false });
        }
    }

    /// Expands the most promising node that was not told; `false` where there is none.
    fn expand_untold(&mut self) -> bool {
        while let Some(Reverse((_, index))) = self.untold.pop() {
            if self.num_untold >= MAX_UNTOLD {
                return false;
            }
            let state = self.edges[index].state.clone();
            if !self.expanded.contains(&state) {
                self.num_untold += 1;
                let costs = self.costs_of(index);
                self.places.push(Place { state, costs, node: None });
                self.expand(self.places.len() - 1);
                return true;
            }
        }
        false
    }

    /// Takes the cheapest goal that was told as reached.
    fn find_goal(&mut self) {
        let nodes = self.replay.trace.nodes.iter().enumerate();
        let goals = nodes.filter(|(_, node)| self.env.status(self.problem, &node.state) == Status::Solved);
        if let Some((goal, _)) = goals.min_by_key(|(_, node)| node.cost) {
            self.replay.solve(goal as NodeId);
        }
    }

    fn finish(self, count: usize, end: usize) {
        let Self { env, problem, replay, level, told, plan, .. } = self;
        // Where parents are ambiguous the told way to the goal may be another one than the plan.
        plan.finish(env, problem, None, (count, end), replay);
        let mut state = env.initial(problem);
        let mut is_told = told.contains_key(&state);
        for action in replay.plan.iter().flatten() {
            let Ok(next) = env.apply(problem, &state, action) else { break };
            is_told &= told.contains_key(&next);
            state = next;
        }
        if matches!(level, 1 | 2) && replay.defects.is_empty() && !is_told {
            replay.fault(DefectKind::Missing);
        }
    }
}
