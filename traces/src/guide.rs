//! Searches that a model guides, with the environment's types erased: what it is asked at operation level, what it answers, and what a finished
//! search teaches it.
//!
//! Every state is asked about as a problem of its own, in the words of a format, so that a policy over actions is nothing but the
//! likelihood of their texts. Departures from AlphaZero in worlds of one player: a solution that was found is certain, so the simulations
//! that a solved search did not need count for the solving action of every state on the way.

mod movers;
mod play;
mod solve;

use metacot_envs::World;
use serde::{Deserialize, Serialize};

use crate::{TraceFormat, search::guided::Evaluation, task::Solution};

pub(crate) use play::open_game;
pub use play::{Contest, Game, GameRecord, Mover, PlayPlan};
pub(crate) use solve::{follow, solve};

/// A state as a model is asked about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The state as a problem of its own.
    pub prompt: String,
    /// What the format writes between the prompt and the next action.
    pub opening: String,
    /// The legal actions with all that tells their end, in the order of the environment.
    pub actions: Vec<String>,
    /// Whether an action ends the response, as a single move of a game does.
    pub is_whole: bool,
}

/// What a model says of a state.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// How good the state is for whoever moves in it, in [0, 1].
    pub value: f32,
    /// Probability of each action; empty for uniform.
    pub priors: Vec<f32>,
}

/// A model that is asked.
pub trait Guide {
    /// One reply per question, in order.
    fn reply(&mut self, questions: &[Question]) -> Vec<Reply>;
}

/// Says nothing: uniform priors and a value of one half.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoGuide;

impl Guide for NoGuide {
    fn reply(&mut self, questions: &[Question]) -> Vec<Reply> {
        vec![Reply { value: 0.5, priors: Vec::new() }; questions.len()]
    }
}

/// What a search teaches about a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// The state.
    pub question: Question,
    /// Share of each action, summing to 1; empty where only the value is taught.
    pub shares: Vec<f32>,
    /// How good the state turned out to be for whoever moves in it, in [0, 1].
    pub value: f32,
}

/// A guided search with what it teaches.
#[derive(Clone, Debug, PartialEq)]
pub struct Guided {
    /// The search as text and its outcome.
    pub solution: Solution,
    /// What the states of it teach, the root first.
    pub targets: Vec<Target>,
    /// States that the model was asked about.
    pub questions: u64,
}

/// The question about a state; `None` where the format has no place for a next action.
pub(crate) fn question<E: World>(env: &E, format: &dyn TraceFormat<E>, problem: &E::Problem, state: &E::State) -> Option<Question> {
    let mut prompt = String::new();
    let turn = format.write_turn(env, problem, state, &mut prompt)?;
    let mut actions = Vec::new();
    env.actions(problem, state, &mut actions);
    let text = |action: &E::Action| {
        let mut text = String::new();
        env.write_action(problem, state, action, &mut text);
        text.push_str(turn.ending);
        text
    };
    Some(Question { prompt, actions: actions.iter().map(text).collect(), opening: turn.opening, is_whole: turn.is_whole })
}

/// A reply as a search takes it: for whoever the problem is posed for.
pub(crate) fn evaluation<E: World>(env: &E, problem: &E::Problem, state: &E::State, reply: Reply) -> Evaluation<E> {
    let value = if env.opponent_moves(problem, state) { 1.0 - reply.value } else { reply.value };
    Evaluation { value, priors: reply.priors, solution: None }
}
