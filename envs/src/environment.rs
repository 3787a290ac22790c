//! The contract of a symbolic environment: problems, states, actions, and nothing that a search or a model would add.

use std::{fmt::Debug, hash::Hash};

use rand_chacha::ChaCha8Rng;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Canonical, Difficulty, Notation, Oracle, SettingError};

/// What a state is to its problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Neither solved nor known to be hopeless; actions may exist.
    Open,
    /// A goal state.
    Solved,
    /// No continuation can solve the problem, by a test that the environment states; it has no actions.
    DeadEnd,
}

/// An action that the state does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("illegal action: {reason}")]
pub struct IllegalAction {
    /// Why it is not allowed, as a lower-case fragment.
    pub reason: String,
}

impl IllegalAction {
    /// Makes the error from its reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// A named estimate of the distance from a state to the goal; smaller is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heuristic {
    /// The name that `--set heuristic=` takes.
    pub name: &'static str,
    /// Whether it never exceeds the true remaining cost, so that A* with it is optimal.
    pub is_admissible: bool,
}

/// A family of problems with a deterministic transition function.
///
/// The value itself is a validated configuration ([`configure`](Self::configure)); a problem is apart from a state, and
/// actions name operands by position so that a plan replays exactly.
pub trait Environment: Sized + Clone + Debug + Send + Sync + 'static {
    /// One task: immutable, and all that a prompt says. Its serde form is the problem JSON of the command line.
    type Problem: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync;
    /// A point of the search space of one problem.
    type State: Clone + Eq + Ord + Hash + Debug + Send + Sync;
    /// A move; small, since every node of a search tree keeps one.
    type Action: Clone + Eq + Debug + Send + Sync + Serialize + DeserializeOwned;

    /// The registered short name.
    const NAME: &'static str;

    /// Whether a sequence of actions can come back to a state, or reach it in several ways that a search should not walk twice.
    const HAS_CYCLES: bool = false;

    /// Whether two players move in turn. The problem is then posed for the player to move in its initial state: `Solved` is a win of that
    /// player, and every other end is `DeadEnd`.
    const HAS_OPPONENT: bool = false;

    /// Makes the environment of a difficulty.
    ///
    /// # Errors
    /// A size out of range, or a setting that is unknown or not allowed.
    fn configure(difficulty: &Difficulty) -> Result<Self, SettingError>;

    /// The environment that reads and writes the texts of problems of a difficulty, be they smaller than any that is drawn.
    ///
    /// # Errors
    /// As [`configure`](Self::configure).
    fn reading(difficulty: &Difficulty) -> Result<Self, SettingError> {
        Self::configure(difficulty)
    }

    /// The size that texts leave unsaid, as `--size` takes it; `None` where they say it.
    fn unsaid_size(&self) -> Option<String> {
        None
    }

    /// Every problem that [`generate`](Self::generate) can draw, one of each set of symmetric variants, in a fixed order; `None` where they
    /// are too many to be listed, or not listed at all.
    fn problems(&self) -> Option<Vec<Self::Problem>> {
        None
    }

    /// Checks that a problem that came from outside lies within what the environment can represent.
    ///
    /// # Errors
    /// What is wrong, as a lower-case fragment.
    fn validate(&self, problem: &Self::Problem) -> Result<(), String>;

    /// The environment at the settings that belong to a problem and that its text leaves unsaid; `None` where those of `self` will do.
    fn at(&self, _problem: &Self::Problem) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// Draws a problem; `rng` decides all of it. The problem is solvable unless the environment's own settings say otherwise.
    fn generate(&self, rng: &mut ChaCha8Rng) -> Self::Problem;

    /// The state in which the problem starts.
    fn initial(&self, problem: &Self::Problem) -> Self::State;

    /// Whether a state is solved, hopeless or open.
    fn status(&self, problem: &Self::Problem, state: &Self::State) -> Status;

    /// Whether two players move in turn: [`HAS_OPPONENT`](Self::HAS_OPPONENT).
    fn is_two_player(&self) -> bool {
        Self::HAS_OPPONENT
    }

    /// Whether the opponent of the player that the problem is posed for moves in this state.
    fn opponent_moves(&self, _problem: &Self::Problem, _state: &Self::State) -> bool {
        false
    }

    /// How good an ended state is for whoever the problem is posed for, in [0, 1]: 1 solved, 0 not; one half is a drawn game.
    fn payoff(&self, problem: &Self::Problem, state: &Self::State) -> f32 {
        f32::from(u8::from(self.status(problem, state) == Status::Solved))
    }

    /// Whether a legal plan that ends in `end` is right: it ends solved. Where there is an opponent, reaching a won state proves nothing;
    /// there a plan is a line of play, of one move at least, and every move of it keeps the value of the position under best play.
    fn is_answer(&self, problem: &Self::Problem, _plan: &[Self::Action], end: &Self::State) -> bool {
        self.status(problem, end) == Status::Solved
    }

    /// Appends the legal actions to `out`, in a fixed order. Nothing is appended for a state that is not open.
    fn actions(&self, problem: &Self::Problem, state: &Self::State, out: &mut Vec<Self::Action>);

    /// The state after an action.
    ///
    /// # Errors
    /// The action is not among [`actions`](Self::actions).
    fn apply(&self, problem: &Self::Problem, state: &Self::State, action: &Self::Action) -> Result<Self::State, IllegalAction>;

    /// The cost of an action, at least 1.
    fn cost(&self, _problem: &Self::Problem, _state: &Self::State, _action: &Self::Action) -> u32 {
        1
    }

    /// The heuristics of this environment; the first is the default, index `i` goes to [`heuristic`](Self::heuristic).
    fn heuristics(&self) -> &'static [Heuristic];

    /// The value of heuristic `index` at a state, at least 0; infinite for a state that it proves hopeless.
    fn heuristic(&self, index: usize, problem: &Self::Problem, state: &Self::State) -> f64;

    /// How near a state comes to the goal, in [0, 1]: 1 solved. By default the part of the way, as the default heuristic measures it, that lies behind
    /// the state; 0 where that measures nothing.
    fn closeness(&self, problem: &Self::Problem, state: &Self::State) -> f64 {
        if self.status(problem, state) == Status::Solved {
            return 1.0;
        }
        let (all, left) = (self.heuristic(0, problem, &self.initial(problem)), self.heuristic(0, problem, state));
        if all > 0.0 && all.is_finite() && left.is_finite() { (1.0 - left / all).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// The heuristic value above which Stream of Search drops a child; infinite where the environment has no such convention.
    fn prune_threshold(&self, _problem: &Self::Problem) -> f64 {
        f64::INFINITY
    }

    /// The admissible lower bound that A* and IDA* use: integral, 0 at goals, `None` where the state is proved hopeless.
    fn lower_bound(&self, problem: &Self::Problem, state: &Self::State) -> Option<u32>;

    /// Whether the lower bound never falls by more than the cost of an action, so that A* need not open a closed state again.
    fn is_consistent(&self) -> bool {
        true
    }

    /// One more than the largest [`dense_index`](Self::dense_index) of a problem, where its states are few enough for flat arrays.
    fn dense_states(&self, _problem: &Self::Problem) -> Option<usize> {
        None
    }

    /// The number of a state among those of its problem; meaningful only where [`dense_states`](Self::dense_states) has a value.
    fn dense_index(&self, _problem: &Self::Problem, _state: &Self::State) -> usize {
        0
    }
}

/// Everything that a registered environment offers.
pub trait World: Environment + Notation + Canonical + Oracle {}

impl<E: Environment + Notation + Canonical + Oracle> World for E {}
