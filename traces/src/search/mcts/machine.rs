//! The simulation loop as a machine: walk down, ask for a value, back it up.

use metacot_envs::{Environment, Status};

use super::{
    Config,
    arena::{Arena, EXHAUSTED, EXPANDED, OPPONENT, Slot, TERMINAL, UNBORN},
};
use crate::{
    Event, NodeId, StopReason,
    search::guided::{Evaluation, Machine, Site},
};

/// What a search knows of a node whose children were placed.
#[derive(Clone, Debug)]
pub struct NodeVisits<E: Environment> {
    /// The node in the trace.
    pub node: NodeId,
    /// Its actions in the order of their slots, with the visits of each.
    pub visits: Vec<(E::Action, u32)>,
    /// Mean of the values backed up through it, in [0, 1].
    pub mean: f32,
    /// Whether everything below it was looked at.
    pub is_exhausted: bool,
}

/// An MCTS in progress.
pub struct MctsMachine<E: Environment> {
    config: Config,
    arena: Arena<E>,
    /// Slots from the root to the leaf whose value was asked for.
    walk: Vec<u32>,
    simulations: u32,
    last_visited: NodeId,
    goal: Option<NodeId>,
    is_finished: bool,
}

impl<E: Environment> MctsMachine<E> {
    pub(super) fn new(config: Config) -> Self {
        Self { config, arena: Arena::new(), walk: Vec::new(), simulations: 0, last_visited: UNBORN, goal: None, is_finished: false }
    }

    /// The visit counts of the root's children with their actions: what a player or a policy target takes.
    pub fn root_visits(&self) -> Vec<(E::Action, u32)> {
        let Some(root) = self.arena.slots.first() else { return Vec::new() };
        root.children().map(|child| (self.arena.action(child).clone(), self.arena.slots[child].visits)).collect()
    }

    /// The visits below every node with children, the root first.
    pub fn all_visits(&self) -> impl Iterator<Item = NodeVisits<E>> + '_ {
        let placed = self.arena.slots.iter().filter(|slot| slot.has(EXPANDED) && slot.node != UNBORN);
        placed.map(|slot| NodeVisits {
            node: slot.node,
            visits: slot.children().map(|child| (self.arena.action(child).clone(), self.arena.slots[child].visits)).collect(),
            mean: slot.sum / slot.visits.max(1) as f32,
            is_exhausted: slot.has(EXHAUSTED),
        })
    }

    /// Simulations so far.
    pub fn simulations(&self) -> u32 {
        self.simulations
    }

    /// The mean value of the root in [0, 1], for whoever the problem is posed for.
    pub fn root_value(&self) -> f32 {
        self.arena.slots.first().map_or(0.5, |root| root.sum / root.visits.max(1) as f32)
    }

    /// Takes an action at the root and keeps its subtree: the tree of the next move starts with all that is known of it. The trace starts
    /// anew at the state after the action. Returns `false`, and does nothing, where the action was never tried.
    pub fn advance(&mut self, site: &mut Site<'_, E>, action: &E::Action) -> bool {
        let found = self.arena.slots.first().and_then(|root| root.children().find(|child| self.arena.action(*child) == action));
        let Some(old_root) = found.filter(|child| self.arena.slots[*child].node != UNBORN) else { return false };
        let old = std::mem::replace(&mut self.arena, Arena::new());
        let old_trace = site.recorder.trace().clone();
        site.recorder.start(old_trace.node(old.slots[old_root].node).state.clone(), 0);
        self.arena.slots.push(Slot { node: 0, ..old.slots[old_root] });
        let mut queue = std::collections::VecDeque::from([0_usize]);
        while let Some(slot) = queue.pop_front() {
            let old_children = self.arena.slots[slot].children();
            self.arena.slots[slot].first_child = self.arena.slots.len() as u32;
            let parent = self.arena.slots[slot].node;
            for old_child in old_children {
                let mut child = old.slots[old_child];
                if child.node != UNBORN {
                    let node = old_trace.node(child.node);
                    let cost = node.cost - old_trace.node(node.parent).cost;
                    child.node = site.recorder.generate(parent, old.action(old_child).clone(), node.state.clone(), cost, 0);
                    queue.push_back(self.arena.slots.len());
                }
                self.arena.slots.push(child);
                self.arena.actions.push(old.action(old_child).clone());
            }
        }
        (self.simulations, self.last_visited, self.goal, self.is_finished) = (0, UNBORN, None, false);
        true
    }

    fn finish(&mut self, site: &mut Site<'_, E>, stop: StopReason) {
        self.is_finished = true;
        if self.config.claims {
            self.goal = self.right_line(site);
        }
        let stop = if self.goal.is_some() { StopReason::Solved } else { stop };
        site.recorder.finish(stop, self.goal);
    }

    /// The end of the line of most visits, or of its first move alone, where that is right; a node visited once says nothing of its children.
    fn right_line(&self, site: &Site<'_, E>) -> Option<NodeId> {
        let (mut slot, mut line) = (0, Vec::new());
        while line.is_empty() || self.arena.slots[slot].visits > 1 {
            let best = self.arena.slots[slot].children().filter(|child| self.arena.slots[*child].visits > 0);
            let Some(best) = best.max_by_key(|child| (self.arena.slots[*child].visits, std::cmp::Reverse(*child))) else { break };
            line.push(best);
            slot = best;
        }
        [line.len(), 1].into_iter().filter(|len| *len <= line.len() && *len > 0).find_map(|len| {
            let plan: Vec<E::Action> = line[..len].iter().map(|slot| self.arena.action(*slot).clone()).collect();
            let end = self.arena.slots[line[len - 1]].node;
            site.env.is_answer(site.problem, &plan, &site.recorder.node(end).state).then_some(end)
        })
    }

    /// Makes the node of a slot whose parent is `above`.
    fn bear(&mut self, site: &mut Site<'_, E>, above: NodeId, slot: usize) -> NodeId {
        let Site { env, problem, recorder, .. } = site;
        if self.last_visited != above {
            recorder.visit(above);
            self.last_visited = above;
        }
        recorder.expand();
        let action = self.arena.action(slot).clone();
        let state = &recorder.node(above).state;
        let next = env.apply(problem, state, &action).expect("`actions` lists legal actions only");
        let cost = env.cost(problem, state, &action);
        let node = recorder.generate(above, action, next, cost, 0);
        self.arena.slots[slot].node = node;
        node
    }

    /// Walks from the root to a node without a value, which becomes the end of the walk.
    fn descend(&mut self, site: &mut Site<'_, E>) -> NodeId {
        self.walk.clear();
        self.walk.push(0);
        let mut slot = 0;
        loop {
            let Slot { node, visits, flags, .. } = self.arena.slots[slot];
            if visits == 0 || flags & (EXHAUSTED | TERMINAL) != 0 {
                return node;
            }
            if flags & EXPANDED == 0 {
                let Site { env, problem, rng, recorder, .. } = site;
                self.arena.expand(slot, env, problem, &recorder.node(node).state, &[], rng);
                if slot == 0 && self.config.noise > 0.0 {
                    self.arena.add_noise(0, self.config.noise, self.config.alpha, rng);
                }
            }
            let Some(child) = self.arena.select(slot, &self.config) else {
                self.arena.slots[slot].flags |= if self.config.has_opponent { TERMINAL } else { EXHAUSTED };
                return node;
            };
            self.walk.push(child as u32);
            if self.arena.slots[child].node == UNBORN {
                return self.bear(site, node, child);
            }
            slot = child;
        }
    }

    /// Writes a solving sequence into the trace and returns the goal.
    fn graft(&mut self, site: &mut Site<'_, E>, from: NodeId, actions: Vec<E::Action>) -> NodeId {
        let Site { env, problem, recorder, .. } = site;
        let mut at = from;
        for action in actions {
            if self.last_visited != at {
                recorder.visit(at);
                self.last_visited = at;
            }
            let state = &recorder.node(at).state;
            let next = env.apply(problem, state, &action).expect("the evaluation played it");
            let cost = env.cost(problem, state, &action);
            at = recorder.generate(at, action, next, cost, 0);
        }
        at
    }
}

