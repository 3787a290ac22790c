//! Games that a model plays: against itself, to learn (AlphaZero, 1712.01815), and against others, to be measured.
//!
//! Each move is a search of its own from the position, which is asked about as a problem posed for whoever moves. Many games are played in
//! lockstep, so that one call of the model serves them all; a game draws from its own streams.

use metacot_envs::{
    SeedTree, SettingError, Settings, World,
    registry::{self, GameVisitor},
    two_player::{Outcome, Solver, TwoPlayer},
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Guide, Question, Reply, Target, evaluation, question, solve::shares};
use crate::{
    Budget, Recorder, TraceFormat,
    corpus::CorpusError,
    format,
    generate::{Maker, Spec},
    search::{
        guided::{self, Evaluation, Policy, Request, Site, Task, lockstep},
        mcts::Mcts,
    },
};

/// Positions that the exact player may look at.
const EXACT_POSITIONS: usize = 4_000_000;

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

fn usage(error: SettingError) -> CorpusError {
    CorpusError::Usage(error.to_string())
}

struct Typed<G: TwoPlayer + World> {
    env: G,
    format: Box<dyn TraceFormat<G>>,
    maker: Maker<G>,
}

/// A move with what was known when it was chosen.
struct Decision<G: TwoPlayer> {
    action: G::Action,
    shares: Vec<f32>,
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

    /// A move for each position; position `i` draws from `rngs[i]`.
    fn decide(
        &self,
        mover: &Mover,
        settings: &Settings,
        positions: &[G::Problem],
        rngs: &mut [ChaCha8Rng],
        guide: &mut dyn Guide,
    ) -> Result<Vec<Decision<G>>, CorpusError> {
        let env = &self.env;
        let legal = |problem: &G::Problem| {
            let mut actions = Vec::new();
            env.actions(problem, &env.initial(problem), &mut actions);
            actions
        };
        let plain = |action: G::Action| Decision { action, shares: Vec::new() };
        match mover {
            Mover::Random => Ok(positions
                .iter()
                .zip(rngs)
                .map(|(problem, rng)| {
                    let mut actions = legal(problem);
                    plain(actions.swap_remove(rng.random_range(0..actions.len())))
                })
                .collect()),
            Mover::Policy => {
                let asked: Vec<Question> = positions.iter().map(|problem| self.question(problem)).collect();
                let best = |(problem, reply): (&G::Problem, Reply)| {
                    let best = (0..reply.priors.len()).rev().max_by(|a, b| reply.priors[*a].total_cmp(&reply.priors[*b])).unwrap_or(0);
                    plain(legal(problem).swap_remove(best))
                };
                Ok(positions.iter().zip(guide.reply(&asked)).map(best).collect())
            }
            Mover::Exact => Ok(positions.iter().map(|problem| plain(self.best(problem, &legal(problem)))).collect()),
            Mover::Search(simulations) => {
                let mcts = Mcts::configure_game(&searched(&Settings::default(), *simulations)).map_err(usage)?;
                let choose = |(problem, rng): (&G::Problem, &mut ChaCha8Rng)| {
                    let (mut machine, mut recorder) = (mcts.machine::<G>(), Recorder::without_events());
                    guided::play(&mut machine, 1, &mut Site { env, problem, budget: Budget::default(), rng, recorder: &mut recorder });
                    most_visited(machine.root_visits())
                };
                Ok(positions.iter().zip(rngs).map(choose).collect())
            }
            Mover::Guided(simulations) => {
                let mcts = Mcts::configure_game(&searched(settings, *simulations)).map_err(usage)?;
                let task = |(problem, rng): (&G::Problem, &ChaCha8Rng)| Task {
                    problem: problem.clone(),
                    machine: Box::new(mcts.machine::<G>()),
                    budget: Budget::default(),
                    rng: rng.clone(),
                    recorder: Recorder::without_events(),
                };
                let mut tasks: Vec<_> = positions.iter().zip(rngs.iter()).map(task).collect();
                lockstep(env, &mut tasks, &mut Model { format: self.format.as_ref(), guide });
                Ok(tasks.iter().map(|task| most_visited(task.machine.root_visits())).collect())
            }
        }
    }

    fn question(&self, problem: &G::Problem) -> Question {
        question(&self.env, self.format.as_ref(), problem, &self.env.initial(problem)).expect("the format was tried when the game was opened")
    }

    /// The first move that keeps the value under best play; the first of all where that is out of reach.
    fn best(&self, problem: &G::Problem, legal: &[G::Action]) -> G::Action {
        let right = self.right_moves(problem, legal);
        legal.iter().zip(right).find(|(_, is_right)| *is_right).map_or_else(|| legal[0].clone(), |(action, _)| action.clone())
    }

    /// Whether each move keeps the value under best play.
    fn right_moves(&self, problem: &G::Problem, legal: &[G::Action]) -> Vec<bool> {
        let (env, state) = (&self.env, self.env.initial(problem));
        let mut solver = Solver::new(env, problem, EXACT_POSITIONS);
        let outcome = solver.outcome(&state);
        let mut keeps = |action: &G::Action| env.apply(problem, &state, action).is_ok_and(|next| outcome.is_some() && solver.outcome(&next) == outcome);
        legal.iter().map(&mut keeps).collect()
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

/// The settings of an MCTS with PUCT and so many simulations.
fn searched(settings: &Settings, simulations: u32) -> Settings {
    let mut settings = settings.clone();
    settings.insert("simulations", &simulations.to_string());
    settings
}

/// The most visited move, the first of equals; shares are in the order of the root's children.
fn most_visited<G: TwoPlayer>(visits: Vec<(G::Action, u32)>) -> Decision<G> {
    let best = (0..visits.len()).rev().max_by_key(|&index| visits[index].1).expect("a position that goes on has moves");
    Decision { action: visits[best].0.clone(), shares: shares(visits.iter().map(|(_, count)| *count)) }
}

struct Model<'a, G: TwoPlayer + World> {
    format: &'a dyn TraceFormat<G>,
    guide: &'a mut dyn Guide,
}

impl<G: TwoPlayer + World> Policy<G> for Model<'_, G> {
    fn evaluate(&mut self, env: &G, requests: &[Request<'_, G>], answers: &mut Vec<Evaluation<G>>) {
        let state = |request: &Request<'_, G>| request.trace.node(request.node).state.clone();
        let asked =
            |request: &Request<'_, G>| question(env, self.format, request.problem, &state(request)).expect("the format was tried when the game was opened");
        let questions: Vec<Question> = requests.iter().map(asked).collect();
        let replies = self.guide.reply(&questions);
        answers.extend(requests.iter().zip(replies).map(|(request, reply)| evaluation(env, request.problem, &state(request), reply)));
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
