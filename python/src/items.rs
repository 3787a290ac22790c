//! Problems as the items of a data set: question, answer and what they are made of, by number.

use metacot_envs::{
    Difficulty, World,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{
    Budget, Recorder, Search, TraceFormat,
    corpus::{CorpusError, Split},
    format,
    generate::{Maker, Spec, plan_texts},
    search,
};
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::{
    error::{raise, refuse},
    grading::settings_of,
    question::question,
};

/// The items of an environment at one difficulty, split and seed. Item `i` depends on these and `i` alone.
#[pyclass(frozen, module = "metacot._native")]
pub(crate) struct Items {
    source: Box<dyn Source>,
}

#[pymethods]
impl Items {
    /// Checks the settings. `prompt` names a format whose prompt is the question; without one it is asked in plain words.
    #[new]
    #[pyo3(signature = (env, difficulty=None, settings=Vec::new(), split="train", seed=1, prompt=None, expansions=100_000))]
    fn new(
        env: &str,
        difficulty: Option<String>,
        settings: Vec<(String, String)>,
        split: &str,
        seed: u64,
        prompt: Option<&str>,
        expansions: u64,
    ) -> PyResult<Self> {
        let difficulty = Difficulty { size: difficulty, settings: settings_of(settings) };
        let split = split.parse::<Split>().map_err(refuse)?;
        let open = Open { difficulty, split, seed, prompt, expansions };
        Ok(Self { source: registry::visit(env, open).map_err(refuse)?.map_err(raise)? })
    }

    /// Item `index` as JSON: `question`, `answer` (null where the search for one gave up) and `metadata`.
    fn item(&self, py: Python<'_>, index: u64) -> PyResult<String> {
        py.detach(|| self.source.item(index)).map(|item| item.to_string()).map_err(raise)
    }
}

trait Source: Send + Sync {
    fn item(&self, index: u64) -> Result<Value, CorpusError>;
}

struct Open<'a> {
    difficulty: Difficulty,
    split: Split,
    seed: u64,
    prompt: Option<&'a str>,
    expansions: u64,
}

impl EnvironmentVisitor for Open<'_> {
    type Output = Result<Box<dyn Source>, CorpusError>;

    fn visit<E: World>(self) -> Self::Output {
        let usage = |error: metacot_envs::SettingError| CorpusError::Usage(error.to_string());
        let env = E::configure(&self.difficulty).map_err(usage)?;
        // With an opponent the oracle answers, see `plan`; the maker still wants a search that goes with the environment.
        let name = match () {
            () if E::HAS_OPPONENT => "negamax",
            () if E::HAS_CYCLES => "astar",
            () => "dfs",
        };
        let search = search::build::<E>(name, &env, &Default::default()).map_err(usage)?;
        let prompt = self.prompt.map(|prompt| format::build::<E>(prompt, &Default::default())).transpose().map_err(usage)?;
        let spec = Spec { difficulty: self.difficulty, split: self.split, seed: self.seed, ..Spec::new(E::NAME, name, "answer") };
        let budget = Budget { expansions: self.expansions.max(1), ..Budget::default() };
        let maker = Maker::<E>::new(&spec)?;
        Ok(Box::new(Typed { env, search, prompt, maker, budget, difficulty: spec.difficulty }))
    }
}

struct Typed<E: World> {
    env: E,
    search: Box<dyn Search<E>>,
    prompt: Option<Box<dyn TraceFormat<E>>>,
    maker: Maker<E>,
    budget: Budget,
    difficulty: Difficulty,
}

impl<E: World> Source for Typed<E> {
    fn item(&self, index: u64) -> Result<Value, CorpusError> {
        let env = &self.env;
        let (problem, key) = self.maker.problem(index)?;
        let json = serde_json::to_value(&problem).expect("problems are plain data");
        let mut text = String::new();
        match &self.prompt {
            Some(format) => format.write_prompt(env, &problem, &mut text),
            None => {
                env.write_state(&problem, &env.initial(&problem), &mut text);
                text = question(E::NAME, &json, &text);
            }
        }
        let plan = self.plan(&problem, index);
        let texts = plan.as_deref().map(|plan| plan_texts(env, &problem, plan));
        Ok(json!({
            "question": text,
            "answer": texts.as_deref().map(|plan| answer(E::NAME, &json, plan)),
            "metadata": {
                "source_dataset": E::NAME,
                "source_index": index,
                "difficulty": self.difficulty,
                "problem": json,
                "plan": texts,
                "canonical_key": key,
            },
        }))
    }
}

impl<E: World> Typed<E> {
    /// A right plan. In a game it is a move that keeps the value of the position, be it lost.
    fn plan(&self, problem: &E::Problem, index: u64) -> Option<Vec<E::Action>> {
        let Self { env, search, .. } = self;
        if E::HAS_OPPONENT {
            let (state, mut actions) = (env.initial(problem), Vec::new());
            env.actions(problem, &state, &mut actions);
            let end = |action: &E::Action| env.apply(problem, &state, action).ok();
            return actions.into_iter().map(|action| vec![action]).find(|plan| end(&plan[0]).is_some_and(|end| env.is_answer(problem, plan, &end)));
        }
        let mut recorder = Recorder::default();
        search.run(env, problem, self.budget, &mut self.maker.search_stream(index), &mut recorder);
        recorder.trace().plan()
    }
}

/// A plan in the form that its question asks for.
fn answer(env: &str, problem: &Value, plan: &[String]) -> String {
    match env {
        "countdown" | "game24" => expression(problem, plan).unwrap_or_else(|| plan.join("; ")),
        "maze" | "sokoban" => plan.join(" "),
        _ => plan.join("; "),
    }
}

/// The operations of a plan (`3*5=15`) as one expression over the numbers of the problem.
fn expression(problem: &Value, plan: &[String]) -> Option<String> {
    let mut parts: Vec<(String, String)> = problem["numbers"].as_array()?.iter().map(|number| (number.to_string(), number.to_string())).collect();
    let target = problem["target"].to_string();
    for operation in plan {
        let (claim, result) = operation.rsplit_once('=')?;
        let (left, op, right) = operands(claim)?;
        let mut take = |value: &str| Some(parts.swap_remove(parts.iter().position(|(known, _)| known == value)?).1);
        let (left, right) = (take(left)?, take(right)?);
        parts.push((result.into(), format!("({left} {op} {right})")));
    }
    let (_, text) = parts.into_iter().find(|(value, _)| *value == target)?;
    Some(text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).map_or(text.clone(), Into::into))
}

/// The two sides of `(-5)+8` and its operator; values that are no natural numbers stand in parentheses.
fn operands(claim: &str) -> Option<(&str, char, &str)> {
    let mut depth = 0_u32;
    for (place, symbol) in claim.char_indices() {
        match symbol {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '+' | '-' | '*' | '/' if depth == 0 => return Some((&claim[..place], symbol, &claim[place + 1..])),
            _ => {}
        }
    }
    None
}
