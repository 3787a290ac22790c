//! Games that a model plays: against itself, to learn (AlphaZero, 1712.01815), and against others, to be measured.
//!
//! Each move is a search of its own from the position, which is asked about as a problem posed for whoever moves. Many games are played in
//! lockstep, so that one call of the model serves them all; a game draws from its own streams.

use metacot_envs::{
    SeedTree, SettingError, Settings, World,
    registry::{self, GameVisitor},
    two_player::{Outcome, TwoPlayer},
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Guide, Question, Target, movers::Decision, question};
use crate::{
    TraceFormat,
    corpus::CorpusError,
    format,
    generate::{Maker, Spec},
};

/// Who chooses moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mover {
    /// Any legal move.
    Random,
    /// A plain MCTS with so many simulations, leaves valued by one random game each.
    Search(u32),
    /// The likeliest move of the model, without a search.
    Policy,
    /// An MCTS with so many simulations, guided by policy and value of the model.
    Guided(u32),
    /// Best play.
    Exact,
}

/// How games are played to learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct PlayPlan {
    /// Settings of the MCTS, as `mcts` takes them; leaves are valued by the model.
    pub settings: Settings,
    /// Moves at the start of a game that are drawn by visits; later ones are the most visited.
    pub drawn_moves: u32,
}

/// A finished game.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GameRecord {
    /// What each position teaches, in order of play: visits, and how the game ended for whoever moved.
    pub targets: Vec<Target>,
    /// 1, one half or 0 for whoever moved first.
    pub score: f32,
}

/// Games between two movers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contest {
    /// Games that the first mover won.
    pub won: u32,
    /// Games that nobody won.
    pub drawn: u32,
    /// Games that it lost.
    pub lost: u32,
}

/// A game with its types erased; made by [`open`](crate::task::open_game).
pub trait Game: Send + Sync {
    /// Plays games number `games` against itself, from the positions of the spec.
    ///
    /// # Errors
    /// A setting is not allowed, or the split is empty.
    fn learn(&self, plan: &PlayPlan, games: std::ops::Range<u64>, seeds: &SeedTree, guide: &mut dyn Guide) -> Result<Vec<GameRecord>, CorpusError>;

    /// Plays every position of `games` twice, once with each mover beginning, and counts for the first mover.
    ///
    /// # Errors
    /// The split is empty.
    fn contest(&self, movers: [&Mover; 2], positions: std::ops::Range<u64>, seeds: &SeedTree, guide: &mut dyn Guide) -> Result<Contest, CorpusError>;

    /// For each of some positions in which a move can be wrong: whether the mover keeps the value under best play.
    ///
    /// # Errors
    /// The split is empty.
    fn exactness(&self, mover: &Mover, positions: std::ops::Range<u64>, seeds: &SeedTree, guide: &mut dyn Guide) -> Result<Vec<bool>, CorpusError>;
}

/// Opens the game of a spec.
pub(crate) fn open_game(spec: &Spec) -> Result<Box<dyn Game>, CorpusError> {
    registry::visit_game(&spec.env, Open { spec }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

struct Open<'a> {
    spec: &'a Spec,
}

impl GameVisitor for Open<'_> {
    type Output = Result<Box<dyn Game>, CorpusError>;
    fn visit<G: TwoPlayer + World>(self) -> Self::Output {
        let env = G::configure(&self.spec.difficulty).map_err(usage)?;
        let format = format::build::<G>(&self.spec.format, &self.spec.format_settings).map_err(usage)?;
        let maker = Maker::<G>::new(self.spec)?;
        let (problem, _) = maker.problem(0)?;
        if question(&env, format.as_ref(), &problem, &env.initial(&problem)).is_none() {
            return Err(CorpusError::Usage(format!(
                "format {} has no place for a next move; expected one that names a move before its effects",
                self.spec.format
            )));
        }
        Ok(Box::new(Typed { env, format, maker }))
    }
}

pub(super) fn usage(error: SettingError) -> CorpusError {
    CorpusError::Usage(error.to_string())
}

pub(super) struct Typed<G: TwoPlayer + World> {
    pub env: G,
    pub format: Box<dyn TraceFormat<G>>,
    maker: Maker<G>,
}

/// A game under way.
struct Play<G: TwoPlayer> {
    problem: G::Problem,
    /// Whether the first mover moves in even plies.
    begins: bool,
    ply: u32,
    /// Positions and shares so far.
    seen: Vec<(Question, Vec<f32>)>,
    streams: SeedTree,
    outcome: Option<Outcome>,
}

impl<G: TwoPlayer + World> Typed<G> {
    /// The position after a move as a problem of its own.
    fn after(&self, problem: &G::Problem, action: &G::Action) -> Result<G::Problem, Outcome> {
        let state = self.env.apply(problem, &self.env.initial(problem), action).expect("movers choose legal moves");
        if let Some(outcome) = self.env.outcome(problem, &state) {
            return Err(outcome);
        }
        let mut text = String::new();
        self.env.write_state(problem, &state, &mut text);
        Ok(self.env.read_problem(&text).expect("a position that goes on reads back, and has fewer moves left than the one before"))
    }

