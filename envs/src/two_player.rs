//! What games of two players add to an environment: whose turn it is, how a game ended, and fast random play.
//!
//! As an environment, a game is the question what the player to move in the problem's position should play. A state is solved when that
//! player has won and a dead end when the game ended otherwise. Actions belong to both players in turn, so a plan is a line of play, and
//! reaching a won state proves nothing: a plan is right where every move of it keeps the value of the position under best play, which a
//! [`Solver`] knows exactly on small boards.

mod solver;

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{Canonical, Environment, Facet, Notation, SettingError, Settings, Status};

pub use solver::Solver;

/// Positions that an exact answer may look at.
const EXACT_POSITIONS: usize = 2_000_000;

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Player {
    /// Who moves on the empty board; written `x`.
    First,
    /// The other; written `o`.
    Second,
}

impl Player {
    /// The opponent.
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// The player whose turn it is after so many stones.
    pub fn after(stones: u32) -> Self {
        if stones.is_multiple_of(2) { Self::First } else { Self::Second }
    }
}

/// How a game ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// A player won.
    Win(Player),
    /// Nobody did.
    Draw,
}

impl Outcome {
    /// 1 for a win of the player, -1 for a loss, 0 for a draw.
    pub fn value(self, player: Player) -> i32 {
        match self {
            Self::Draw => 0,
            Self::Win(winner) => 1 - 2 * i32::from(winner != player),
        }
    }
}

/// A game of two players with perfect information and no chance.
pub trait TwoPlayer: Environment + Notation + Canonical {
    /// Whose turn it is; meaningless once the game is over.
    fn to_move(&self, problem: &Self::Problem, state: &Self::State) -> Player;

    /// The most moves that can be left to make for a position to count as small enough for an exact answer.
    const MAX_EXACT_MOVES: u32;

    /// The most moves that can still be made.
    fn moves_left(&self, problem: &Self::Problem, state: &Self::State) -> u32;

    /// How the game ended, `None` while it goes on.
    fn outcome(&self, problem: &Self::Problem, state: &Self::State) -> Option<Outcome>;

    /// Plays uniformly random moves to the end; `rng` chooses them. Games override it where their boards allow something faster.
    fn rollout<R: Rng>(&self, problem: &Self::Problem, state: &Self::State, rng: &mut R) -> Outcome {
        let (mut state, mut actions) = (state.clone(), Vec::new());
        loop {
            if let Some(outcome) = self.outcome(problem, &state) {
                return outcome;
            }
            actions.clear();
            self.actions(problem, &state, &mut actions);
            if actions.is_empty() {
                return Outcome::Draw;
            }
            state = self.apply(problem, &state, &actions[rng.random_range(0..actions.len())]).expect("listed actions are legal");
        }
    }
}

/// The status of a game's state as an environment: solved where the player to move at the start has won.
pub(crate) fn status<G: TwoPlayer>(game: &G, problem: &G::Problem, state: &G::State) -> Status {
    match game.outcome(problem, state) {
        None => Status::Open,
        Some(Outcome::Win(winner)) if winner == game.to_move(problem, &game.initial(problem)) => Status::Solved,
        Some(_) => Status::DeadEnd,
    }
}

/// How the ended state is for the player to move at the start: 1 won, 0 lost, one half drawn.
pub(crate) fn payoff<G: TwoPlayer>(game: &G, problem: &G::Problem, state: &G::State) -> f32 {
    let player = game.to_move(problem, &game.initial(problem));
    game.outcome(problem, state).map_or(0.0, |outcome| 0.5 + 0.5 * outcome.value(player) as f32)
}

/// Checks that a position has an exact answer: it goes on, and few enough moves are left.
pub(crate) fn validate<G: TwoPlayer>(game: &G, problem: &G::Problem) -> Result<(), String> {
    let state = game.initial(problem);
    if game.outcome(problem, &state).is_some() {
        return Err("the game is over; expected a position in which somebody moves".into());
    }
    let (left, most) = (game.moves_left(problem, &state), G::MAX_EXACT_MOVES);
    if left > most { Err(format!("{left} moves are left to make; at most {most} can be solved exactly")) } else { Ok(()) }
}

/// Whether a line of play is right: every move keeps the outcome under best play of both sides. Never where that outcome is out of reach.
pub(crate) fn is_answer<G: TwoPlayer>(game: &G, problem: &G::Problem, plan: &[G::Action]) -> bool {
    let mut state = game.initial(problem);
    if plan.is_empty() || validate(game, problem).is_err() {
        return false;
    }
    let mut solver = Solver::new(game, problem, EXACT_POSITIONS);
    let Some(outcome) = solver.outcome(&state) else { return false };
    plan.iter().all(|action| match game.apply(problem, &state, action) {
        Ok(next) => {
            state = next;
            solver.outcome(&state) == Some(outcome)
        }
        Err(_) => false,
    })
}

/// The value of a state under best play for the player to move at the start: 1 won, 0 lost, one half drawn.
pub(crate) fn best_play<G: TwoPlayer>(game: &G, problem: &G::Problem, state: &G::State) -> Option<f32> {
    let player = game.to_move(problem, &game.initial(problem));
    let outcome = if game.moves_left(problem, state) > G::MAX_EXACT_MOVES { None } else { solve(game, problem, state, EXACT_POSITIONS) };
    outcome.map(|outcome| 0.5 + 0.5 * outcome.value(player) as f32)
}

