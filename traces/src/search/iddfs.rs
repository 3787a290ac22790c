//! Iterative deepening: depth-first search to depth 1, then 2, and so on. Finds a plan of fewest actions in the memory of one path.

use metacot_envs::{SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

use super::{
    Budget, Search,
    children::Order,
    deepening::{Measure, deepen},
};
use crate::Recorder;

/// Iterative deepening. Settings: `order` (default `generation`), `heuristic`, `depth` (most actions).
#[derive(Clone, Debug)]
pub struct Iddfs {
    order: Order,
    max_depth: u32,
}

impl Iddfs {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["order", "heuristic", "depth"])?;
        Ok(Self { order: Order::configure_plain(env, settings)?, max_depth: settings.number("depth", 1..=u32::MAX, u32::MAX)? })
    }
}

impl<E: World> Search<E> for Iddfs {
    fn is_complete(&self) -> bool {
        self.max_depth == u32::MAX
    }

    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        deepen((Measure::Depth, self.order, self.max_depth), env, problem, budget, rng, recorder);
    }
}
