//! The successors of a state in the order in which a search looks at them, in buffers that live as long as the search.

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

    /// The same with the order of generation as default; naming a heuristic asks for its order.
    pub fn configure_plain<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        let is_default = settings.get("order").is_none() && settings.get("heuristic").is_none();
        if is_default { Ok(Self::Generation) } else { Self::configure(env, settings) }
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

/// A growing list of successors: those of one state lie together at its end.
pub struct Children<E: World> {
    actions: Vec<E::Action>,
    /// The value of each new successor as a key, and its place.
    order: Vec<(u64, u32)>,
    /// The successors that were appended and not yet taken.
    pub list: Vec<Child<E>>,
}

impl<E: World> Children<E> {
    /// Empty buffers.
    pub fn new() -> Self {
        Self { actions: Vec::with_capacity(32), order: Vec::with_capacity(32), list: Vec::with_capacity(64) }
    }

    /// Appends the successors of `state` in `order` and returns where they start; those whose heuristic exceeds `threshold` are left out.
    pub fn append(&mut self, env: &E, problem: &E::Problem, state: &E::State, order: Order, threshold: f64, rng: &mut ChaCha8Rng) -> usize {
        let start = self.list.len();
        self.actions.clear();
        env.actions(problem, state, &mut self.actions);
        for action in self.actions.drain(..) {
            let next = env.apply(problem, state, &action).expect("`actions` lists legal actions only");
            let value = if let Order::Heuristic(index) = order { env.heuristic(index, problem, &next) } else { 0.0 };
            if value <= threshold {
                self.list.push(Child { cost: env.cost(problem, state, &action), action, state: next, value });
            }
        }
        let new = &mut self.list[start..];
        match order {
            Order::Generation => {}
            Order::Heuristic(_) => {
                self.order.clear();
                self.order.extend(new.iter().zip(0..).map(|(child, place)| (key(child.value), place)));
                self.order.sort_unstable();
                arrange(new, &mut self.order);
            }
            Order::Random => new.shuffle(rng),
        }
        start
    }
}

/// Brings a list into an order of its places by moving each item once, since successors are large and sorting moves them again and again.
fn arrange<T>(list: &mut [T], order: &mut [(u64, u32)]) {
    for place in 0..list.len() {
        let mut from = order[place].1 as usize;
        // What stood there before was swapped away when an earlier place was filled.
        while from < place {
            from = order[from].1 as usize;
        }
        order[place].1 = from as u32;
        list.swap(place, from);
    }
}

/// A heuristic value as a key that orders as the value does.
///
/// Heuristics are at least 0, and the bits of non-negative floats order as their values.
pub fn key(value: f64) -> u64 {
    value.max(0.0).to_bits()
}
