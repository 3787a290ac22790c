//! The successors of a state in the order in which a search looks at them.

use metacot_envs::{SettingError, Settings, World};
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// In which order children are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As the environment lists the actions.
    Generation,
    /// By heuristic, smallest first; ties keep the order of generation.
    Heuristic(usize),
    /// Shuffled by the search's stream.
    Random,
}

impl Order {
    /// Reads `order` (`heuristic`, `generation` or `random`) and `heuristic`.
    pub fn configure<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        let heuristic = heuristic_index(env, settings)?;
        Ok(match settings.choice("order", &["heuristic", "generation", "random"], "heuristic")? {
            "generation" => Self::Generation,
            "random" => Self::Random,
            _ => Self::Heuristic(heuristic),
        })
    }
}

/// Reads `heuristic`, the name of one of the environment's heuristics.
pub fn heuristic_index<E: World>(env: &E, settings: &Settings) -> Result<usize, SettingError> {
    let names: Vec<&str> = env.heuristics().iter().map(|heuristic| heuristic.name).collect();
    let Some(first) = names.first() else { return Ok(0) };
    let name = settings.choice("heuristic", &names, first)?;
    Ok(names.iter().position(|other| *other == name).unwrap_or(0))
}

/// A successor with what is known of it.
#[derive(Clone, Debug)]
pub struct Child<E: World> {
    /// The action that leads to it.
    pub action: E::Action,
    /// The state.
    pub state: E::State,
    /// Cost of the step.
    pub cost: u32,
    /// Its heuristic value under [`Order::Heuristic`], else 0.
    pub value: f64,
}

/// The successors of `state`; those whose heuristic exceeds `threshold` are left out.
pub fn children<E: World>(env: &E, problem: &E::Problem, state: &E::State, order: Order, threshold: f64, rng: &mut ChaCha8Rng) -> Vec<Child<E>> {
    let mut actions = Vec::new();
    env.actions(problem, state, &mut actions);
    let mut children: Vec<Child<E>> = actions
        .into_iter()
        .map(|action| {
            let next = env.apply(problem, state, &action).expect("`actions` lists legal actions only");
            let value = if let Order::Heuristic(index) = order { env.heuristic(index, problem, &next) } else { 0.0 };
            Child { cost: env.cost(problem, state, &action), action, state: next, value }
        })
        .filter(|child| child.value <= threshold)
        .collect();
    match order {
        Order::Generation => {}
        Order::Heuristic(_) => children.sort_by(|a, b| a.value.total_cmp(&b.value)),
        Order::Random => children.shuffle(rng),
    }
    children
}