impl<E: Environment> Machine<E> for MctsMachine<E> {
    fn gather(&mut self, site: &mut Site<'_, E>, nodes: &mut Vec<NodeId>) {
        if self.is_finished {
            return;
        }
        if self.arena.slots.is_empty() {
            let root = site.recorder.start(site.env.initial(site.problem), 0);
            self.arena.slots.push(Slot::new(root, 1.0));
        }
        loop {
            if self.arena.slots[0].has(EXHAUSTED) {
                return self.finish(site, StopReason::Exhausted);
            }
            let is_over = self.config.simulations > 0 && self.simulations >= self.config.simulations;
            if is_over || site.budget.is_spent(site.recorder) {
                return self.finish(site, StopReason::Budget);
            }
            self.simulations += 1;
            let node = self.descend(site);
            let leaf = *self.walk.last().expect("a walk starts at the root") as usize;
            let has_ended = self.arena.slots[leaf].flags & (EXHAUSTED | EXPANDED) == EXHAUSTED | EXPANDED;
            let status = if has_ended { Status::DeadEnd } else { site.env.status(site.problem, &site.recorder.node(node).state) };
            let value = match status {
                Status::Open => {
                    nodes.push(node);
                    return;
                }
                _ if has_ended => 0.0,
                _ => site.env.payoff(site.problem, &site.recorder.node(node).state),
            };
            if self.config.has_opponent {
                site.recorder.event(Event::Evaluate { node, value });
            }
            self.arena.slots[leaf].flags |= if self.config.has_opponent { TERMINAL } else { EXHAUSTED };
            self.arena.backup(&self.walk, value, &self.config);
            if status == Status::Solved && !self.config.has_opponent {
                if node == 0 {
                    site.recorder.visit(0);
                }
                self.goal = self.goal.or(Some(node));
                if self.config.stops_early {
                    return self.finish(site, StopReason::Solved);
                }
            }
        }
    }

    fn apply(&mut self, site: &mut Site<'_, E>, answers: &mut Vec<Evaluation<E>>) {
        let Some(answer) = answers.pop() else { return };
        let leaf = *self.walk.last().expect("a value was asked for") as usize;
        let node = self.arena.slots[leaf].node;
        site.recorder.event(Event::Evaluate { node, value: answer.value });
        if let Some(actions) = answer.solution
            && self.config.stops_early
            && !self.config.has_opponent
        {
            self.goal = Some(self.graft(site, node, actions));
            return self.finish(site, StopReason::Solved);
        }
        if !answer.priors.is_empty() {
            let Site { env, problem, rng, recorder, .. } = site;
            self.arena.expand(leaf, env, problem, &recorder.node(node).state, &answer.priors, rng);
            if leaf == 0 && self.config.noise > 0.0 {
                self.arena.add_noise(0, self.config.noise, self.config.alpha, rng);
            }
        }
        debug_assert!(!self.arena.slots[leaf].has(OPPONENT) || self.config.has_opponent);
        self.arena.backup(&self.walk, answer.value, &self.config);
    }
}
