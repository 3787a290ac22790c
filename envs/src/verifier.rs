//! The one verifier: a plan is right exactly when the environment replays it and takes its end as an answer.

use crate::{Environment, Status};

/// What is true of a claimed plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The plan is legal and an answer ([`Environment::is_answer`]).
    Solved {
        /// Sum of the costs of its actions.
        cost: u32,
    },
    /// The plan is legal and no answer.
    Unsolved,
    /// An action is not legal where it stands.
    Illegal {
        /// Its index in the plan.
        step: usize,
        /// Why, as a lower-case fragment.
        reason: String,
    },
}

impl Verdict {
    /// Whether the plan solves the problem.
    pub fn is_solved(&self) -> bool {
        matches!(self, Self::Solved { .. })
    }
}

/// Replays a plan from the initial state. Actions after a solved state are illegal.
pub fn replay<E: Environment>(env: &E, problem: &E::Problem, plan: &[E::Action]) -> Verdict {
    let mut state = env.initial(problem);
    let mut total = 0;
    for (step, action) in plan.iter().enumerate() {
        if env.status(problem, &state) != Status::Open {
            return Verdict::Illegal { step, reason: "the state before it has ended".into() };
        }
        match env.apply(problem, &state, action) {
            Ok(next) => {
                total += env.cost(problem, &state, action);
                state = next;
            }
            Err(error) => return Verdict::Illegal { step, reason: error.reason },
        }
    }
    if env.is_answer(problem, plan, &state) { Verdict::Solved { cost: total } } else { Verdict::Unsolved }
}
