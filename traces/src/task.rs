//! One task as the learning half sees it: problems as text, verdicts of responses, floors and symbolic searches, the environment's types erased.
//!
//! Everything that trains, samples or reports goes through this small interface, so it is compiled once, not once per environment.

use metacot_envs::{
    Settings, Verdict, World, oracle,
    registry::{self, EnvironmentVisitor},
};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::{
    Automaton, Budget, DefectKind, Recorder, StopReason, TraceFormat, audit,
    corpus::CorpusError,
    format,
    generate::{Maker, Spec, plan_texts},
    search,
};

type Result<T> = std::result::Result<T, CorpusError>;

/// A problem as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// Its JSON, in the environment's own shape.
    pub json: serde_json::Value,
    /// What a model is given.
    pub prompt: String,
    /// Its identity up to symmetry.
    pub canonical_key: String,
}

/// What is true of a response.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judged {
    /// The claimed plan solves the problem.
    pub is_correct: bool,
    /// Every statement of the response reads as the format.
    pub is_format_ok: bool,
    /// Every statement of the response is true; implies that it is complete.
    pub is_valid: bool,
    /// Cost of the claimed plan, where it solves the problem.
    pub cost: Option<u32>,
    /// The kinds of false statements, in order.
    pub defects: Vec<DefectKind>,
}

/// A symbolic search as text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Solution {
    /// Prompt and response; empty where the format cannot show the trace.
    pub text: String,
    /// The actions of the plan as the environment writes them.
    pub plan: Option<Vec<String>>,
    /// Cost of the plan.
    pub cost: Option<u32>,
    /// Why the search stopped.
    pub stop: StopReason,
    /// Nodes expanded.
    pub expanded: u64,
    /// Nodes generated, the root included.
    pub generated: u64,
    /// Length in bytes of the prompt at the start of `text`.
    #[serde(skip)]
    pub prompt_len: usize,
}

/// A task with its types erased; made by [`open`].
pub trait Task: Send + Sync {
    /// Fixed pieces of text of prompts and responses, and the largest input number.
    fn vocabulary(&self) -> (Vec<String>, u32);

    /// Problem number `id` of the spec's split.
    ///
    /// # Errors
    /// The split is empty at this difficulty.
    fn draw(&self, id: u64) -> Result<Problem>;

    /// A problem from its JSON.
    ///
    /// # Errors
    /// It is no problem of this environment.
    fn problem(&self, json: &serde_json::Value) -> Result<Problem>;

    /// The machine that reads the format's responses; `None` where the format has not said what its responses look like.
    fn automaton(&self) -> Option<Automaton>;

    /// Audits the continuation of a problem's prompt.
    fn judge(&self, problem: &Problem, response: &str) -> Judged;

    /// The exact probability that random legal play of at most `depth` actions solves the problem.
    fn random_value(&self, problem: &Problem, depth: u32) -> f64;

    /// Whether always taking the child with the smallest default heuristic solves the problem within `depth` actions.
    fn greedy_solves(&self, problem: &Problem, depth: u32) -> bool;

    /// A problem from a line of text: JSON, or the format's own prompt.
    ///
    /// # Errors
    /// It is neither, or no problem of this environment.
    fn read_problem(&self, line: &str) -> Result<Problem>;

    /// Runs a symbolic search that draws from `rng`.
    ///
    /// # Errors
    /// The name or a setting is not allowed.
    fn search(&self, name: &str, settings: &Settings, problem: &Problem, budget: Budget, rng: &mut ChaCha8Rng) -> Result<Solution>;
}

/// Opens the task of a spec.
///
/// # Errors
/// A name or setting that is not allowed.
pub fn open(spec: &Spec) -> Result<Box<dyn Task>> {
    registry::visit(&spec.env, Open { spec }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

struct Open<'a> {
    spec: &'a Spec,
}

impl EnvironmentVisitor for Open<'_> {
    type Output = Result<Box<dyn Task>>;
    fn visit<E: World>(self) -> Self::Output {
        let usage = |error: metacot_envs::SettingError| CorpusError::Usage(error.to_string());
        let env = E::configure(&self.spec.difficulty).map_err(usage)?;
        let format = format::build::<E>(&self.spec.format, &self.spec.format_settings).map_err(usage)?;
        Ok(Box::new(Typed { maker: Maker::<E>::new(self.spec)?, env, format }))
    }
}

struct Typed<E: World> {
    env: E,
    format: Box<dyn TraceFormat<E>>,
    maker: Maker<E>,
}

impl<E: World> Typed<E> {
    fn typed(&self, json: &serde_json::Value) -> Result<E::Problem> {
        let problem: E::Problem = serde_json::from_value(json.clone()).map_err(|error| CorpusError::Usage(format!("problem {json}: {error}")))?;
        self.env.validate(&problem).map_err(|reason| CorpusError::Usage(format!("problem {json}: {reason}")))?;
        Ok(problem)
    }

