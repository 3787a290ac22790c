//! One task as the learning half sees it: problems as text, verdicts of responses, floors and symbolic searches, the environment's types erased.
//!
//! Everything that trains, samples or reports goes through this small interface, so it is compiled once, not once per environment.

use metacot_envs::{
    Difficulty, Pattern, SeedTree, Settings, World, oracle,
    registry::{self, EnvironmentVisitor},
};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use crate::{
    Budget, Recorder, StopReason, Trace, TraceFormat,
    audit::{audit, audit_statements},
    corpus::CorpusError,
    feedback::{self, Remark},
    format,
    generate::{Maker, Spec, plan_texts},
    guide::{self, Game, Guide, Guided},
    judged::judged,
    search,
};

pub use crate::judged::{Counts, Judged};

type Result<T> = std::result::Result<T, CorpusError>;

/// Most states, of all depths together, that the value of random play is counted over.
const MAX_WALKED: usize = 5_000_000;

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

    /// How the responses to a problem can be written.
    fn responses(&self, problem: &Problem) -> Pattern;

    /// Audits the continuation of a problem's prompt.
    fn judge(&self, problem: &Problem, response: &str) -> Judged;

    /// What the environment says in public of the continuation of a problem's prompt, right or wrong.
    fn remark(&self, problem: &Problem, response: &str) -> Remark;

    /// The exact probability that random legal play of at most `depth` actions solves the problem.
    fn random_value(&self, problem: &Problem, depth: u32) -> f64;

    /// Whether always taking the child with the smallest default heuristic solves the problem within `depth` actions.
    fn greedy_solves(&self, problem: &Problem, depth: u32) -> bool;

    /// A problem from a line of text: JSON, or the format's own prompt, also between the marks of its published models.
    ///
    /// # Errors
    /// It is neither, or no problem of this environment.
    fn read_problem(&self, line: &str) -> Result<Problem>;

    /// The size that prompts of the format leave unsaid and at which they are read; `None` where they say it.
    fn unsaid_size(&self) -> Option<String>;

    /// Runs a symbolic search that draws from `rng`.
    ///
    /// # Errors
    /// The name or a setting is not allowed.
    fn search(&self, name: &str, settings: &Settings, problem: &Problem, budget: Budget, rng: &mut ChaCha8Rng) -> Result<Solution>;

    /// Runs a search that a model guides on each problem, all in lockstep; number `i` draws from `seeds.index(i)`. The model values states
    /// where the settings name no `leaf`.
    ///
    /// # Errors
    /// The search takes no policy, a setting is not allowed, or the format has no place for a next action.
    fn guided(&self, search: (&str, &Settings, Budget), problems: &[Problem], seeds: &SeedTree, guide: &mut dyn Guide) -> Result<Vec<Guided>>;

    /// Whether a model's likeliest actions alone, at most `depth` of them, solve each problem.
    ///
    /// # Errors
    /// The format has no place for a next action.
    fn follow(&self, problems: &[Problem], depth: u32, guide: &mut dyn Guide) -> Result<Vec<bool>>;
}

/// Opens the game of a spec, for play.
///
/// # Errors
/// It is no game of two players, or a name or setting is not allowed.
pub fn open_game(spec: &Spec) -> Result<Box<dyn Game>> {
    guide::open_game(spec)
}