/// The plies in which the player to move can force a win.
pub(crate) fn plies_to_win<G: TwoPlayer>(game: &G, problem: &G::Problem) -> Option<u32> {
    validate(game, problem).ok()?;
    Solver::new(game, problem, EXACT_POSITIONS).plies_to_win(&game.initial(problem))
}

/// The outcome under best play of both sides; `None` where `bound` positions do not suffice. For small boards.
pub fn solve<G: TwoPlayer>(game: &G, problem: &G::Problem, state: &G::State, bound: usize) -> Option<Outcome> {
    Solver::new(game, problem, bound).outcome(state)
}

/// Which positions a game poses. Settings: `outcome` (under best play, for the player to move: `win`, `draw`, `any`; `win`) and `within`
/// (most plies to a forced win). Unless it is `any`, at least one move gives the outcome away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    value: Option<i32>,
    within: u32,
}

impl Wanted {
    /// The settings that [`read`](Self::read) reads.
    pub const SETTINGS: [&'static str; 2] = ["outcome", "within"];

    /// Reads the settings; `outcomes` are those that the game knows.
    pub fn read(settings: &Settings, outcomes: &[&'static str]) -> Result<Self, SettingError> {
        let value = match settings.choice("outcome", outcomes, "win")? {
            "win" => Some(1),
            "draw" => Some(0),
            _ => None,
        };
        Ok(Self { value, within: settings.number("within", 1..=u32::MAX, u32::MAX)? })
    }

    /// Whether a position is one of them. Where too many moves are left for an exact answer, every position is.
    pub fn accepts<G: TwoPlayer>(self, game: &G, problem: &G::Problem) -> bool {
        let state = game.initial(problem);
        let Some(value) = self.value else { return game.outcome(problem, &state).is_none() };
        if game.outcome(problem, &state).is_some() {
            return false;
        }
        if game.moves_left(problem, &state) > G::MAX_EXACT_MOVES {
            return true;
        }
        let mut solver = Solver::new(game, problem, EXACT_POSITIONS);
        let Some(outcome) = solver.outcome(&state) else { return false };
        if outcome.value(game.to_move(problem, &state)) != value {
            return false;
        }
        let mut actions = Vec::new();
        game.actions(problem, &state, &mut actions);
        let keeps = |action| game.apply(problem, &state, action).is_ok_and(|next| solver.outcome(&next) == Some(outcome));
        !actions.iter().all(keeps) && (self.within == u32::MAX || solver.plies_to_win(&state).is_some_and(|plies| plies <= self.within))
    }
}

/// How many random moves a position has behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opening {
    /// This many.
    Exactly(usize),
    /// This many or one more, so that either player is to move.
    About(usize),
}

/// Positions drawn until one is wanted.
const MAX_DRAWS: usize = 1000;
/// Free cells of a position by default, at most.
const FREE_CELLS: usize = 12;

impl Opening {
    /// Reads the setting `opening` for a board of so many cells.
    pub fn read(settings: &Settings, cells: usize) -> Result<Self, SettingError> {
        if settings.get("opening").is_none() {
            return Ok(Self::About(cells.saturating_sub(FREE_CELLS)));
        }
        settings.number("opening", 0..=cells - 2, 0).map(Self::Exactly)
    }

    /// Lets `place` put random moves on copies of a board until it says that the position is wanted; an untouched copy where none is.
    pub fn draw<P: Clone>(self, empty: &P, rng: &mut ChaCha8Rng, mut place: impl FnMut(&mut P, usize, &mut ChaCha8Rng) -> bool) -> P {
        // Without moves there is one position only.
        for _ in 0..if matches!(self, Self::Exactly(0)) { 1 } else { MAX_DRAWS } {
            let mut problem = empty.clone();
            let count = match self {
                Self::Exactly(count) => count,
                Self::About(count) => count + rng.random_range(0..2_usize),
            };
            if place(&mut problem, count, rng) {
                return problem;
            }
        }
        empty.clone()
    }
}

/// The number of lines of play of exactly `depth` moves: the count by which move generators are compared.
pub fn perft<G: TwoPlayer>(game: &G, problem: &G::Problem, state: &G::State, depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    if game.outcome(problem, state).is_some() {
        return 0;
    }
    let mut actions = Vec::new();
    game.actions(problem, state, &mut actions);
    let after = |action| game.apply(problem, state, action).expect("listed actions are legal");
    actions.iter().map(|action| perft(game, problem, &after(action), depth - 1)).sum()
}

/// The facets of a position: in how many plies a win can be forced, the size of the board as the environment writes it, and which cells are
/// taken, by the lesser of `texts`, the board and its symmetric variants as text.
pub(crate) fn facet<G: TwoPlayer>(game: &G, problem: &G::Problem, facet: Facet, size: String, texts: impl Iterator<Item = String>) -> Option<String> {
    match facet {
        Facet::Target => Some(plies_to_win(game, problem).map_or_else(|| "no win".to_owned(), |plies| format!("win in {plies}"))),
        Facet::Size => Some(size),
        Facet::Set => texts.map(|text| text.replace('o', "x")).min(),
    }
}