    /// The typed form of a problem that this task made.
    fn known(&self, problem: &Problem) -> E::Problem {
        serde_json::from_value(problem.json.clone()).expect("a task's own problem reads back")
    }

    fn erased(&self, problem: &E::Problem) -> Problem {
        let mut prompt = String::new();
        self.format.write_prompt(&self.env, problem, &mut prompt);
        let json = serde_json::to_value(problem).expect("problems are plain data");
        Problem { json, prompt, canonical_key: self.env.canonical_key(problem) }
    }
}

impl<E: World> Task for Typed<E> {
    fn vocabulary(&self) -> (Vec<String>, u32) {
        let symbols = self.env.symbols();
        let mut phrases = self.format.phrases();
        phrases.extend(symbols.phrases);
        (phrases, if symbols.has_integers { symbols.largest_input } else { 0 })
    }

    fn draw(&self, id: u64) -> Result<Problem> {
        let (problem, _) = self.maker.problem(id)?;
        Ok(self.erased(&problem))
    }

    fn problem(&self, json: &serde_json::Value) -> Result<Problem> {
        Ok(self.erased(&self.typed(json)?))
    }

    fn automaton(&self) -> Option<Automaton> {
        self.format.grammar().map(|grammar| Automaton::new(&grammar, &self.env.symbols()))
    }

    fn judge(&self, problem: &Problem, response: &str) -> Judged {
        let text = [problem.prompt.as_str(), response].concat();
        let audit = audit(&self.env, Some(&self.known(problem)), &self.format.parse(&text));
        let defects: Vec<DefectKind> = audit.defects.iter().map(|defect| defect.kind).collect();
        Judged {
            is_correct: audit.is_solved(),
            is_format_ok: !defects.contains(&DefectKind::Syntax) && !defects.contains(&DefectKind::Cut),
            is_valid: audit.is_clean(),
            cost: audit.verdict.as_ref().and_then(|verdict| match verdict {
                Verdict::Solved { cost } => Some(*cost),
                _ => None,
            }),
            defects,
        }
    }

    fn random_value(&self, problem: &Problem, depth: u32) -> f64 {
        let problem = self.known(problem);
        oracle::random_policy_value(&self.env, &problem, &self.env.initial(&problem), depth)
    }

    fn greedy_solves(&self, problem: &Problem, depth: u32) -> bool {
        let problem = self.known(problem);
        let mut state = self.env.initial(&problem);
        let (mut actions, mut played) = (Vec::new(), Vec::new());
        for _ in 0..depth {
            actions.clear();
            self.env.actions(&problem, &state, &mut actions);
            let children = actions.iter().filter_map(|action| Some((action, self.env.apply(&problem, &state, action).ok()?)));
            let best = children.min_by(|a, b| self.env.heuristic(0, &problem, &a.1).total_cmp(&self.env.heuristic(0, &problem, &b.1)));
            let Some((action, best)) = best else { break };
            state = best;
            played.push(action.clone());
        }
        self.env.is_answer(&problem, &played, &state)
    }

    fn read_problem(&self, line: &str) -> Result<Problem> {
        if line.trim_start().starts_with('{') {
            let problem: E::Problem = serde_json::from_str(line).map_err(|error| CorpusError::Usage(format!("not a problem of {}: {error}", E::NAME)))?;
            self.env.validate(&problem).map_err(CorpusError::Usage)?;
            return Ok(self.erased(&problem));
        }
        let problem = audit(&self.env, None, &self.format.parse(line)).problem;
        let problem = problem.ok_or_else(|| CorpusError::Usage(format!("neither a JSON problem of {} nor a prompt of the format", E::NAME)))?;
        Ok(self.erased(&problem))
    }

    fn search(&self, name: &str, settings: &Settings, problem: &Problem, budget: Budget, rng: &mut ChaCha8Rng) -> Result<Solution> {
        let typed = self.known(problem);
        let search = search::build::<E>(name, &self.env, settings).map_err(|error| CorpusError::Usage(error.to_string()))?;
        let mut recorder = Recorder::default();
        search.run(&self.env, &typed, budget, rng, &mut recorder);
        let trace = recorder.trace();
        let mut text = String::new();
        let prompt_len = if self.format.can_write(trace) { self.format.write(&self.env, &typed, trace, &mut text) } else { 0 };
        Ok(Solution {
            text,
            plan: trace.plan().map(|plan| plan_texts(&self.env, &typed, &plan)),
            cost: trace.goal.map(|goal| trace.node(goal).cost),
            stop: trace.stop,
            expanded: trace.expanded,
            generated: trace.nodes.len() as u64,
            prompt_len,
        })
    }
}
