//! Depth-first search under a growing limit, the common core of iterative deepening by depth and by `f = g + h`.
//!
//! Each round starts at the root again and generates its nodes anew, so a trace shows every round. In worlds with cycles a round does
//! not look at a state twice unless it comes back to it at less cost.

use metacot_envs::{Status, World};
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashMap;

use super::{
    Budget,
    children::{Children, Order},
};
use crate::{NodeId, Recorder, StopReason};

/// What a limit is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The number of actions.
    Depth,
    /// The cost so far plus the environment's lower bound.
    LowerBound,
}

/// How a round ended.
enum Round {
    Stopped(StopReason, Option<NodeId>),
    /// Nothing left under the limit; the least measure that lay above it.
    Spent(Option<u32>),
}

/// Rounds of depth-first search, each with the least limit that lets it go further, up to `max_limit`.
pub fn deepen<E: World>(
    (measure, order, max_limit): (Measure, Order, u32),
    env: &E,
    problem: &E::Problem,
    budget: Budget,
    rng: &mut ChaCha8Rng,
    recorder: &mut Recorder<E>,
) {
    let initial = env.initial(problem);
    let bound = env.lower_bound(problem, &initial);
    let root = recorder.start(initial, bound.unwrap_or(0));
    recorder.visit(root);
    if env.status(problem, &recorder.node(root).state) == Status::Solved {
        return recorder.finish(StopReason::Solved, Some(root));
    }
    let mut limit = match (measure, bound) {
        (Measure::Depth, _) => 1,
        (Measure::LowerBound, Some(bound)) => bound,
        (Measure::LowerBound, None) => return recorder.finish(StopReason::Exhausted, None),
    };
    let mut core = Core { measure, order, children: Children::new(), best: FxHashMap::default() };
    loop {
        match core.round(limit, env, problem, budget, rng, recorder) {
            Round::Stopped(stop, goal) => return recorder.finish(stop, goal),
            Round::Spent(Some(next)) if next <= max_limit => limit = next,
            Round::Spent(_) => return recorder.finish(StopReason::Exhausted, None),
        }
        recorder.visit(root);
    }
}

struct Core<E: World> {
    measure: Measure,
    order: Order,
    children: Children<E>,
    /// The least cost at which a state was reached in this round.
    best: FxHashMap<E::State, u32>,
}

impl<E: World> Core<E> {
    fn round(&mut self, limit: u32, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) -> Round {
        let Self { measure, order, children, best } = self;
        children.list.clear();
        best.clear();
        best.insert(recorder.node(0).state.clone(), 0);
        let mut above: Option<u32> = None;
        let mut expand = |node: NodeId, children: &mut Children<E>, recorder: &mut Recorder<E>| {
            recorder.expand();
            let start = children.append(env, problem, &recorder.node(node).state, *order, f64::INFINITY, rng);
            children.list[start..].reverse();
            (node, start)
        };
        if budget.is_spent(recorder) {
            return Round::Stopped(StopReason::Budget, None);
        }
        let mut stack = vec![expand(0, children, recorder)];
        let mut at = 0;
        while let Some(&(parent, start)) = stack.last() {
            if children.list.len() == start {
                stack.pop();
                continue;
            }
            let child = children.list.pop().expect("the list is longer than its start");
            let (depth, cost) = (recorder.node(parent).depth + 1, recorder.node(parent).cost + child.cost);
            let bound = env.lower_bound(problem, &child.state);
            let value = match (*measure, bound) {
                (Measure::Depth, _) => depth,
                (Measure::LowerBound, Some(bound)) => cost + bound,
                (Measure::LowerBound, None) => continue,
            };
            if value > limit {
                above = Some(above.map_or(value, |least| least.min(value)));
                continue;
            }
            if E::HAS_CYCLES && best.get(&child.state).is_some_and(|least| *least <= cost) {
                continue;
            }
            if E::HAS_CYCLES {
                best.insert(child.state.clone(), cost);
            }
            if at != parent {
                recorder.visit(parent);
                at = parent;
            }
            let status = env.status(problem, &child.state);
            let node = recorder.generate(parent, child.action, child.state, child.cost, bound.unwrap_or(0));
            match status {
                Status::Solved => return Round::Stopped(StopReason::Solved, Some(node)),
                Status::DeadEnd => {}
                Status::Open if budget.is_spent(recorder) => return Round::Stopped(StopReason::Budget, None),
                Status::Open => {
                    recorder.visit(node);
                    at = node;
                    stack.push(expand(node, children, recorder));
                }
            }
        }
        Round::Spent(above)
    }
}
