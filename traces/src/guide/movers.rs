//! How moves are chosen: by chance, by plain search, by the model with and without a search, and by best play.

use metacot_envs::{
    Settings, World,
    two_player::{Solver, TwoPlayer},
};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::{
    Guide, Mover, Question, Reply, evaluation,
    play::{Typed, usage},
    question,
    solve::shares,
};
use crate::{
    Budget, Recorder, TraceFormat,
    corpus::CorpusError,
    search::{
        guided::{self, Evaluation, Policy, Request, Site, Task, lockstep},
        mcts::Mcts,
    },
};

/// Positions that the exact player may look at.
const EXACT_POSITIONS: usize = 4_000_000;

/// A move with what was known when it was chosen.
pub(super) struct Decision<G: TwoPlayer> {
    pub action: G::Action,
    pub shares: Vec<f32>,
}

impl<G: TwoPlayer + World> Typed<G> {
    /// A move for each position; position `i` draws from `rngs[i]`.
    pub(super) fn decide(
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

    pub(super) fn question(&self, problem: &G::Problem) -> Question {
        question(&self.env, self.format.as_ref(), problem, &self.env.initial(problem)).expect("the format was tried when the game was opened")
    }

    /// The first move that keeps the value under best play; the first of all where that is out of reach.
    fn best(&self, problem: &G::Problem, legal: &[G::Action]) -> G::Action {
        let right = self.right_moves(problem, legal);
        legal.iter().zip(right).find(|(_, is_right)| *is_right).map_or_else(|| legal[0].clone(), |(action, _)| action.clone())
    }

    /// Whether each move keeps the value under best play.
    pub(super) fn right_moves(&self, problem: &G::Problem, legal: &[G::Action]) -> Vec<bool> {
        let (env, state) = (&self.env, self.env.initial(problem));
        let mut solver = Solver::new(env, problem, EXACT_POSITIONS);
        let outcome = solver.outcome(&state);
        let mut keeps = |action: &G::Action| env.apply(problem, &state, action).is_ok_and(|next| outcome.is_some() && solver.outcome(&next) == outcome);
        legal.iter().map(&mut keeps).collect()
    }
}

/// The settings of an MCTS with PUCT and so many simulations.
fn searched(settings: &Settings, simulations: u32) -> Settings {
    let mut settings = settings.clone();
    settings.insert("simulations", simulations.to_string());
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
