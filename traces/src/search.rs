//! The contract of a search and the list of searches: one line each.

mod astar;
pub mod beam;
pub mod best_first;
mod bfs;
mod children;
mod deepening;
mod dfs;
pub mod guided;
mod ida;
mod iddfs;
mod known;
pub mod leaf;
pub mod mcts;
mod negamax;
mod sos;

use metacot_envs::{Environment, SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

use crate::Recorder;
pub(crate) use known::Known;

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
    pub fn is_spent<E: Environment>(&self, recorder: &Recorder<E>) -> bool {
        recorder.trace().expanded >= self.expansions || recorder.trace().nodes.len() >= self.nodes as usize
    }
}

/// An algorithm that looks for a goal and records what it does.
pub trait Search<E: World>: Send + Sync {
    /// Searches `problem` and leaves its trace in `recorder`. Deterministic searches leave `rng` alone; the others draw all their
    /// choices from it.
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>);

    /// Whether it finds a solution wherever there is one, as long as its budget lasts.
    fn is_complete(&self) -> bool {
        false
    }

    /// Whether it is for worlds with an opponent, or for those without.
    fn plays(&self, has_opponent: bool) -> bool {
        !has_opponent
    }
}

macro_rules! searches {
    ($($name:literal => $build:expr),* $(,)?) => {
        /// The registered names, in order of registration.
        pub const NAMES: &[&str] = &[$($name),*];

        /// Makes the search called `name` with its settings.
        ///
        /// # Errors
        /// The name is not registered, or a setting is unknown or not allowed.
        pub fn build<E: World>(name: &str, env: &E, settings: &Settings) -> Result<Box<dyn Search<E>>, SettingError> {
            match name {
                $($name => boxed($name, env, settings, $build),)*
                _ => Err(SettingError::Value { name: "search".into(), value: name.into(), expected: format!("one of {}", NAMES.join(", ")) }),
            }
        }
    };
}

fn boxed<E: World, S: Search<E> + 'static>(
    name: &str,
    env: &E,
    settings: &Settings,
    build: impl FnOnce(&E, &Settings) -> Result<S, SettingError>,
) -> Result<Box<dyn Search<E>>, SettingError> {
    let search = build(env, settings).map_err(|error| match error {
        // A heuristic that nobody typed belongs to the name of the search.
        SettingError::Value { name: setting, value, expected } if setting == "heuristic" && settings.get("heuristic").is_none() => SettingError::Value {
            name: "search".into(),
            value: name.into(),
            expected: format!("a search for {}; {name} needs the heuristic {value}, and here there is {}", E::NAME, expected.trim_start_matches("one of ")),
        },
        error => error,
    })?;
    if search.plays(E::HAS_OPPONENT) {
        return Ok(Box::new(search));
    }
    let players = if E::HAS_OPPONENT { "one player" } else { "two players" };
    Err(SettingError::Value { name: "search".into(), value: name.into(), expected: format!("a search for {}; {name} is for {players}", E::NAME) })
}

searches! {
    "dfs" => dfs::Dfs::configure,
    "bfs" => bfs::Bfs::configure,
    "iddfs" => iddfs::Iddfs::configure,
    "ida" => ida::Ida::configure,
    "astar" => |_, settings| astar::AStar::configure(settings),
    "astar-nondet" => |_, settings| astar::AStar::configure_nondet(settings),
    "greedy" => best_first::BestFirst::configure_greedy,
    "best-first" => best_first::BestFirst::configure,
    "beam" => beam::Beam::configure,
    "mcts" => mcts::Mcts::configure,
    "negamax" => negamax::Negamax::configure,
    "sos-dfs-sum" => |env, settings| sos::configure_dfs(env, settings, "sum"),
    "sos-dfs-mult" => |env, settings| sos::configure_dfs(env, settings, "mult"),
    "sos-bfs-sum-1" => |env, settings| sos::SosBfs::configure(env, settings, "sum", 1),
    "sos-bfs-sum-2" => |env, settings| sos::SosBfs::configure(env, settings, "sum", 2),
    "sos-bfs-sum-3" => |env, settings| sos::SosBfs::configure(env, settings, "sum", 3),
    "sos-bfs-sum-4" => |env, settings| sos::SosBfs::configure(env, settings, "sum", 4),
    "sos-bfs-sum-5" => |env, settings| sos::SosBfs::configure(env, settings, "sum", 5),
    "sos-bfs-mult-1" => |env, settings| sos::SosBfs::configure(env, settings, "mult", 1),
    "sos-bfs-mult-2" => |env, settings| sos::SosBfs::configure(env, settings, "mult", 2),
    "sos-bfs-mult-3" => |env, settings| sos::SosBfs::configure(env, settings, "mult", 3),
    "sos-bfs-mult-4" => |env, settings| sos::SosBfs::configure(env, settings, "mult", 4),
    "sos-bfs-mult-5" => |env, settings| sos::SosBfs::configure(env, settings, "mult", 5),
    "sos-mix" => sos::SosMix::configure,
}
