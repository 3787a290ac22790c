//! A row as rules see it: a record of a corpus, or a question with its answer from elsewhere.

use std::borrow::Cow;

use serde_json::Value;

use super::{Puzzle, Worlds, key_of, solve_rate::rate_of, words::normalized};
use crate::corpus::Record;

/// Names under which rows from elsewhere carry their question, the first that is there.
const QUESTIONS: [&str; 6] = ["question", "problem", "prompt", "instruction", "input", "text"];
/// The same for the answer.
const ANSWERS: [&str; 5] = ["answer", "solution", "response", "completion", "output"];

/// What rules know of a row.
pub struct Row<'a> {
    /// Its id as text.
    pub id: Option<Cow<'a, str>>,
    /// All that is said: the text of a record, question and answer of others.
    pub text: Cow<'a, str>,
    /// The prompt or question.
    pub question: Cow<'a, str>,
    /// The answer, where the row is no record.
    pub answer: Option<Cow<'a, str>>,
    /// The problem's identity up to symmetry, where its environment is known.
    pub key: Option<Cow<'a, str>>,
    /// The problem, where its environment is known.
    pub puzzle: Option<Box<dyn Puzzle + 'a>>,
    /// The share of attempts that solve it, where the row says so, in [0, 1].
    pub solve_rate: Option<f64>,
}

impl<'a> Row<'a> {
    /// The row of a record.
    ///
    /// # Errors
    /// The environment is not registered, or the problem does not read.
    pub fn of_record(record: &'a Record, worlds: &'a Worlds) -> Result<Self, String> {
        Ok(Self {
            id: Some(record.id.to_string().into()),
            text: record.text.as_str().into(),
            question: record.text.get(..record.prompt_len as usize).unwrap_or(&record.text).into(),
            answer: None,
            key: Some(record.canonical_key.as_str().into()),
            puzzle: Some(worlds.read(&record.env, &record.problem)?),
            solve_rate: None,
        })
    }

    /// The row of a JSON object: a question in prose under one of the usual names, or a `problem` of `env` or of the environment that the
    /// row names.
    ///
    /// # Errors
    /// It is no object, has no question, or its problem does not read.
    pub fn of_json(value: &'a Value, env: Option<&str>, worlds: &'a Worlds) -> Result<Self, String> {
        let object = value.as_object().ok_or("not a JSON object")?;
        let env = object.get("env").and_then(Value::as_str).or(env);
        let puzzle = match (object.get("problem").filter(|problem| problem.is_object()), env) {
            (Some(problem), Some(env)) => Some(worlds.read(env, problem)?),
            _ => None,
        };
        let question = QUESTIONS.iter().find_map(|name| object.get(*name).and_then(plain_text));
        let question = question.or_else(|| object.get("problem").filter(|problem| problem.is_object()).map(|problem| problem.to_string().into()));
        let question = question.ok_or_else(|| format!("a row needs a question under one of {}", QUESTIONS.join(", ")))?;
        let answer = ANSWERS.iter().find_map(|name| object.get(*name).and_then(plain_text));
        let text = answer.as_deref().map_or_else(|| question.clone(), |answer| format!("{question}\n{answer}").into());
        Ok(Self {
            id: object.get("id").and_then(plain_text),
            key: puzzle.as_ref().map(|puzzle| puzzle.canonical_key().into()),
            solve_rate: rate_of(value),
            text,
            question,
            answer,
            puzzle,
        })
    }

    /// The problem as a key: by its canonical key where it has one, else by the words of its question.
    pub fn identity(&self) -> u128 {
        match &self.key {
            Some(key) => key_of(key),
            None => key_of(&normalized(&self.question)),
        }
    }
}

/// A value as plain text: strings, numbers and truth values.
pub(super) fn plain_text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string().into()),
        _ => None,
    }
}
