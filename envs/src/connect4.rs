//! Connect Four on boards of 4x4 to 8x7: four stones in a line win.
//!
//! A bitboard has one spare bit above each column, so that lines are found by shifts and the next free cell of every column by one
//! addition.

use std::fmt::Write as _;

use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::{
    ActionFault, Canonical, Difficulty, Environment, Facet, Heuristic, IllegalAction, Language, Notation, Oracle, Pattern, SettingError, Status, Symbols,
    digits::{push_integer, read_integer},
    stones::Stones,
    two_player::{self, Opening, Outcome, Player, TwoPlayer, Wanted},
};

/// The sides of a board; every bit mask follows from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    width: u8,
    height: u8,
}

impl Sides {
    fn new(width: usize, height: usize) -> Option<Self> {
        ((4..=8).contains(&width) && (4..=7).contains(&height)).then_some(Self { width: width as u8, height: height as u8 })
    }

    /// Bits from one column to the next.
    fn stride(self) -> u32 {
        u32::from(self.height) + 1
    }

    /// The lowest cell of each column.
    fn bottom(self) -> u64 {
        (0..u32::from(self.width)).map(|column| 1 << (column * self.stride())).sum()
    }

    /// All cells without the spare ones.
    fn cells(self) -> u64 {
        self.bottom() * ((1 << self.height) - 1)
    }

    /// The cells of a column.
    fn column(self, column: u32) -> u64 {
        ((1 << self.height) - 1) << (column * self.stride())
    }

    /// Whether a set of stones has four in a line.
    #[inline(always)]
    fn has_line(self, stones: u64) -> bool {
        let stride = self.stride();
        let line = |step: u32| {
            let pairs = stones & stones >> step;
            pairs & pairs >> (2 * step)
        };
        line(1) | line(stride) | line(stride - 1) | line(stride + 1) != 0
    }

    /// The bit of column `x` and row `y` from the top.
    fn bit(self, x: usize, y: usize) -> u64 {
        1 << (x as u32 * self.stride() + u32::from(self.height) - 1 - y as u32)
    }
}

/// The stones of both players.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    first: u64,
    second: u64,
}

impl Position {
    fn mask(self) -> u64 {
        self.first | self.second
    }

    fn mover(self) -> Player {
        Player::after(self.mask().count_ones())
    }

    fn with(self, bit: u64) -> Self {
        match self.mover() {
            Player::First => Self { first: self.first | bit, ..self },
            Player::Second => Self { second: self.second | bit, ..self },
        }
    }
}

/// A position with stones on the ground: `{"rows":["…","..xo..."]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stones", into = "Stones")]
pub struct Problem {
    sides: Sides,
    position: Position,
}

impl TryFrom<Stones> for Problem {
    type Error = String;

    fn try_from(stones: Stones) -> Result<Self, String> {
        let (width, height) = stones.sides();
        let sides = Sides::new(width, height).ok_or_else(|| format!("a board of {width}x{height} is not allowed; expected 4x4 to 8x7"))?;
        if !stones.is_alternating() {
            return Err(format!("{:?} stones do not come from moves in turn", stones.counts()));
        }
        let mut position = Position::default();
        for (x, y) in (0..height).flat_map(|y| (0..width).map(move |x| (x, y))) {
            match stones.get(x, y) {
                Some(_) if y + 1 < height && stones.get(x, y + 1).is_none() => return Err(format!("the stone in column {} hangs in the air", x + 1)),
                Some(Player::First) => position.first |= sides.bit(x, y),
                Some(Player::Second) => position.second |= sides.bit(x, y),
                None => {}
            }
        }
        if sides.has_line(position.first) && sides.has_line(position.second) {
            return Err("both players have four in a line".into());
        }
        Ok(Self { sides, position })
    }
}

impl From<Problem> for Stones {
    fn from(problem: Problem) -> Self {
        stones(problem.sides, problem.position)
    }
}

fn stones(sides: Sides, position: Position) -> Stones {
    let cell = |x, y| match sides.bit(x, y) {
        bit if position.first & bit != 0 => Some(Player::First),
        bit if position.second & bit != 0 => Some(Player::Second),
        _ => None,
    };
    Stones::new(usize::from(sides.width), usize::from(sides.height), cell)
}

/// Drops a stone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Drop {
    /// The column, from 1.
    pub column: u8,
}

/// The game; made by [`Environment::configure`].
///
/// The size is `WIDTHxHEIGHT`, 4x4 to 8x7 (5x4). Settings: `opening` (random moves that are already played; so many that 11 or 12 are left),
/// `outcome` (under best play, for the player to move: `win`, `draw`, `any`; `win`), `within` (most plies to a forced win). Unless the outcome
/// is `any`, at least one move gives it away. Positions with more than 16 free cells have no exact answer: they can be played, not posed.
#[derive(Clone, Debug)]
pub struct Connect4 {
    sides: Sides,
    opening: Opening,
    wanted: Wanted,
}

