//! Rows of other tools and what they say. One file and one line each.
//!
//! Names of columns are those that the tools document. The tests check them against the package itself for reasoning-gym (entries of every task
//! that is read) and verl (whose own data set reads the rows that we write and read back). The published files of Countdown-Tasks-3to4, Stream of
//! Search, Searchformer and Big-MATH are not at hand where tests run: for those, rows of the documented shape stand in.

mod countdown_tasks;
mod openai_rft;
mod question_answer;
mod reasoning_gym;
mod searchformer;
mod sos;
mod verl;

use std::borrow::Cow;

use serde_json::{Map, Value};

/// Reads the rows of one tool.
pub trait Importer: Send + Sync {
    /// What a row says.
    ///
    /// # Errors
    /// It is no row of this tool, or one that cannot be used.
    fn read(&self, row: &Map<String, Value>) -> Result<Item, Refusal>;
}

/// What a row says.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// A problem of an environment, in its own JSON.
    Problem {
        /// The environment.
        env: &'static str,
        /// The problem.
        problem: Value,
    },
    /// A problem with the text of a search.
    Trace {
        /// The environment.
        env: &'static str,
        /// The formats that the text may be in, the first of which it is true in counts.
        formats: &'static [&'static str],
        /// The search, as we would call it.
        search: String,
        /// The problem.
        problem: Value,
        /// Prompt and response, or the response alone.
        text: String,
    },
    /// A question in words, with its answer.
    Question {
        /// The question.
        question: String,
        /// The answer.
        answer: String,
    },
}

/// Why a row gives nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is no row of this tool: says what was found and what was expected.
    Malformed(String),
    /// It is, and cannot be used: a reason that rows are counted by, and what of this row shows it.
    Unusable {
        /// The same for all such rows.
        reason: Cow<'static, str>,
        /// Of this row.
        detail: String,
    },
}

impl Refusal {
    /// A row that cannot be used.
    pub fn unusable(reason: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self::Unusable { reason: reason.into(), detail: detail.into() }
    }
}

macro_rules! importers {
    ($($name:literal => $importer:expr),* $(,)?) => {
        /// The registered names, in order of registration.
        pub const NAMES: &[&str] = &[$($name),*];

        /// The importer called `name`.
        pub fn find(name: &str) -> Option<&'static dyn Importer> {
            match name {
                $($name => Some(&$importer),)*
                _ => None,
            }
        }
    };
}

importers! {
    "countdown-tasks" => countdown_tasks::CountdownTasks,
    "sos" => sos::StreamOfSearch,
    "searchformer" => searchformer::Searchformer,
    "reasoning-gym" => reasoning_gym::ReasoningGym,
    "openai-rft" => openai_rft::OpenaiRft,
    "verl" => verl::Verl,
    "question-answer" => question_answer::QuestionAnswer,
}

/// A field that has to be there.
fn field<'r>(row: &'r Map<String, Value>, name: &str) -> Result<&'r Value, Refusal> {
    row.get(name).ok_or_else(|| {
        let names: Vec<&str> = row.keys().take(12).map(String::as_str).collect();
        Refusal::Malformed(format!("no field `{name}`; found {}", shorten(&names.join(", "))))
    })
}

fn wrong(name: &str, value: &Value, expected: &str) -> Refusal {
    Refusal::Malformed(format!("`{name}` is {}; expected {expected}", shorten(&value.to_string())))
}

/// A whole number; data frames with gaps turn whole numbers into floats.
fn integer(name: &str, value: &Value) -> Result<i64, Refusal> {
    let whole = |value: f64| (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64);
    value.as_i64().or_else(|| value.as_f64().and_then(whole)).ok_or_else(|| wrong(name, value, "a whole number"))
}

fn integers(name: &str, value: &Value) -> Result<Vec<i64>, Refusal> {
    let values = value.as_array().ok_or_else(|| wrong(name, value, "a list of whole numbers"))?;
    values.iter().map(|value| integer(name, value)).collect()
}

fn text<'r>(name: &str, value: &'r Value) -> Result<&'r str, Refusal> {
    value.as_str().ok_or_else(|| wrong(name, value, "text"))
}

/// The beginning of what may be long.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(80) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
    }
}

/// A Countdown problem under the rules of TinyZero and reasoning-gym: every number once, any rational on the way.
fn rational_countdown(numbers: &[i64], target: i64) -> Item {
    Item::Problem { env: "countdown", problem: serde_json::json!({"numbers": numbers, "target": target, "rules": "rational"}) }
}
