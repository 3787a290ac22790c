//! One task as the learning half sees it: problems as text, verdicts of responses, floors and symbolic searches, the environment's types erased.
//!
//! Everything that trains, samples or reports goes through this small interface, so it is compiled once, not once per environment.

use metacot_envs::{
    SeedTree, Settings, Status, World, oracle,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{
    Budget, DefectKind, Recorder, TraceFormat, audit, format,
    generate::{Maker, Spec},
    search,
};

use crate::{Error, Result};

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
    /// The kinds of false statements, in order.
    pub defects: Vec<DefectKind>,
}

/// A symbolic search as text.
#[derive(Clone, Debug, PartialEq)]
pub struct Solved {
    /// The response that the search amounts to; `None` where the format cannot show it.
    pub response: Option<String>,
    /// Whether it found a goal.
    pub is_solved: bool,
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

    /// Audits the continuation of a problem's prompt.
    fn judge(&self, problem: &Problem, response: &str) -> Judged;

    /// The exact probability that random legal play of at most `depth` actions solves the problem.
    fn random_value(&self, problem: &Problem, depth: u32) -> f64;

    /// Whether always taking the child with the smallest default heuristic solves the problem within `depth` actions.
    fn greedy_solves(&self, problem: &Problem, depth: u32) -> bool;

    /// Runs a symbolic search.
    ///
    /// # Errors
    /// The name or a setting is not allowed.
    fn search(&self, name: &str, settings: &Settings, problem: &Problem, budget: Budget, seeds: &SeedTree) -> Result<Solved>;
}

/// Opens the task of a spec.
///
/// # Errors
/// A name or setting that is not allowed.
pub fn open(spec: &Spec) -> Result<Box<dyn Task>> {
    registry::visit(&spec.env, Open { spec }).map_err(|error| Error::Usage(error.to_string()))?
}

struct Open<'a> {
    spec: &'a Spec,
}

impl EnvironmentVisitor for Open<'_> {
    type Output = Result<Box<dyn Task>>;
    fn visit<E: World>(self) -> Self::Output {
        let usage = |error: metacot_envs::SettingError| Error::Usage(error.to_string());
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
        let problem: E::Problem = serde_json::from_value(json.clone()).map_err(|error| Error::Usage(format!("problem {json}: {error}")))?;
        self.env.validate(&problem).map_err(|reason| Error::Usage(format!("problem {json}: {reason}")))?;
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

    fn judge(&self, problem: &Problem, response: &str) -> Judged {
        let text = [problem.prompt.as_str(), response].concat();
        let audit = audit(&self.env, Some(&self.known(problem)), &self.format.parse(&text));
        let defects: Vec<DefectKind> = audit.defects.iter().map(|defect| defect.kind).collect();
        Judged {
            is_correct: audit.is_solved(),
            is_format_ok: !defects.contains(&DefectKind::Syntax) && !defects.contains(&DefectKind::Cut),
            is_valid: audit.is_clean(),
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
        let mut actions = Vec::new();
        for _ in 0..depth {
            actions.clear();
            self.env.actions(&problem, &state, &mut actions);
            let children = actions.iter().filter_map(|action| self.env.apply(&problem, &state, action).ok());
            let best = children.min_by(|a, b| self.env.heuristic(0, &problem, a).total_cmp(&self.env.heuristic(0, &problem, b)));
            let Some(best) = best else { break };
            state = best;
        }
        self.env.status(&problem, &state) == Status::Solved
    }

    fn search(&self, name: &str, settings: &Settings, problem: &Problem, budget: Budget, seeds: &SeedTree) -> Result<Solved> {
        let typed = self.known(problem);
        let search = search::build::<E>(name, &self.env, settings).map_err(|error| Error::Usage(error.to_string()))?;
        let mut recorder = Recorder::default();
        let mut rng = seeds.child(name).child(&problem.canonical_key).stream(0);
        search.run(&self.env, &typed, budget, &mut rng, &mut recorder);
        let trace = recorder.trace();
        let mut text = String::new();
        let response = self.format.can_write(trace).then(|| {
            let prompt_len = self.format.write(&self.env, &typed, trace, &mut text);
            text[prompt_len..].to_string()
        });
        Ok(Solved { response, is_solved: trace.goal.is_some() })
    }
}
