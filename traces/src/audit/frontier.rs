//! Audit of frontiers: every node that is created or closed has the costs it must have and stands where A* puts it.
//!
//! Closed is what has the least `f` of all open nodes, and, where ties are fixed, the smallest state among those. After a node is closed
//! all children that are new or cheaper than before are created, and nothing else. The plan walks from the start to the goal.

mod open;
mod plan;
pub(super) mod thinned;

use std::{cmp::Reverse, collections::BinaryHeap, ops::Range};

use metacot_envs::{Status, World, digits::is_integer};

pub(super) use open::Tables;

use super::{DefectKind, StatementKind, replay::Replay};
use crate::{
    Event, NodeId,
    discourse::frontier::{Claim, Dialect, Entry},
    search::Known,
};

/// A child that has to be created.
struct Due<E: World> {
    action: E::Action,
    state: E::State,
    step: u32,
    bound: u32,
    /// Where its text lies in [`Tables::children`].
    text: Range<usize>,
}

struct Frontier<'a, 't, E: World> {
    text: &'t str,
    env: &'a E,
    problem: &'a E::Problem,
    dialect: &'a Dialect,
    replay: &'a mut Replay<E>,
    tables: &'a mut Tables,
    /// The newest node of each state.
    known: Known<E>,
    /// By `f`, state and node; filled only where ties are fixed.
    heap: BinaryHeap<Reverse<(u32, E::State, NodeId)>>,
    due: Vec<Due<E>>,
    at: Option<NodeId>,
    goal: Option<NodeId>,
    /// What was created since the last node was closed, each with the node that its state had before.
    made: Vec<(Entry<'t>, Option<NodeId>)>,
    /// Other nodes that the last closing may have meant.
    rivals: Vec<NodeId>,
    plan: plan::Plan<E>,
    actions: Vec<E::Action>,
}

/// Checks all statements of a text.
pub(super) fn audit<E: World>(env: &E, problem: &E::Problem, text: &str, dialect: &Dialect, replay: &mut Replay<E>, tables: &mut Tables) {
    audit_behind(None, env, problem, text, dialect, replay, tables);
}

/// As [`audit`], of a text whose response begins with a word that says nothing of the search.
fn audit_behind<E: World>(word: Option<&str>, env: &E, problem: &E::Problem, text: &str, dialect: &Dialect, replay: &mut Replay<E>, tables: &mut Tables) {
    tables.start();
    replay.trace.events.clear();
    let root = &mut replay.trace.nodes[0];
    root.bound = env.lower_bound(problem, &root.state).unwrap_or(0);
    let mut auditor = Frontier {
        text,
        env,
        problem,
        dialect,
        replay,
        tables,
        known: Known::new(env, problem),
        heap: BinaryHeap::new(),
        due: Vec::new(),
        at: None,
        goal: None,
        made: Vec::new(),
        rivals: Vec::new(),
        plan: plan::Plan::default(),
        actions: Vec::new(),
    };
    let (mut offset, mut step) = (0, 0);
    while let Some((claim, span, next)) = (dialect.read)(text, offset) {
        let is_word = step == 1 && word.is_some_and(|word| text.get(span.clone()) == Some(word));
        auditor.replay.begin(step, span);
        if is_word {
            auditor.replay.is_a(StatementKind::Frame);
        } else {
            auditor.check(step, claim);
        }
        (offset, step) = (next, step + 1);
    }
    auditor.finish(step, text.len());
}

impl<'t, E: World> Frontier<'_, 't, E> {
    fn check(&mut self, step: usize, claim: Claim<'t>) {
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
                debug_assert_eq!(step, 0, "only the first statement is read as a problem");
            }
            Claim::Create(_) | Claim::Close(_) if !self.dialect.has_search || self.goal.is_some() || self.plan.has_begun() => {
                self.replay.fault(DefectKind::WrongOrder);
            }
            Claim::Create(entry) => self.create(entry),
            Claim::Close(entry) => self.close(entry),
            Claim::Plan { place } => {
                if self.dialect.has_search && self.goal.is_none() {
                    self.replay.fault(DefectKind::WrongOrder);
                }
                self.plan.step(self.env, self.problem, place, self.replay);
            }
            Claim::Name { .. } | Claim::Unreadable => self.replay.fault(DefectKind::Syntax),
        }
    }

    /// Notes a fault where the costs that are told are not those of a node.
    fn check_costs(&mut self, entry: Entry<'_>, cost: u32, bound: u32) {
        if !is_integer(entry.cost, cost) || !is_integer(entry.bound, bound) {
            self.replay.fault(DefectKind::WrongCost);
        }
    }

    fn create(&mut self, entry: Entry<'t>) {
        if self.tables.is_empty() {
            return self.create_root(entry);
        }
        let mut position = self.position(entry.state);
        if position.is_none() && self.reconsider(Some(entry.state)) {
            position = self.position(entry.state);
        }
        let Some(index) = position else { return self.fault_of_create(entry) };
        if index > 0 && self.dialect.has_fixed_ties {
            self.replay.fault(DefectKind::WrongOrder);
        }
        let (due, at) = (&self.due[index], self.at.expect("children are due only after a node was closed"));
        let (cost, bound) = (self.replay.trace.node(at).cost + due.step, due.bound);
        self.check_costs(entry, cost, bound);
        self.place(entry, index, at);
    }

    /// The place in the list of what is due of the child with this text.
    fn position(&self, text: &str) -> Option<usize> {
        self.due.iter().position(|due| self.tables.children[due.text.clone()] == *text)
    }

    /// Creates a child of `at` that is due, the one at a place of the list.
    fn place(&mut self, entry: Entry<'t>, index: usize, at: NodeId) {
        let Due { action, state, step, bound, .. } = self.due.remove(index);
        let old = self.known.get(self.env, self.problem, &state);
        let node = self.replay.generate(at, action, state, step, bound);
        self.open(node, entry.state, old);
        self.made.push((entry, old));
    }

    /// Opens a node whose state is written as `text`, a slice of the audited text.
    fn open(&mut self, node: NodeId, text: &'t str, old: Option<NodeId>) {
        let data = self.replay.trace.node(node);
        let f = data.cost + data.bound;
        let start = text.as_ptr() as usize - self.text.as_ptr() as usize;
        self.tables.open(node, f, (text, start..start + text.len()), old);
        self.known.set(self.env, self.problem, &data.state, node);
        if self.dialect.has_fixed_ties {
            self.heap.push(Reverse((f, data.state.clone(), node)));
        }
    }

    fn create_root(&mut self, entry: Entry<'t>) {
        if !self.replay.is_written(entry.state, |trace, out| self.env.write_successor(self.problem, &trace.node(0).state, out)) {
            self.replay.fault(DefectKind::WrongState);
        }
        let root = self.replay.trace.node(0);
        let (cost, bound) = (root.cost, root.bound);
        self.check_costs(entry, cost, bound);
        self.replay.trace.events.push(Event::Generate(0));
        self.open(0, entry.state, None);
    }

    /// A creation that is not due: of a known state at no less cost, or of no child at all.
    fn fault_of_create(&mut self, entry: Entry<'_>) {
        let Some(at) = self.at else { return self.replay.fault(DefectKind::WrongOrder) };
        let known = self.tables.of_text(entry.state, self.text).next();
        self.replay.about(known.unwrap_or(at));
        self.actions.clear();
        self.env.actions(self.problem, self.replay.state(at), &mut self.actions);
        let is_child = self.actions.iter().any(|action| {
            let Ok(next) = self.env.apply(self.problem, &self.replay.trace.node(at).state, action) else { return false };
            self.replay.scratch.clear();
            self.env.write_successor(self.problem, &next, &mut self.replay.scratch);
            self.replay.scratch == entry.state
        });
        self.replay.fault(if is_child { DefectKind::Repeated } else { DefectKind::Illegal });
    }

    fn close(&mut self, entry: Entry<'t>) {
        if !self.due.is_empty() && !self.reconsider(None) {
            self.replay.fault(DefectKind::Missing);
        }
        self.due.clear();
        self.made.clear();
        let Some(node) = self.meant(entry) else {
            self.rivals.clear();
            return self.replay.fault(DefectKind::UnknownNode);
        };
        let data = self.replay.trace.node(node);
        let (cost, bound) = (data.cost, data.bound);
        self.check_costs(entry, cost, bound);
        if self.tables.is_open(node) {
            let is_first_of_ties = !self.dialect.has_fixed_ties || self.first_of_ties() == Some(node);
            if !self.tables.close(node) || !is_first_of_ties {
                self.replay.fault(DefectKind::WrongOrder);
            }
        } else {
            self.replay.fault(DefectKind::Repeated);
        }
        self.replay.trace.events.push(Event::Visit(node));
        self.replay.trace.expanded += 1;
        self.turn_to(node);
        if self.env.status(self.problem, self.replay.state(node)) == Status::Solved {
            self.due.clear();
            self.goal = Some(node);
            self.replay.solve(node);
        }
    }

    /// The node that a closing means; other open nodes of the same text and costs become its rivals.
    fn meant(&mut self, entry: Entry<'_>) -> Option<NodeId> {
        self.rivals.clear();
        let mut fallback: Option<NodeId> = None;
        for node in self.tables.of_text(entry.state, self.text) {
            let data = self.replay.trace.node(node);
            if self.tables.is_open(node) && is_integer(entry.cost, data.cost) && is_integer(entry.bound, data.bound) {
                self.rivals.push(node);
            } else if fallback.is_none_or(|known| !self.tables.is_open(known)) {
                fallback = Some(node);
            }
        }
        if self.rivals.len() > 1 {
            self.rivals.sort_by(|a, b| self.replay.state(*b).cmp(self.replay.state(*a)));
        }
        self.rivals.pop().or(fallback)
    }

    /// The open node that deterministic A* takes next.
    fn first_of_ties(&mut self) -> Option<NodeId> {
        while self.heap.peek().is_some_and(|Reverse((_, _, top))| *top as usize >= self.tables.len() || !self.tables.is_open(*top)) {
            self.heap.pop();
        }
        self.heap.peek().map(|Reverse((_, _, top))| *top)
    }

    /// Makes `node` the one that is expanded, and lists the children that A* creates now.
    fn turn_to(&mut self, node: NodeId) {
        let (env, problem) = (self.env, self.problem);
        self.at = Some(node);
        self.due.clear();
        self.tables.children.clear();
        self.actions.clear();
        env.actions(problem, self.replay.state(node), &mut self.actions);
        for action in self.actions.drain(..) {
            let data = self.replay.trace.node(node);
            let Ok(next) = env.apply(problem, &data.state, &action) else { continue };
            let step = env.cost(problem, &data.state, &action);
            if self.known.get(env, problem, &next).is_some_and(|known| self.replay.trace.node(known).cost <= data.cost + step) {
                continue;
            }
            let Some(bound) = env.lower_bound(problem, &next).filter(|_| env.status(problem, &next) != Status::DeadEnd) else { continue };
            let start = self.tables.children.len();
            env.write_successor(problem, &next, &mut self.tables.children);
            self.due.push(Due { action, state: next, step, bound, text: start..self.tables.children.len() });
        }
    }

    /// Looks whether another node of the same text was closed: one under which all that was created is right, and `next` is due, or
    /// nothing more.
    fn reconsider(&mut self, next: Option<&str>) -> bool {
        let Some(first) = self.at.filter(|_| !self.rivals.is_empty()) else { return false };
        let made: Vec<Entry<'t>> = self.made.iter().map(|(entry, _)| *entry).collect();
        let mut closed = first;
        for rival in std::mem::take(&mut self.rivals).into_iter().chain([first]) {
            self.undo();
            self.tables.swap(closed, rival);
            closed = rival;
            let position = self.replay.trace.events.len() - 1;
            self.replay.trace.events[position] = Event::Visit(rival);
            self.turn_to(rival);
            let fits = made.iter().all(|entry| {
                let place = self.position(entry.state);
                place.inspect(|index| self.place(*entry, *index, rival)).is_some()
            });
            if rival != first && fits && next.map_or(self.due.is_empty(), |text| self.position(text).is_some()) {
                return true;
            }
        }
        false
    }

    /// Takes back all that was created since the last node was closed.
    fn undo(&mut self) {
        for (_, old) in self.made.drain(..).rev() {
            let node = self.replay.trace.nodes.pop().expect("every creation made a node");
            self.replay.trace.events.pop();
            self.known.restore(self.env, self.problem, &node.state, old);
            self.tables.undo();
        }
    }

    fn finish(&mut self, count: usize, end: usize) {
        if self.dialect.has_search && self.goal.is_none() {
            self.replay.cut(count, end);
            return;
        }
        self.plan.finish(self.env, self.problem, self.goal, (count, end), self.replay);
    }
}
