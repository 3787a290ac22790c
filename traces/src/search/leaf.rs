//! How a state is valued without a model: by a heuristic, by random rollouts, exactly, or not at all.

use metacot_envs::{SettingError, Settings, Status, World};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rustc_hash::FxHashSet;

use super::{children::heuristic_index, guided::Evaluation};

/// Most states that an exact value looks at before it gives up.
const MAX_EXACT_STATES: usize = 20_000;

/// A way to value states, in [0, 1], higher is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    /// One half for all.
    Uniform,
    /// `1 / (1 + h)` of the heuristic with this index.
    Heuristic(usize),
    /// The mean over random legal play: 1 where it solves the problem, else `0.5 / (1 + h)` of where it ended, so that values tell branches
    /// apart even where no rollout succeeds.
    Rollouts {
        /// Plays per state.
        count: u32,
        /// Most actions of a play.
        depth: u32,
    },
    /// 1 where the problem can be solved from the state, 0 where not.
    Exact,
}

impl Leaf {
    /// The settings that [`configure`](Self::configure) reads.
    pub const SETTINGS: [&'static str; 4] = ["leaf", "heuristic", "rollouts", "depth"];

    /// Reads `leaf` (`rollouts`, `heuristic`, `exact`, `uniform`), `heuristic`, `rollouts` (1) and `depth` (of a rollout, 200).
    ///
    /// # Errors
    /// A value that is not allowed.
    pub fn configure<E: World>(env: &E, settings: &Settings, default: &'static str) -> Result<Self, SettingError> {
        let heuristic = heuristic_index(env, settings)?;
        let rollouts = Self::Rollouts { count: settings.number("rollouts", 1..=10_000, 1)?, depth: settings.number("depth", 1..=100_000, 200)? };
        Ok(match settings.choice("leaf", &["rollouts", "heuristic", "exact", "uniform"], default)? {
            "heuristic" => Self::Heuristic(heuristic),
            "exact" => Self::Exact,
            "uniform" => Self::Uniform,
            _ => rollouts,
        })
    }

    /// Values a state; `rng` plays the rollouts.
    pub fn evaluate<E: World>(&self, env: &E, problem: &E::Problem, state: &E::State, rng: &mut ChaCha8Rng) -> Evaluation<E> {
        match self {
            Self::Uniform => Evaluation::of(0.5),
            Self::Heuristic(index) => Evaluation::of(closeness(env.heuristic(*index, problem, state))),
            Self::Exact => Evaluation::of(exact(env, problem, state)),
            Self::Rollouts { count, depth } => {
                let (mut sum, mut solution) = (0.0, None);
                let mut played = Vec::new();
                for _ in 0..*count {
                    let value = rollout(env, problem, state, *depth, rng, &mut played);
                    sum += value;
                    if value == 1.0 && !E::HAS_OPPONENT && solution.is_none() {
                        solution = Some(std::mem::take(&mut played));
                    }
                }
                Evaluation { value: sum / *count as f32, priors: Vec::new(), solution }
            }
        }
    }
}

fn closeness(heuristic: f64) -> f32 {
    (1.0 / (1.0 + heuristic)) as f32
}

/// Random legal play from `state`: 1 where it solved the problem, with its actions in `played`.
fn rollout<E: World>(env: &E, problem: &E::Problem, state: &E::State, depth: u32, rng: &mut ChaCha8Rng, played: &mut Vec<E::Action>) -> f32 {
    played.clear();
    let mut state = state.clone();
    let mut actions = Vec::new();
    for _ in 0..depth {
        actions.clear();
        env.actions(problem, &state, &mut actions);
        if actions.is_empty() {
            break;
        }
        let action = actions.swap_remove(rng.random_range(0..actions.len()));
        state = env.apply(problem, &state, &action).expect("`actions` lists legal actions only");
        played.push(action);
    }
    match env.status(problem, &state) {
        Status::Solved => 1.0,
        Status::DeadEnd if E::HAS_OPPONENT => env.payoff(problem, &state),
        _ => 0.5 * closeness(env.heuristic(0, problem, &state)),
    }
}

/// Whether any continuation solves the problem: by the environment's oracle where the state reads as a problem of its own, else by looking
/// at every state that can be reached. 0.5 where neither gives an answer.
fn exact<E: World>(env: &E, problem: &E::Problem, state: &E::State) -> f32 {
    if let Some(value) = env.best_play(problem, state) {
        return value;
    }
    let mut text = String::new();
    env.write_state(problem, state, &mut text);
    if let Some(posed) = env.read_problem(&text)
        && env.initial(&posed) == *state
    {
        return f32::from(u8::from(env.solvable(&posed)));
    }
    let mut seen = FxHashSet::from_iter([state.clone()]);
    let (mut stack, mut actions) = (vec![state.clone()], Vec::new());
    while let Some(state) = stack.pop() {
        if env.status(problem, &state) == Status::Solved {
            return 1.0;
        }
        if seen.len() > MAX_EXACT_STATES {
            return 0.5;
        }
        actions.clear();
        env.actions(problem, &state, &mut actions);
        for action in &actions {
            let next = env.apply(problem, &state, action).expect("`actions` lists legal actions only");
            if seen.insert(next.clone()) {
                stack.push(next);
            }
        }
    }
    0.0
}
