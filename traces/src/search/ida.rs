//! IDA* (Korf 1985): depth-first search under a limit on `f = g + h`, raised to the least value that exceeded it. Optimal where the
//! environment's lower bound is admissible, which every environment promises.

use metacot_envs::{SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

use super::{
    Budget, Search,
    children::Order,
    deepening::{Measure, deepen},
};
use crate::Recorder;

/// IDA*. Settings: `order` (default `generation`), `heuristic` (of the order; the limit always uses the lower bound).
#[derive(Clone, Debug)]
pub struct Ida {
    order: Order,
}

impl Ida {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["order", "heuristic"])?;
        Ok(Self { order: Order::configure_plain(env, settings)? })
    }
}

impl<E: World> Search<E> for Ida {
    fn is_complete(&self) -> bool {
        true
    }

    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        deepen((Measure::LowerBound, self.order, u32::MAX), env, problem, budget, rng, recorder);
    }
}