    /// Plays games to their ends; mover `m` is `movers[m]`.
    fn play_out(&self, plays: &mut [Play<G>], movers: [&Mover; 2], plan: &PlayPlan, guide: &mut dyn Guide) -> Result<(), CorpusError> {
        loop {
            let mut is_over = true;
            for (index, mover) in movers.into_iter().enumerate() {
                let has_turn = |play: &Play<G>| play.outcome.is_none() && (play.ply.is_multiple_of(2) == play.begins) == (index == 0);
                let turns: Vec<usize> = (0..plays.len()).filter(|&at| has_turn(&plays[at])).collect();
                if turns.is_empty() {
                    continue;
                }
                is_over = false;
                let positions: Vec<G::Problem> = turns.iter().map(|&at| plays[at].problem.clone()).collect();
                let mut rngs: Vec<ChaCha8Rng> = turns.iter().map(|&at| plays[at].streams.stream(u64::from(plays[at].ply))).collect();
                let decisions = self.decide(mover, &plan.settings, &positions, &mut rngs, guide)?;
                for (&at, decision) in turns.iter().zip(decisions) {
                    self.advance(&mut plays[at], decision, plan);
                }
            }
            if is_over {
                return Ok(());
            }
        }
    }

    fn advance(&self, play: &mut Play<G>, decision: Decision<G>, plan: &PlayPlan) {
        let mut action = decision.action;
        if !decision.shares.is_empty() {
            play.seen.push((self.question(&play.problem), decision.shares.clone()));
            if play.ply < plan.drawn_moves {
                let mut actions = Vec::new();
                self.env.actions(&play.problem, &self.env.initial(&play.problem), &mut actions);
                let mut point: f32 = play.streams.child("draw").stream(u64::from(play.ply)).random();
                let drawn = decision.shares.iter().position(|share| {
                    point -= share;
                    point < 0.0
                });
                action = drawn.map_or(action, |drawn| actions.swap_remove(drawn));
            }
        }
        play.ply += 1;
        match self.after(&play.problem, &action) {
            Ok(next) => play.problem = next,
            Err(outcome) => play.outcome = Some(outcome),
        }
    }
}

impl<G: TwoPlayer + World> Game for Typed<G> {
    fn learn(&self, plan: &PlayPlan, games: std::ops::Range<u64>, seeds: &SeedTree, guide: &mut dyn Guide) -> Result<Vec<GameRecord>, CorpusError> {
        let play = |game: u64| {
            let (problem, _) = self.maker.problem(game)?;
            Ok(Play { problem, begins: true, ply: 0, seen: Vec::new(), streams: seeds.index(game), outcome: None })
        };
        let mut plays = games.map(play).collect::<Result<Vec<Play<G>>, CorpusError>>()?;
        let first: Vec<_> = plays.iter().map(|play| self.env.to_move(&play.problem, &self.env.initial(&play.problem))).collect();
        let simulations = plan.settings.number("simulations", 1..=u32::MAX, 64).map_err(usage)?;
        let mover = Mover::Guided(simulations);
        self.play_out(&mut plays, [&mover, &mover], plan, guide)?;
        let record = |(play, first): (Play<G>, metacot_envs::two_player::Player)| {
            let score = 0.5 + 0.5 * play.outcome.map_or(0, |outcome| outcome.value(first)) as f32;
            let value = |ply: usize| if ply.is_multiple_of(2) { score } else { 1.0 - score };
            let targets = play.seen.into_iter().enumerate().map(|(ply, (question, shares))| Target { question, shares, value: value(ply) });
            GameRecord { targets: targets.collect(), score }
        };
        Ok(plays.into_iter().zip(first).map(record).collect())
    }

    fn contest(&self, movers: [&Mover; 2], positions: std::ops::Range<u64>, seeds: &SeedTree, guide: &mut dyn Guide) -> Result<Contest, CorpusError> {
        let mut plays = Vec::new();
        for position in positions {
            let (problem, _) = self.maker.problem(position)?;
            for begins in [true, false] {
                let streams = seeds.index(position).index(u64::from(begins));
                plays.push(Play { problem: problem.clone(), begins, ply: 0, seen: Vec::new(), streams, outcome: None });
            }
        }
        let first: Vec<_> = plays.iter().map(|play: &Play<G>| self.env.to_move(&play.problem, &self.env.initial(&play.problem))).collect();
        let plan = PlayPlan { settings: puct(), drawn_moves: 0 };
        self.play_out(&mut plays, movers, &plan, guide)?;
        let mut contest = Contest::default();
        for (play, first) in plays.iter().zip(first) {
            let player = if play.begins { first } else { first.other() };
            match play.outcome.map_or(0, |outcome| outcome.value(player)) {
                1 => contest.won += 1,
                0 => contest.drawn += 1,
                _ => contest.lost += 1,
            }
        }
        Ok(contest)
    }

    fn exactness(&self, mover: &Mover, positions: std::ops::Range<u64>, seeds: &SeedTree, guide: &mut dyn Guide) -> Result<Vec<bool>, CorpusError> {
        let (mut problems, mut right, mut rngs) = (Vec::new(), Vec::new(), Vec::new());
        for position in positions {
            let (problem, _) = self.maker.problem(position)?;
            let mut legal = Vec::new();
            self.env.actions(&problem, &self.env.initial(&problem), &mut legal);
            let keeps = self.right_moves(&problem, &legal);
            if keeps.contains(&true) && keeps.contains(&false) {
                right.push(legal.into_iter().zip(keeps).filter(|(_, keeps)| *keeps).map(|(action, _)| action).collect::<Vec<_>>());
                problems.push(problem);
                rngs.push(seeds.stream(position));
            }
        }
        let decisions = self.decide(mover, &puct(), &problems, &mut rngs, guide)?;
        Ok(decisions.iter().zip(right).map(|(decision, right)| right.contains(&decision.action)).collect())
    }
}

/// Searches that are measured draw nothing.
fn puct() -> Settings {
    let mut settings = Settings::default();
    settings.insert("selection", "puct");
    settings
}
