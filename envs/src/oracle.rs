//! Exact answers about a problem: is it solvable, at what least cost, and how often does random play solve it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Environment, Status};

/// States that an exact count over layers may see before it gives up.
pub const LAYER_STATES: usize = 100_000;

/// What an environment can say exactly about its problems.
pub trait Oracle: Environment {
    /// Whether any plan solves the problem.
    fn solvable(&self, problem: &Self::Problem) -> bool {
        self.optimal_cost(problem).is_some()
    }

    /// The least cost of a plan, `None` where there is no plan. With an opponent: the plies in which a win can be forced.
    fn optimal_cost(&self, problem: &Self::Problem) -> Option<u32>;

    /// The value of a state under best play, in [0, 1], where the environment has a quicker way to it than looking at every continuation.
    fn best_play(&self, _problem: &Self::Problem, _state: &Self::State) -> Option<f32> {
        None
    }

    /// The number of different answers, counted up to `limit`; `None` where it was not settled within a bound of work.
    ///
    /// An answer is what a solver would be asked for: here a plan of the fewest actions; an expression up to the order of operands, a filled
    /// grid or an assignment where the environment says so.
    fn num_answers(&self, problem: &Self::Problem, limit: usize) -> Option<usize> {
        shortest_plans(self, problem, limit, LAYER_STATES)
    }
}

/// The number of plans of the fewest actions, counted up to `limit`, by walking the states layer by layer; `None` where more than
/// `max_states` states would be seen.
pub fn shortest_plans<E: Environment>(env: &E, problem: &E::Problem, limit: usize, max_states: usize) -> Option<usize> {
    let mut layer = BTreeMap::from([(env.initial(problem), 1_usize)]);
    let (mut seen, mut actions) = (BTreeSet::new(), Vec::new());
    while !layer.is_empty() {
        let goals = layer.iter().filter(|(state, _)| env.status(problem, state) == Status::Solved);
        let plans = goals.fold(0_usize, |plans, (_, count)| plans.saturating_add(*count));
        if plans > 0 {
            return Some(plans.min(limit));
        }
        seen.extend(layer.keys().cloned());
        let mut next = BTreeMap::new();
        for (state, count) in &layer {
            actions.clear();
            env.actions(problem, state, &mut actions);
            for child in actions.iter().filter_map(|action| env.apply(problem, state, action).ok()) {
                if !seen.contains(&child) {
                    let ways: &mut usize = next.entry(child).or_default();
                    *ways = ways.saturating_add(*count).min(limit);
                }
            }
        }
        if seen.len() + next.len() > max_states {
            return None;
        }
        layer = next;
    }
    Some(0)
}

/// [`random_policy_value`] from the initial state by the distribution over states after each action, so that its cost grows with states
/// times actions and not with paths; `None` where more than `max_states` states (the same state after different numbers of actions counts
/// again) would be walked. Equal to it up to rounding.
pub fn random_policy_value_within<E: Environment>(env: &E, problem: &E::Problem, depth: u32, max_states: usize) -> Option<f64> {
    let mut layer = BTreeMap::from([(env.initial(problem), 1.0_f64)]);
    let (mut solved, mut walked, mut actions) = (0.0, 0, Vec::new());
    for left in (0..=depth).rev() {
        let mut next = BTreeMap::new();
        for (state, share) in &layer {
            match env.status(problem, state) {
                Status::Solved => solved += share,
                Status::Open if left > 0 => {
                    actions.clear();
                    env.actions(problem, state, &mut actions);
                    for child in actions.iter().filter_map(|action| env.apply(problem, state, action).ok()) {
                        *next.entry(child).or_default() += share / actions.len() as f64;
                    }
                }
                Status::Open | Status::DeadEnd => {}
            }
        }
        walked += next.len();
        if walked > max_states {
            return None;
        }
        layer = next;
    }
    Some(solved)
}

/// The exact probability that uniformly random legal play from `state` reaches a solved state within `depth` actions.
///
/// Every legal action counts once, also where several lead to the same state. Cost grows with the number of paths: for small worlds. With
/// an opponent, it is the share of first moves that are right, since play that both sides chose at random says nothing.
pub fn random_policy_value<E: Environment>(env: &E, problem: &E::Problem, state: &E::State, depth: u32) -> f64 {
    if E::HAS_OPPONENT {
        let mut actions = Vec::new();
        env.actions(problem, state, &mut actions);
        let right = actions.iter().filter(|action| env.is_answer(problem, std::slice::from_ref(action), state)).count();
        return right as f64 / actions.len().max(1) as f64;
    }
    match env.status(problem, state) {
        Status::Solved => return 1.0,
        Status::DeadEnd => return 0.0,
        Status::Open if depth == 0 => return 0.0,
        Status::Open => {}
    }
    let mut actions = Vec::new();
    env.actions(problem, state, &mut actions);
    if actions.is_empty() {
        return 0.0;
    }
    let sum: f64 = actions
        .iter()
        .map(|action| {
            let child = env.apply(problem, state, action).expect("`actions` lists legal actions only");
            random_policy_value(env, problem, &child, depth - 1)
        })
        .sum();
    sum / actions.len() as f64
}
