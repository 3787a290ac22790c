//! Hex on rhombic boards of 2x2 to 11x11: the first player joins top and bottom, the second left and right. There are no draws.

use rand::{Rng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{
    ActionFault, Canonical, Difficulty, Environment, Facet, Heuristic, IllegalAction, Language, Notation, Oracle, Pattern, SettingError, Status, Symbols,
    connect4::{self, write_outcome},
    digits::{push_integer, read_integer},
    stones::Stones,
    two_player::{self, Opening, Outcome, Player, TwoPlayer, Wanted},
};

/// The longest side.
pub const MAX_HEX_SIDE: usize = 11;

/// The stones of both players, a bit a cell, row by row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    first: u128,
    second: u128,
}

impl Position {
    fn mask(self) -> u128 {
        self.first | self.second
    }

    fn mover(self) -> Player {
        Player::after(self.mask().count_ones())
    }
}

/// A position: `{"rows":["...",".x.","..o"]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stones", into = "Stones")]
pub struct Problem {
    side: u8,
    position: Position,
}

impl TryFrom<Stones> for Problem {
    type Error = String;

    fn try_from(stones: Stones) -> Result<Self, String> {
        let (width, height) = stones.sides();
        if width != height || !(2..=MAX_HEX_SIDE).contains(&width) {
            return Err(format!("a board of {width}x{height} is not allowed; expected a square of 2 to {MAX_HEX_SIDE}"));
        }
        if !stones.is_alternating() {
            return Err(format!("{:?} stones do not come from moves in turn", stones.counts()));
        }
        let mut position = Position::default();
        for cell in 0..width * width {
            match stones.get(cell % width, cell / width) {
                Some(Player::First) => position.first |= 1 << cell,
                Some(Player::Second) => position.second |= 1 << cell,
                None => {}
            }
        }
        Ok(Self { side: width as u8, position })
    }
}

impl From<Problem> for Stones {
    fn from(problem: Problem) -> Self {
        stones(problem.side, problem.position)
    }
}

fn stones(side: u8, position: Position) -> Stones {
    let side = usize::from(side);
    Stones::new(side, side, |x, y| match 1_u128 << (y * side + x) {
        bit if position.first & bit != 0 => Some(Player::First),
        bit if position.second & bit != 0 => Some(Player::Second),
        _ => None,
    })
}

/// Places a stone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The column, from 1; written as a letter.
    pub column: u8,
    /// The row, from 1 at the top.
    pub row: u8,
}

/// The bits of a side: all cells, and those of the first column.
fn masks(side: u8) -> (u128, u128) {
    let left = (0..u32::from(side)).map(|row| 1_u128 << (row * u32::from(side))).sum();
    ((1 << (u32::from(side) * u32::from(side))) - 1, left)
}

/// Whether stones join the first row with the last (`is_vertical`) or the first column with the last.
fn joins(side: u8, stones: u128, is_vertical: bool) -> bool {
    let (all, left) = masks(side);
    let right = left << (side - 1);
    let (top, bottom) = ((1_u128 << side) - 1, all ^ (all >> side));
    let (from, to) = if is_vertical { (top, bottom) } else { (left, right) };
    let mut front = stones & from;
    loop {
        // The six neighbours: left, right, up, down, up-right, down-left.
        let (inner_left, inner_right) = (front & !left, front & !right);
        let grown = front | inner_left >> 1 | inner_right << 1 | front >> side | front << side | inner_right >> (side - 1) | inner_left << (side - 1);
        let next = grown & stones;
        if next & to != 0 {
            return true;
        }
        if next == front {
            return false;
        }
        front = next;
    }
}

/// The game; made by [`Environment::configure`].
///
/// The size is the side, 2 to 11 (4). Settings: `opening` (random stones that are already placed; so many that 11 or 12 cells are left),
/// `outcome` (under best play, for the player to move: `win`, `any`; `win`), `within` (most plies to a forced win). Unless the outcome is
/// `any`, at least one move gives it away. Positions with more than 14 free cells have no exact answer: they can be played, not posed.
#[derive(Clone, Debug)]
pub struct Hex {
    side: u8,
    opening: Opening,
    wanted: Wanted,
}

impl Environment for Hex {
    type Problem = Problem;
    type State = Position;
    type Action = Place;

    const NAME: &'static str = "hex";
    const HAS_OPPONENT: bool = true;

    fn configure(difficulty: &Difficulty) -> Result<Self, SettingError> {
        difficulty.settings.only(&[&Wanted::SETTINGS[..], &["opening"]].concat())?;
        let side = difficulty.size_within(2..=MAX_HEX_SIDE, 4)?;
        let opening = Opening::read(&difficulty.settings, side * side)?;
        Ok(Self { side: side as u8, opening, wanted: Wanted::read(&difficulty.settings, &["win", "any"])? })
    }

