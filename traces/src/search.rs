//! The contract of a search and the list of searches: one line each.

mod astar;
mod bfs;
mod children;
mod dfs;
mod mcts;

use metacot_envs::{SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

use crate::Recorder;

/// What a search may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Budget {
    /// Most nodes whose children are generated.
    pub expansions: u64,
    /// Most nodes in the tree; bounds memory.
    pub nodes: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { expansions: 100_000, nodes: 1 << 22 }
    }
}

impl Budget {
    /// Whether a trace has spent it.
    pub fn is_spent<E: World>(&self, recorder: &Recorder<E>) -> bool {
        recorder.trace().expanded >= self.expansions || recorder.trace().nodes.len() >= self.nodes as usize
    }
}

/// An algorithm that looks for a goal and records what it does.
pub trait Search<E: World>: Send + Sync {
    /// Searches `problem` and leaves its trace in `recorder`. Deterministic searches leave `rng` alone; the others draw all their
    /// choices from it.
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>);
}

macro_rules! searches {
    ($($name:literal => $build:path),* $(,)?) => {
        /// The registered names, in order of registration.
        pub const NAMES: &[&str] = &[$($name),*];

        /// Makes the search called `name` with its settings.
        ///
        /// # Errors
        /// The name is not registered, or a setting is unknown or not allowed.
        pub fn build<E: World>(name: &str, env: &E, settings: &Settings) -> Result<Box<dyn Search<E>>, SettingError> {
            match name {
                $($name => Ok(Box::new($build(env, settings)?)),)*
                _ => Err(SettingError::Value { name: "search".into(), value: name.into(), expected: format!("one of {}", NAMES.join(", ")) }),
            }
        }
    };
}

searches! {
    "dfs" => dfs::Dfs::configure,
    "bfs" => bfs::Bfs::configure,
    "astar" => astar::AStar::configure,
    "mcts" => mcts::Mcts::configure,
}