impl Environment for Connect4 {
    type Problem = Problem;
    type State = Position;
    type Action = Drop;

    const NAME: &'static str = "connect4";
    const HAS_OPPONENT: bool = true;

    fn configure(difficulty: &Difficulty) -> Result<Self, SettingError> {
        difficulty.settings.only(&[&Wanted::SETTINGS[..], &["opening"]].concat())?;
        let size = difficulty.size.as_deref().unwrap_or("5x4");
        let sides = size.split_once('x').and_then(|(width, height)| Sides::new(width.parse().ok()?, height.parse().ok()?));
        let sides = sides.ok_or_else(|| SettingError::Value { name: "size".into(), value: size.into(), expected: "4x4 to 8x7 such as `7x6`".into() })?;
        let opening = Opening::read(&difficulty.settings, sides.cells().count_ones() as usize)?;
        Ok(Self { sides, opening, wanted: Wanted::read(&difficulty.settings, &["win", "draw", "any"])? })
    }

    /// Takes positions that have an exact answer.
    fn validate(&self, problem: &Problem) -> Result<(), String> {
        two_player::validate(self, problem)
    }

    /// The empty board after random moves: the first such position that is wanted, else an empty board.
    fn generate(&self, rng: &mut ChaCha8Rng) -> Problem {
        let empty = Problem { sides: self.sides, position: Position::default() };
        let mut moves = Vec::new();
        self.opening.draw(&empty, rng, |problem, num_moves, rng| {
            for _ in 0..num_moves {
                moves.clear();
                self.actions(problem, &problem.position, &mut moves);
                if !moves.is_empty() {
                    let chosen = moves[rng.random_range(0..moves.len())];
                    problem.position = self.apply(problem, &problem.position, &chosen).expect("listed actions are legal");
                }
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

    fn is_answer(&self, problem: &Problem, plan: &[Drop], _end: &Position) -> bool {
        two_player::is_answer(self, problem, plan)
    }

    fn opponent_moves(&self, problem: &Problem, state: &Position) -> bool {
        self.to_move(problem, state) != self.to_move(problem, &self.initial(problem))
    }

    fn actions(&self, problem: &Problem, state: &Position, out: &mut Vec<Drop>) {
        if self.outcome(problem, state).is_none() {
            let free = |column: &u32| state.mask() & problem.sides.column(*column) != problem.sides.column(*column);
            out.extend((0..u32::from(problem.sides.width)).filter(free).map(|column| Drop { column: column as u8 + 1 }));
        }
    }

    fn apply(&self, problem: &Problem, state: &Position, action: &Drop) -> Result<Position, IllegalAction> {
        let sides = problem.sides;
        let column = u32::from(action.column).wrapping_sub(1);
        if column >= u32::from(sides.width) || self.outcome(problem, state).is_some() {
            return Err(IllegalAction::new(format!("column {} cannot be played", action.column)));
        }
        let bit = (state.mask() + sides.bottom()) & sides.column(column);
        if bit == 0 { Err(IllegalAction::new(format!("column {} is full", action.column))) } else { Ok(state.with(bit)) }
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

impl TwoPlayer for Connect4 {
    const MAX_EXACT_MOVES: u32 = 16;

    fn moves_left(&self, problem: &Problem, state: &Position) -> u32 {
        (problem.sides.cells() & !state.mask()).count_ones()
    }

    fn to_move(&self, _problem: &Problem, state: &Position) -> Player {
        state.mover()
    }

    fn outcome(&self, problem: &Problem, state: &Position) -> Option<Outcome> {
        let sides = problem.sides;
        if sides.has_line(state.first) {
            Some(Outcome::Win(Player::First))
        } else if sides.has_line(state.second) {
            Some(Outcome::Win(Player::Second))
        } else {
            (state.mask() == sides.cells()).then_some(Outcome::Draw)
        }
    }

    /// Columns are drawn until one is free. One 64-bit word of randomness serves eight draws: the high half of its product with the width
    /// chooses, the low half is what is left of the word. The bias is below 2^-40.
    fn rollout<R: Rng>(&self, problem: &Problem, state: &Position, rng: &mut R) -> Outcome {
        let sides = problem.sides;
        if let Some(outcome) = self.outcome(problem, state) {
            return outcome;
        }
        let (bottom, cells, mut mask, mut mover) = (sides.bottom(), sides.cells(), state.mask(), state.mover());
        let column = sides.column(0);
        let mut own = if mover == Player::First { state.first } else { state.second };
        loop {
            let mut word = rng.next_u64();
            for _ in 0..8 {
                let product = u128::from(word) * u128::from(sides.width);
                word = product as u64;
                let bit = (mask + bottom) & (column << ((product >> 64) as u32 * sides.stride()));
                if bit == 0 {
                    if mask == cells {
                        return Outcome::Draw;
                    }
                    continue;
                }
                own |= bit;
                mask |= bit;
                if sides.has_line(own) {
                    return Outcome::Win(mover);
                }
                own ^= mask;
                mover = mover.other();
            }
        }
    }
}

impl Notation for Connect4 {
    const ACTION_NOUN: &'static str = "Move";
    const STATE_NOUN: &'static str = "Board";

    fn symbols(&self) -> Symbols {
        let phrases = [".", "x", "o", "/", " ", "drop", "wins", "draw", "open", ","].map(String::from).to_vec();
        Symbols { phrases, has_integers: true, largest_input: u32::from(self.sides.width) }
    }

    fn write_state(&self, problem: &Problem, state: &Position, out: &mut String) {
        stones(problem.sides, *state).write(out);
    }

    fn write_successor(&self, problem: &Problem, state: &Position, out: &mut String) {
        self.write_state(problem, state, out);
    }

    fn write_action(&self, _problem: &Problem, _state: &Position, action: &Drop, out: &mut String) {
        out.push_str("drop ");
        push_integer(out, i64::from(action.column));
    }

    fn write_comparison(&self, problem: &Problem, state: &Position, out: &mut String) {
        write_outcome(self.outcome(problem, state), self.initial(problem).mover(), out);
    }

    fn language(&self, problem: Option<&Problem>) -> Language {
        let (sides, position) = problem.map_or((self.sides, Position::default()), |problem| (problem.sides, problem.position));
        let column = Pattern::integers(1..=sides.width.into());
        language(Pattern::line(&["drop ", ""], [column]), &stones(sides, position), problem.map(|problem| problem.position.mover()))
    }

    fn read_problem(&self, text: &str) -> Option<Problem> {
        Problem::try_from(Stones::read(text)?).ok().filter(|problem| self.validate(problem).is_ok())
    }

    fn read_action(&self, problem: &Problem, state: &Position, text: &str, _effect: Option<&str>) -> Result<Drop, ActionFault> {
        let column = text.strip_prefix("drop ").and_then(read_integer).ok_or(ActionFault::Syntax)?;
        let column = u8::try_from(column).ok().filter(|column| (1..=problem.sides.width).contains(column)).ok_or(ActionFault::Unavailable)?;
        let action = Drop { column };
        self.apply(problem, state, &action).map(|_| action).map_err(|_| ActionFault::Illegal)
    }
}

fn name(player: Player) -> char {
    if player == Player::First { 'x' } else { 'o' }
}

/// The language of a board game that is posed for `wanted`, or for either player: stones stay where they are.
pub(crate) fn language(action: Pattern, board: &Stones, wanted: Option<Player>) -> Language {
    let board = board.pattern();
    let outcome = Pattern::choice(["x wins", "o wins", "draw", "open"].map(Pattern::text));
    let wanted = Pattern::one_of(wanted.map_or_else(|| "xo".to_owned(), |player| name(player).to_string()));
    let comparison = Pattern::line(&["", ",", ""], [outcome, wanted]);
    Language { action, state: board.clone(), successor: board.clone(), place: board, comparison }
}

/// Appends how a game ended and who should have won: `x wins,x`.
pub(crate) fn write_outcome(outcome: Option<Outcome>, wanted: Player, out: &mut String) {
    let _ = match outcome {
        Some(Outcome::Win(player)) => write!(out, "{} wins,{}", name(player), name(wanted)),
        Some(Outcome::Draw) => write!(out, "draw,{}", name(wanted)),
        None => write!(out, "open,{}", name(wanted)),
    };
}

impl Connect4 {
    fn mirrored(problem: &Problem) -> Problem {
        let Sides { width, height } = problem.sides;
        let board = stones(problem.sides, problem.position);
        let mirrored = Stones::new(usize::from(width), usize::from(height), |x, y| board.get(usize::from(width) - 1 - x, y));
        Problem::try_from(mirrored).expect("a mirror keeps a position whole")
    }
}

impl Oracle for Connect4 {
    fn optimal_cost(&self, problem: &Problem) -> Option<u32> {
        two_player::plies_to_win(self, problem)
    }

    fn best_play(&self, problem: &Problem, state: &Position) -> Option<f32> {
        two_player::best_play(self, problem, state)
    }
}

impl Canonical for Connect4 {
    /// The lesser of the position and its mirror image.
    fn canonical_key(&self, problem: &Problem) -> String {
        let text = |problem: &Problem| {
            let mut text = String::from("connect4:");
            self.write_state(problem, &problem.position, &mut text);
            text
        };
        text(problem).min(text(&Self::mirrored(problem)))
    }

    fn facet(&self, problem: &Problem, facet: Facet) -> Option<String> {
        let text = |problem: &Problem| {
            let mut text = String::new();
            self.write_state(problem, &problem.position, &mut text);
            text
        };
        two_player::facet(self, problem, facet, format!("{}x{}", problem.sides.width, problem.sides.height), self.symmetries(problem).iter().map(text))
    }

    fn symmetries(&self, problem: &Problem) -> Vec<Problem> {
        vec![problem.clone(), Self::mirrored(problem)]
    }
}

#[cfg(test)]
#[path = "connect4/tests.rs"]
mod tests;
