//! Monte-Carlo tree search: UCT selection (Kocsis and Szepesvári 2006), one new child per simulation, random rollouts, mean backup.
//!
//! A simulation walks down by `Q + c sqrt(ln N / n)`, generates one child that was not tried yet, plays random legal actions from it and
//! adds the mean value of its rollouts to every node on the way. A rollout that reaches a goal enters the tree action by action, so that
//! the trace holds the whole plan, and ends the search. Departures from plain UCT: as the first solving rollout ends the search, a rollout
//! that fails is worth `0.5 / (1 + h)`, `h` the default heuristic where play ended, so that values tell branches apart; and nodes whose
//! subtree is exhausted are not selected again, so that small trees are searched completely.

use metacot_envs::{SettingError, Settings, Status, World};
use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Budget, Search};
use crate::{Event, NodeId, Recorder, StopReason};

/// UCT. Settings: `c` (exploration constant, default the square root of 2), `rollouts` (per leaf), `depth` (most actions of a rollout).
#[derive(Clone, Debug)]
pub struct Mcts {
    exploration: f64,
    rollouts: u32,
    max_depth: u32,
}

impl Mcts {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure<E: World>(_env: &E, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["c", "rollouts", "depth"])?;
        Ok(Self {
            exploration: settings.number("c", 0.0..=1000.0, std::f64::consts::SQRT_2)?,
            rollouts: settings.number("rollouts", 1..=10_000, 1)?,
            max_depth: settings.number("depth", 1..=100_000, 200)?,
        })
    }
}

/// What the search knows of a node beyond the trace.
struct Statistics<E: World> {
    visits: u32,
    sum: f64,
    children: Vec<NodeId>,
    untried: Vec<E::Action>,
    is_exhausted: bool,
}

struct Tree<'a, E: World> {
    env: &'a E,
    problem: &'a E::Problem,
    statistics: Vec<Statistics<E>>,
}

impl<E: World> Tree<'_, E> {
    /// Adds the bookkeeping of a node that the recorder just generated.
    fn add(&mut self, state: &E::State, rng: &mut ChaCha8Rng) {
        let mut untried = Vec::new();
        self.env.actions(self.problem, state, &mut untried);
        untried.shuffle(rng);
        self.statistics.push(Statistics { visits: 0, sum: 0.0, children: Vec::new(), is_exhausted: untried.is_empty(), untried });
    }

    /// The child that UCT prefers; the first generated of equals.
    fn select(&self, node: NodeId, exploration: f64) -> Option<NodeId> {
        let parent = &self.statistics[node as usize];
        let log = f64::from(parent.visits.max(1)).ln();
        let mut best: Option<(f64, NodeId)> = None;
        for &child in &parent.children {
            let statistics = &self.statistics[child as usize];
            if statistics.is_exhausted {
                continue;
            }
            let visits = f64::from(statistics.visits.max(1));
            let score = statistics.sum / visits + exploration * (log / visits).sqrt();
            if best.is_none_or(|(high, _)| score > high) {
                best = Some((score, child));
            }
        }
        best.map(|(_, child)| child)
    }

    fn backup(&mut self, recorder: &Recorder<E>, leaf: NodeId, value: f64) {
        let mut at = leaf;
        loop {
            let exhausted = {
                let statistics = &self.statistics[at as usize];
                statistics.untried.is_empty() && statistics.children.iter().all(|child| self.statistics[*child as usize].is_exhausted)
            };
            let statistics = &mut self.statistics[at as usize];
            statistics.visits += 1;
            statistics.sum += value;
            statistics.is_exhausted = exhausted;
            if at == 0 {
                return;
            }
            at = recorder.node(at).parent;
        }
    }
}

impl Mcts {
    /// Random legal play from `state`: the actions where it solved the problem, else the value of where it ended.
    fn rollout<E: World>(&self, env: &E, problem: &E::Problem, state: &E::State, rng: &mut ChaCha8Rng) -> Result<Vec<E::Action>, f64> {
        let (mut state, mut played, mut actions) = (state.clone(), Vec::new(), Vec::new());
        for _ in 0..self.max_depth {
            if env.status(problem, &state) == Status::Solved {
                return Ok(played);
            }
            actions.clear();
            env.actions(problem, &state, &mut actions);
            if actions.is_empty() {
                break;
            }
            let action = actions.swap_remove(rng.random_range(0..actions.len()));
            state = env.apply(problem, &state, &action).expect("`actions` lists legal actions only");
            played.push(action);
        }
        if env.status(problem, &state) == Status::Solved { Ok(played) } else { Err(0.5 / (1.0 + env.heuristic(0, problem, &state))) }
    }

    /// Writes a solving rollout into the tree and returns the goal.
    fn graft<E: World>(env: &E, problem: &E::Problem, from: NodeId, actions: Vec<E::Action>, recorder: &mut Recorder<E>) -> NodeId {
        let mut at = from;
        for action in actions {
            recorder.visit(at);
            let state = recorder.node(at).state.clone();
            let next = env.apply(problem, &state, &action).expect("the rollout played it");
            let cost = env.cost(problem, &state, &action);
            at = recorder.generate(at, action, next, cost, 0);
        }
        at
    }
}

impl<E: World> Search<E> for Mcts {
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        let root = recorder.start(env.initial(problem), 0);
        let mut tree = Tree { env, problem, statistics: Vec::new() };
        tree.add(&recorder.node(root).state, rng);
        let mut last_visited = None;
        if env.status(problem, &recorder.node(root).state) == Status::Solved {
            recorder.visit(root);
            return recorder.finish(StopReason::Solved, Some(root));
        }
        while !tree.statistics[0].is_exhausted {
            if budget.is_spent(recorder) {
                return recorder.finish(StopReason::Budget, None);
            }
            let mut node = root;
            while tree.statistics[node as usize].untried.is_empty() {
                node = tree.select(node, self.exploration).expect("an open node has an open child");
            }
            let action = tree.statistics[node as usize].untried.pop().expect("the walk ended at an untried action");
            if last_visited != Some(node) {
                recorder.visit(node);
                last_visited = Some(node);
            }
            recorder.expand();
            let state = recorder.node(node).state.clone();
            let next = env.apply(problem, &state, &action).expect("`actions` lists legal actions only");
            let cost = env.cost(problem, &state, &action);
            let child = recorder.generate(node, action, next.clone(), cost, 0);
            tree.add(&next, rng);
            tree.statistics[node as usize].children.push(child);
            if env.status(problem, &next) == Status::Solved {
                return recorder.finish(StopReason::Solved, Some(child));
            }
            let mut value = 0.0;
            if !tree.statistics[child as usize].is_exhausted {
                for _ in 0..self.rollouts {
                    match self.rollout(env, problem, &next, rng) {
                        Ok(actions) => {
                            let goal = Self::graft(env, problem, child, actions, recorder);
                            return recorder.finish(StopReason::Solved, Some(goal));
                        }
                        Err(closeness) => value += closeness / f64::from(self.rollouts),
                    }
                }
                recorder.event(Event::Evaluate { node: child, value: value as f32 });
            }
            tree.backup(recorder, child, value);
        }
        recorder.finish(StopReason::Exhausted, None);
    }
}
