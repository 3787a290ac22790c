//! Exact values of positions on small boards: alpha-beta search (Knuth and Moore 1975) over a table of positions.

use rustc_hash::FxHashMap;

use super::{Outcome, TwoPlayer};

/// Solves positions of one problem; what it has learned of one position serves the next.
pub struct Solver<'a, G: TwoPlayer> {
    game: &'a G,
    problem: &'a G::Problem,
    /// Most positions that are remembered.
    bound: usize,
    /// Between which values the best play of the player to move lies.
    values: FxHashMap<G::State, (i8, i8)>,
    /// The longest search for a forced win that failed, and the shortest that did not, in plies.
    wins: FxHashMap<G::State, (u32, u32)>,
}

impl<'a, G: TwoPlayer> Solver<'a, G> {
    /// A solver that gives up when `bound` positions did not suffice.
    pub fn new(game: &'a G, problem: &'a G::Problem, bound: usize) -> Self {
        Self { game, problem, bound, values: FxHashMap::default(), wins: FxHashMap::default() }
    }

    /// How the game ends from `state` under best play of both sides; `None` where the bound does not suffice.
    pub fn outcome(&mut self, state: &G::State) -> Option<Outcome> {
        if let Some(outcome) = self.game.outcome(self.problem, state) {
            return Some(outcome);
        }
        let mover = self.game.to_move(self.problem, state);
        Some(match self.value(state, -1, 1)? {
            1 => Outcome::Win(mover),
            -1 => Outcome::Win(mover.other()),
            _ => Outcome::Draw,
        })
    }

    /// The number of plies in which the player to move can force a win against any play; `None` where it cannot, or the bound does not suffice.
    pub fn plies_to_win(&mut self, state: &G::State) -> Option<u32> {
        let mover = self.game.to_move(self.problem, state);
        if self.game.outcome(self.problem, state).is_some() || self.outcome(state)? != Outcome::Win(mover) {
            return None;
        }
        let mut plies = 1;
        while !self.wins_within(state, plies)? {
            plies += 2;
        }
        Some(plies)
    }

    /// The value for the player to move, -1 to 1, exact where it lies strictly between `alpha` and `beta` or at the end of the scale.
    fn value(&mut self, state: &G::State, mut alpha: i8, mut beta: i8) -> Option<i8> {
        if let Some(outcome) = self.game.outcome(self.problem, state) {
            return Some(outcome.value(self.game.to_move(self.problem, state)) as i8);
        }
        if let Some((low, high)) = self.values.get(state) {
            (alpha, beta) = (alpha.max(*low), beta.min(*high));
            if alpha >= beta {
                return Some(alpha);
            }
        }
        if self.values.len() >= self.bound {
            return None;
        }
        let (mut best, start) = (-1, alpha);
        for next in self.successors(state) {
            best = best.max(-self.value(&next, -beta, -alpha)?);
            alpha = alpha.max(best);
            if alpha >= beta {
                break;
            }
        }
        let (low, high) = self.values.entry(state.clone()).or_insert((-1, 1));
        if best > start || best == -1 {
            *low = best.max(*low);
        }
        if best < beta {
            *high = best.min(*high);
        }
        Some(best)
    }

    /// Whether the player to move can force a win within an odd number of plies.
    fn wins_within(&mut self, state: &G::State, plies: u32) -> Option<bool> {
        let (failed, done) = self.wins.get(state).copied().unwrap_or((0, u32::MAX));
        if plies <= failed || plies >= done {
            return Some(plies >= done);
        }
        if self.wins.len() >= self.bound {
            return None;
        }
        let mover = self.game.to_move(self.problem, state);
        let mut wins = false;
        for next in self.successors(state) {
            wins = match self.game.outcome(self.problem, &next) {
                Some(outcome) => outcome == Outcome::Win(mover),
                None if plies < 3 => false,
                None => self.wins_against_all(&next, plies - 1)?,
            };
            if wins {
                break;
            }
        }
        let known = self.wins.entry(state.clone()).or_insert((failed, done));
        *known = if wins { (known.0, known.1.min(plies)) } else { (known.0.max(plies), known.1) };
        Some(wins)
    }

    /// Whether every reply of the player to move loses within an even number of plies.
    fn wins_against_all(&mut self, state: &G::State, plies: u32) -> Option<bool> {
        for reply in self.successors(state) {
            if self.game.outcome(self.problem, &reply).is_some() || !self.wins_within(&reply, plies - 1)? {
                return Some(false);
            }
        }
        Some(true)
    }

    /// The states after each move, those that end the game first.
    fn successors(&self, state: &G::State) -> Vec<G::State> {
        let mut actions = Vec::new();
        self.game.actions(self.problem, state, &mut actions);
        let after = |action: &G::Action| self.game.apply(self.problem, state, action).expect("listed actions are legal");
        let mut next: Vec<G::State> = actions.iter().map(after).collect();
        next.sort_by_key(|state| self.game.outcome(self.problem, state).is_none());
        next
    }
}