    /// Takes positions that have an exact answer.
    fn validate(&self, problem: &Problem) -> Result<(), String> {
        two_player::validate(self, problem)
    }

    /// The empty board after random stones: the first such position that is wanted, else an empty board.
    fn generate(&self, rng: &mut ChaCha8Rng) -> Problem {
        let empty = Problem { side: self.side, position: Position::default() };
        let mut cells: Vec<u32> = (0..u32::from(self.side).pow(2)).collect();
        self.opening.draw(&empty, rng, |problem, num_stones, rng| {
            let (chosen, _) = cells.partial_shuffle(rng, num_stones);
            for (index, cell) in chosen.iter().enumerate() {
                let stones = if index % 2 == 0 { &mut problem.position.first } else { &mut problem.position.second };
                *stones |= 1 << cell;
            }
            self.wanted.accepts(self, problem)
        })
    }

    fn initial(&self, problem: &Problem) -> Position {
        problem.position
    }

    fn status(&self, problem: &Problem, state: &Position) -> Status {
        two_player::status(self, problem, state)
    }

    fn payoff(&self, problem: &Problem, state: &Position) -> f32 {
        two_player::payoff(self, problem, state)
    }

    fn is_answer(&self, problem: &Problem, plan: &[Place], _end: &Position) -> bool {
        two_player::is_answer(self, problem, plan)
    }

    fn opponent_moves(&self, problem: &Problem, state: &Position) -> bool {
        self.to_move(problem, state) != self.to_move(problem, &self.initial(problem))
    }

    fn actions(&self, problem: &Problem, state: &Position, out: &mut Vec<Place>) {
        if self.outcome(problem, state).is_none() {
            let free = (0..problem.side).flat_map(|y| (0..problem.side).map(move |x| (x, y)));
            let is_free = |(x, y): &(u8, u8)| state.mask() >> (u32::from(*y) * u32::from(problem.side) + u32::from(*x)) & 1 == 0;
            out.extend(free.filter(is_free).map(|(x, y)| Place { column: x + 1, row: y + 1 }));
        }
    }

    fn apply(&self, problem: &Problem, state: &Position, action: &Place) -> Result<Position, IllegalAction> {
        let side = problem.side;
        let is_inside = (1..=side).contains(&action.column) && (1..=side).contains(&action.row);
        let bit = if is_inside { 1_u128 << (u32::from(action.row - 1) * u32::from(side) + u32::from(action.column - 1)) } else { 0 };
        if bit == 0 || state.mask() & bit != 0 || self.outcome(problem, state).is_some() {
            return Err(IllegalAction::new(format!("column {} of row {} is not free", action.column, action.row)));
        }
        Ok(match state.mover() {
            Player::First => Position { first: state.first | bit, ..*state },
            Player::Second => Position { second: state.second | bit, ..*state },
        })
    }

    fn heuristics(&self) -> &'static [Heuristic] {
        &[Heuristic { name: "zero", is_admissible: true }]
    }

    fn heuristic(&self, _index: usize, _problem: &Problem, _state: &Position) -> f64 {
        0.0
    }

    fn lower_bound(&self, problem: &Problem, state: &Position) -> Option<u32> {
        match self.status(problem, state) {
            Status::Solved => Some(0),
            Status::Open => Some(1),
            Status::DeadEnd => None,
        }
    }
}

impl TwoPlayer for Hex {
    const MAX_EXACT_MOVES: u32 = 14;

    fn moves_left(&self, problem: &Problem, state: &Position) -> u32 {
        u32::from(problem.side).pow(2) - state.mask().count_ones()
    }

    fn to_move(&self, _problem: &Problem, state: &Position) -> Player {
        state.mover()
    }

    fn outcome(&self, problem: &Problem, state: &Position) -> Option<Outcome> {
        if joins(problem.side, state.first, true) {
            Some(Outcome::Win(Player::First))
        } else {
            joins(problem.side, state.second, false).then_some(Outcome::Win(Player::Second))
        }
    }