/// Opens the task of a spec.
///
/// # Errors
/// A name or setting that is not allowed.
pub fn open(spec: &Spec) -> Result<Box<dyn Task>> {
    registry::visit(&spec.env, Open { spec, size: None }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

/// Opens the task of a spec for texts of problems of a size, which may be smaller than any that can be drawn.
///
/// # Errors
/// As [`open`], or a size that no text can have.
pub fn open_sized(spec: &Spec, size: &str) -> Result<Box<dyn Task>> {
    registry::visit(&spec.env, Open { spec, size: Some(size) }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

struct Open<'a> {
    spec: &'a Spec,
    size: Option<&'a str>,
}

impl EnvironmentVisitor for Open<'_> {
    type Output = Result<Box<dyn Task>>;
    fn visit<E: World>(self) -> Self::Output {
        let usage = |error: metacot_envs::SettingError| CorpusError::Usage(error.to_string());
        let env = match self.size {
            None => E::configure(&self.spec.difficulty),
            Some(size) => E::reading(&Difficulty { size: Some(size.into()), settings: self.spec.difficulty.settings.clone() }),
        };
        let env = env.map_err(usage)?;
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

    /// A search as text, where the format can show it, with its outcome.
    fn told(&self, problem: &E::Problem, trace: &Trace<E>) -> Solution {
        let mut text = String::new();
        let prompt_len = if self.format.can_write(trace) { self.format.write(&self.env, problem, trace, &mut text) } else { 0 };
        Solution {
            text,
            plan: trace.plan().map(|plan| plan_texts(&self.env, problem, &plan)),
            cost: trace.goal.map(|goal| trace.node(goal).cost),
            stop: trace.stop,
            expanded: trace.expanded,
            generated: trace.nodes.len() as u64,
            prompt_len,
        }
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

    fn responses(&self, problem: &Problem) -> Pattern {
        format::responses(&self.env, self.format.as_ref(), &self.known(problem), self.maker.reading())
    }

    fn judge(&self, problem: &Problem, response: &str) -> Judged {
        let text = [problem.prompt.as_str(), response].concat();
        let typed = self.known(problem);
        let audit = audit_statements(&self.env, Some(&typed), &self.maker.reading().of_response().parse(self.format.as_ref(), &text));
        judged(&self.env, &typed, &audit, (problem.prompt.len(), text.len()))
    }

    fn remark(&self, problem: &Problem, response: &str) -> Remark {
        let (text, typed) = ([problem.prompt.as_str(), response].concat(), self.known(problem));
        let audit = audit(&self.env, Some(&typed), &self.maker.reading().of_response().parse(self.format.as_ref(), &text));
        feedback::remark(&self.env, &typed, &audit)
    }

    fn random_value(&self, problem: &Problem, depth: u32) -> f64 {
        let problem = self.known(problem);
        // Where states repeat, there are far more paths than states.
        let by_states = if E::HAS_CYCLES { oracle::random_policy_value_within(&self.env, &problem, depth, MAX_WALKED) } else { None };
        by_states.unwrap_or_else(|| oracle::random_policy_value(&self.env, &problem, &self.env.initial(&problem), depth))
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
        let problem = audit(&self.env, None, &self.format.parse(unmarked(line, self.format.marks()))).problem;
        let problem = problem.ok_or_else(|| {
            let size = self.env.unsaid_size().map(|size| format!(" at size {size}")).unwrap_or_default();
            CorpusError::Usage(format!("neither a JSON problem of {} nor a prompt of the format{size}", E::NAME))
        })?;
        Ok(self.erased(&problem))
    }

    fn unsaid_size(&self) -> Option<String> {
        self.env.unsaid_size()
    }

    fn search(&self, name: &str, settings: &Settings, problem: &Problem, budget: Budget, rng: &mut ChaCha8Rng) -> Result<Solution> {
        let typed = self.known(problem);
        let search = search::build::<E>(name, &self.env, settings).map_err(|error| CorpusError::Usage(error.to_string()))?;
        let mut recorder = Recorder::default();
        search.run(&self.env, &typed, budget, rng, &mut recorder);
        Ok(self.told(&typed, recorder.trace()))
    }

    fn guided(&self, search: (&str, &Settings, Budget), problems: &[Problem], seeds: &SeedTree, guide: &mut dyn Guide) -> Result<Vec<Guided>> {
        let typed: Vec<E::Problem> = problems.iter().map(|problem| self.known(problem)).collect();
        let told = |problem: &E::Problem, trace: &Trace<E>| self.told(problem, trace);
        guide::solve((&self.env, self.format.as_ref()), search, &typed, seeds, guide, told).map_err(|error| CorpusError::Usage(error.to_string()))
    }

    fn follow(&self, problems: &[Problem], depth: u32, guide: &mut dyn Guide) -> Result<Vec<bool>> {
        let typed: Vec<E::Problem> = problems.iter().map(|problem| self.known(problem)).collect();
        guide::follow((&self.env, self.format.as_ref()), &typed, depth, guide).map_err(|error| CorpusError::Usage(error.to_string()))
    }
}

/// A prompt without the marks around it.
fn unmarked<'t>(line: &'t str, marks: &[&str]) -> &'t str {
    let mut text = line.trim_ascii();
    for mark in marks {
        // A mark of letters is a word of its own, and one in brackets need not be.
        let is_apart = |rest: &str| mark.starts_with('<') || rest.starts_with(' ') || rest.ends_with(' ');
        text = text.strip_prefix(mark).filter(|rest| is_apart(rest)).map_or(text, str::trim_ascii_start);
        text = text.strip_suffix(mark).filter(|rest| is_apart(rest)).map_or(text, str::trim_ascii_end);
    }
    if text.len() == line.trim_ascii().len() { line } else { text }
}
