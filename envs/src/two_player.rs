//! What games of two players add to an environment: whose turn it is, how a game ended, and fast random play.
//!
//! As an environment, a game is the question whether the player to move in the problem's position wins: a state is solved when that player
//! has won and a dead end when the game ended otherwise. Actions belong to both players in turn, so a plan is a line of play, not a
//! strategy: games are kept out of the registry of single-agent worlds and have their own ([`registry::GAMES`](crate::registry::GAMES)).

use std::collections::HashMap;

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::{Canonical, Environment, Notation, Status};

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

/// The outcome under best play of both sides, by full search that remembers positions; `None` after `bound` positions. For small boards.
pub fn solve<G: TwoPlayer>(game: &G, problem: &G::Problem, state: &G::State, bound: usize) -> Option<Outcome> {
    let mut known = HashMap::new();
    let value = best_value(game, problem, state, bound, &mut known)?;
    let mover = game.to_move(problem, state);
    Some(match value {
        1 => Outcome::Win(mover),
        -1 => Outcome::Win(mover.other()),
        _ => Outcome::Draw,
    })
}

/// The best value for the player to move.
fn best_value<G: TwoPlayer>(game: &G, problem: &G::Problem, state: &G::State, bound: usize, known: &mut HashMap<G::State, i32>) -> Option<i32> {
    if let Some(outcome) = game.outcome(problem, state) {
        return Some(outcome.value(game.to_move(problem, state)));
    }
    if let Some(value) = known.get(state) {
        return Some(*value);
    }
    if known.len() >= bound {
        return None;
    }
    let (mut actions, mut best) = (Vec::new(), -1);
    game.actions(problem, state, &mut actions);
    for action in actions {
        let next = game.apply(problem, state, &action).expect("listed actions are legal");
        best = best.max(-best_value(game, problem, &next, bound, known)?);
        if best == 1 {
            break;
        }
    }
    known.insert(state.clone(), best);
    Some(best)
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
