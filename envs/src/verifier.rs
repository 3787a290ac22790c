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
    let mut replay = Replay::new(env, problem);
    for action in plan {
        if !replay.take(env, problem, action) {
            break;
        }
    }
    replay.verdict(env, problem, plan)
}

/// A replay action by action, for a plan whose actions are only known where they are taken.
#[derive(Clone, Debug)]
pub struct Replay<E: Environment> {
    state: E::State,
    cost: u32,
    num_steps: usize,
    fault: Option<Verdict>,
}

impl<E: Environment> Replay<E> {
    /// Stands at the initial state.
    pub fn new(env: &E, problem: &E::Problem) -> Self {
        Self { state: env.initial(problem), cost: 0, num_steps: 0, fault: None }
    }

    /// The state that was reached.
    pub fn state(&self) -> &E::State {
        &self.state
    }

    /// Takes an action; whether the environment could apply it. An action after an end is applied where that can be done, and stays a fault.
    #[inline]
    pub fn take(&mut self, env: &E, problem: &E::Problem, action: &E::Action) -> bool {
        let step = self.num_steps;
        self.num_steps += 1;
        if self.fault.is_none() && env.status(problem, &self.state) != Status::Open {
            self.fault = Some(Verdict::Illegal { step, reason: "the state before it has ended".into() });
        }
        match env.apply(problem, &self.state, action) {
            Ok(next) => {
                self.cost += env.cost(problem, &self.state, action);
                self.state = next;
                true
            }
            Err(error) => {
                self.fault.get_or_insert(Verdict::Illegal { step, reason: error.reason });
                false
            }
        }
    }

    /// The verdict on the actions that were taken, `plan`.
    pub fn verdict(self, env: &E, problem: &E::Problem, plan: &[E::Action]) -> Verdict {
        match self.fault {
            Some(fault) => fault,
            None if env.is_answer(problem, plan, &self.state) => Verdict::Solved { cost: self.cost },
            None => Verdict::Unsolved,
        }
    }
}
