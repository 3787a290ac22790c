//! Exact answers about a problem: is it solvable, at what least cost, and how often does random play solve it.

use crate::{Environment, Status};

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
