//! Monte-Carlo tree search: UCT (Kocsis and Szepesvári 2006) or PUCT (Silver et al. 2017) selection, values of leaves from outside, mean
//! backup.
//!
//! A simulation walks down to a node that has no value yet, asks for one, and adds the answer to every node on its way. In worlds of two
//! players the opponent picks what is worst for the player that the problem is posed for. Departures from the textbook: nodes whose subtree
//! is exhausted are not selected again, so that small trees are searched completely; and, in worlds of one player, a leaf evaluation that
//! found a solution enters the tree action by action, so that the trace holds the whole plan, and ends the search. In worlds of two
//! players the line of most visits is the answer, or its first move alone, where the environment finds it right; every visit of a finished
//! game is an evaluation of its own.

mod arena;
mod machine;

use metacot_envs::{Environment, SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

pub use machine::{MctsMachine, NodeVisits};

use super::{
    Budget, Search,
    guided::{Site, solve},
    leaf::Leaf,
};
use crate::Recorder;

/// How a child is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selection {
    /// `Q + c sqrt(ln N / n)`; children without a visit come first, in random order.
    Uct,
    /// `Q + c P sqrt(N) / (1 + n)`, `Q` of a child without a visit being `first_play`.
    Puct,
}

/// MCTS. Settings: `selection` (`uct`, `puct`), `c` (√2 under UCT, 1.25 under PUCT), `first_play` (0), `simulations` (0: until the budget
/// is spent; 1000 with two players), `early_stop` (end at the first goal, true), `noise` (share of Dirichlet noise in the priors of the
/// root, 0), `alpha` (of the noise, 0.3), and those of [`Leaf`] (default `leaf=rollouts`).
#[derive(Clone, Debug)]
pub struct Mcts {
    leaf: Leaf,
    config: Config,
}

/// What a machine has to know.
#[derive(Clone, Copy, Debug)]
struct Config {
    selection: Selection,
    exploration: f32,
    first_play: f32,
    simulations: u32,
    stops_early: bool,
    noise: f64,
    alpha: f64,
    has_opponent: bool,
    /// Whether the line of most visits is claimed as an answer in the end, once the environment has found it right.
    claims: bool,
}

impl Config {
    fn read(settings: &Settings, has_opponent: bool) -> Result<Self, SettingError> {
        settings.only(&[&Leaf::SETTINGS[..], &["selection", "c", "first_play", "simulations", "early_stop", "noise", "alpha"]].concat())?;
        let (selection, exploration) = match settings.choice("selection", &["uct", "puct"], "uct")? {
            "puct" => (Selection::Puct, 1.25),
            _ => (Selection::Uct, std::f64::consts::SQRT_2),
        };
        Ok(Self {
            selection,
            exploration: settings.number("c", 0.0..=1000.0, exploration)? as f32,
            first_play: settings.number("first_play", 0.0..=1.0, 0.0)? as f32,
            simulations: settings.number("simulations", 0..=u32::MAX, if has_opponent { 1000 } else { 0 })?,
            stops_early: settings.flag("early_stop", true)?,
            noise: settings.number("noise", 0.0..=1.0, 0.0)?,
            alpha: settings.number("alpha", 0.001..=100.0, 0.3)?,
            has_opponent,
            claims: has_opponent,
        })
    }
}

impl Mcts {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure<E: World>(env: &E, settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self { config: Config::read(settings, env.is_two_player())?, leaf: Leaf::configure(env, settings, "rollouts")? })
    }

    /// Reads the settings for a game of two players, whose leaves the driver values.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure_game(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self { leaf: Leaf::Uniform, config: Config { claims: false, ..Config::read(settings, true)? } })
    }

    /// The simulations that a search may make, 0 where only its budget bounds it.
    pub fn simulations(&self) -> u32 {
        self.config.simulations
    }

    /// The search as a machine, for a driver with a policy of its own.
    pub fn machine<E: Environment>(&self) -> MctsMachine<E> {
        MctsMachine::new(self.config)
    }
}

impl<E: World> Search<E> for Mcts {
    fn run(&self, env: &E, problem: &E::Problem, budget: Budget, rng: &mut ChaCha8Rng, recorder: &mut Recorder<E>) {
        solve(&mut self.machine::<E>(), &self.leaf, &mut Site { env, problem, budget, rng, recorder });
    }

    fn plays(&self, has_opponent: bool) -> bool {
        self.config.has_opponent == has_opponent
    }
}
