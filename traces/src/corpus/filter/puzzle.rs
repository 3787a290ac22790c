//! Problems that an environment knows, its types erased: the exact answers that rules ask for.

use std::sync::OnceLock;

use metacot_envs::{
    Difficulty, Status, World, oracle,
    registry::{self, EnvironmentVisitor},
};
use serde_json::Value;

/// A problem with its environment.
pub trait Puzzle: Send {
    /// The problem's identity up to symmetry.
    fn canonical_key(&self) -> String;

    /// The identities of the problems one small step away.
    fn near_keys(&self) -> Vec<String>;

    /// The number of answers, counted up to `limit`; `None` where it is not settled.
    fn num_answers(&self, limit: usize) -> Option<usize>;

    /// The exact probability that random play of at most `depth` actions solves it; `None` beyond `max_states` states.
    fn random_value(&self, depth: u32, max_states: usize) -> Option<f64>;

    /// The number of first actions where each of them ends the problem; `None` where play can go on.
    fn one_step_actions(&self) -> Option<usize>;
}

/// The environments by name, each made when it is first asked for.
#[derive(Default)]
pub struct Worlds {
    readers: [OnceLock<Box<dyn Reader>>; registry::NAMES.len()],
}

impl Worlds {
    /// The problem that JSON states.
    ///
    /// # Errors
    /// There is no such environment, or it is none of its problems.
    pub fn read(&self, env: &str, problem: &Value) -> Result<Box<dyn Puzzle + '_>, String> {
        let place = registry::NAMES.iter().position(|name| *name == env);
        let place = place.ok_or_else(|| registry::UnknownEnvironment { name: env.into() }.to_string())?;
        self.readers[place].get_or_init(|| registry::visit(env, Open).expect("the name is registered")).read(problem)
    }
}

trait Reader: Send + Sync {
    fn read(&self, problem: &Value) -> Result<Box<dyn Puzzle + '_>, String>;
}

struct Open;

impl EnvironmentVisitor for Open {
    type Output = Box<dyn Reader>;

    fn visit<E: World>(self) -> Self::Output {
        Box::new(Typed { env: E::configure(&Difficulty::default()).expect("every environment has a default difficulty") })
    }
}

struct Typed<E: World> {
    env: E,
}

impl<E: World> Reader for Typed<E> {
    fn read(&self, problem: &Value) -> Result<Box<dyn Puzzle + '_>, String> {
        use serde::Deserialize as _;
        let problem = E::Problem::deserialize(problem).map_err(|error| format!("not a problem of {}: {error}", E::NAME))?;
        self.env.validate(&problem)?;
        Ok(Box::new(One { env: &self.env, problem }))
    }
}

struct One<'a, E: World> {
    env: &'a E,
    problem: E::Problem,
}

impl<E: World> Puzzle for One<'_, E> {
    fn canonical_key(&self) -> String {
        self.env.canonical_key(&self.problem)
    }

    fn near_keys(&self) -> Vec<String> {
        self.env.near_keys(&self.problem)
    }

    fn num_answers(&self, limit: usize) -> Option<usize> {
        self.env.num_answers(&self.problem, limit)
    }

    fn random_value(&self, depth: u32, max_states: usize) -> Option<f64> {
        oracle::random_policy_value_within(self.env, &self.problem, depth, max_states)
    }

    fn one_step_actions(&self) -> Option<usize> {
        let Self { env, problem } = self;
        let (state, mut actions) = (env.initial(problem), Vec::new());
        env.actions(problem, &state, &mut actions);
        let goes_on = |action| env.apply(problem, &state, action).is_ok_and(|next| env.status(problem, &next) == Status::Open);
        (!actions.iter().any(goes_on)).then_some(actions.len())
    }
}