    /// Fills the board at random and looks once: stones after the deciding one change nothing, since both players cannot be joined.
    fn rollout<R: Rng>(&self, problem: &Problem, state: &Position, rng: &mut R) -> Outcome {
        if let Some(outcome) = self.outcome(problem, state) {
            return outcome;
        }
        let (all, _) = masks(problem.side);
        let mut cells = [0_u8; MAX_HEX_SIDE * MAX_HEX_SIDE];
        let (mut rest, mut len) = (all & !state.mask(), 0);
        while rest != 0 {
            cells[len] = rest.trailing_zeros() as u8;
            rest &= rest - 1;
            len += 1;
        }
        // The player to move gets the odd stone.
        let of_first = if state.mover() == Player::First { len.div_ceil(2) } else { len / 2 };
        let (chosen, _) = cells[..len].partial_shuffle(rng, of_first);
        let first = chosen.iter().fold(state.first, |stones, cell| stones | 1 << cell);
        Outcome::Win(if joins(problem.side, first, true) { Player::First } else { Player::Second })
    }
}

impl Notation for Hex {
    const ACTION_NOUN: &'static str = "Move";
    const STATE_NOUN: &'static str = "Board";

    fn symbols(&self) -> Symbols {
        let words = [".", "x", "o", "/", " ", "wins", "draw", "open", ","].map(String::from);
        let phrases = words.into_iter().chain(('a'..='k').map(String::from)).collect();
        Symbols { phrases, has_integers: true, largest_input: u32::from(self.side) }
    }

    fn write_state(&self, problem: &Problem, state: &Position, out: &mut String) {
        stones(problem.side, *state).write(out);
    }

    fn write_successor(&self, problem: &Problem, state: &Position, out: &mut String) {
        self.write_state(problem, state, out);
    }

    fn write_action(&self, _problem: &Problem, _state: &Position, action: &Place, out: &mut String) {
        out.push(char::from(b'a' + action.column.clamp(1, 26) - 1));
        push_integer(out, i64::from(action.row));
    }

    fn write_comparison(&self, problem: &Problem, state: &Position, out: &mut String) {
        write_outcome(self.outcome(problem, state), self.initial(problem).mover(), out);
    }

    fn language(&self, problem: Option<&Problem>) -> Language {
        let (side, position) = problem.map_or((self.side, Position::default()), |problem| (problem.side, problem.position));
        let columns: String = (b'a'..b'a' + side).map(char::from).collect();
        let cell = Pattern::sequence([Pattern::one_of(columns), Pattern::integers(1..=side.into())]);
        connect4::language(cell, &stones(side, position), problem.map(|problem| problem.position.mover()))
    }

    fn read_problem(&self, text: &str) -> Option<Problem> {
        Problem::try_from(Stones::read(text)?).ok().filter(|problem| self.validate(problem).is_ok())
    }

    fn read_action(&self, problem: &Problem, state: &Position, text: &str, _effect: Option<&str>) -> Result<Place, ActionFault> {
        let letter = text.bytes().next().filter(u8::is_ascii_lowercase).ok_or(ActionFault::Syntax)?;
        let row = read_integer(&text[1..]).ok_or(ActionFault::Syntax)?;
        let action = Place { column: letter - b'a' + 1, row: u8::try_from(row).map_err(|_| ActionFault::Unavailable)? };
        if action.column > problem.side || !(1..=problem.side).contains(&action.row) {
            return Err(ActionFault::Unavailable);
        }
        self.apply(problem, state, &action).map(|_| action).map_err(|_| ActionFault::Illegal)
    }
}

impl Hex {
    /// The board turned by half a circle, which keeps each player's edges.
    fn turned(problem: &Problem) -> Problem {
        let cells = u32::from(problem.side).pow(2);
        let turn = |stones: u128| stones.reverse_bits() >> (128 - cells);
        Problem { side: problem.side, position: Position { first: turn(problem.position.first), second: turn(problem.position.second) } }
    }
}

impl Oracle for Hex {
    fn optimal_cost(&self, problem: &Problem) -> Option<u32> {
        two_player::plies_to_win(self, problem)
    }

    fn best_play(&self, problem: &Problem, state: &Position) -> Option<f32> {
        two_player::best_play(self, problem, state)
    }
}

impl Canonical for Hex {
    /// The lesser of the position and the same turned by half a circle.
    fn canonical_key(&self, problem: &Problem) -> String {
        let text = |problem: &Problem| {
            let mut text = String::from("hex:");
            self.write_state(problem, &problem.position, &mut text);
            text
        };
        text(problem).min(text(&Self::turned(problem)))
    }

    fn facet(&self, problem: &Problem, facet: Facet) -> Option<String> {
        let text = |problem: &Problem| {
            let mut text = String::new();
            self.write_state(problem, &problem.position, &mut text);
            text
        };
        two_player::facet(self, problem, facet, problem.side.to_string(), self.symmetries(problem).iter().map(text))
    }

    fn symmetries(&self, problem: &Problem) -> Vec<Problem> {
        vec![problem.clone(), Self::turned(problem)]
    }
}

#[cfg(test)]
#[path = "hex/tests.rs"]
mod tests;
