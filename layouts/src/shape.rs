//! Row shapes: what a trainer or a reader wants to find in a row. One file and one line each.

mod messages;
mod open_instruct;
mod openai_rft;
mod openrlhf;
mod prompt_completion;
mod record;
mod text;
mod trl;
mod verl;

use metacot_traces::corpus::Record;
use serde_json::Value;

use crate::{
    QUESTION,
    cell::{Cell, Field, Kind},
    truth::Truth,
};

/// A row of a record.
pub trait Shape: Send + Sync {
    /// The columns; the ground truth, where there is one, is written as `truth` says.
    fn fields(&self, truth: &Truth) -> Vec<Field>;

    /// The cells, as many as there are fields.
    ///
    /// # Errors
    /// The record cannot be said in this shape.
    fn row<'r>(&self, record: &'r Record, truth: &Truth) -> Result<Vec<Cell<'r>>, String>;

    /// The container that readers of this shape expect.
    fn container(&self) -> &'static str {
        "parquet"
    }

    /// How a ground truth may be written, the default first; empty where there is none.
    fn truths(&self) -> &'static [TruthStyle] {
        &[]
    }
}

/// The two ways to write a ground truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TruthStyle {
    /// `json`: as a string.
    Json,
    /// `struct`: as columns.
    Struct,
}

impl TruthStyle {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Struct => "struct",
        }
    }
}

macro_rules! shapes {
    ($($name:literal => $shape:expr),* $(,)?) => {
        /// The registered names, in order of registration.
        pub const NAMES: &[&str] = &[$($name),*];

        /// The shape called `name`.
        pub fn find(name: &str) -> Option<&'static dyn Shape> {
            match name {
                $($name => Some(&$shape),)*
                _ => None,
            }
        }
    };
}

shapes! {
    "record" => record::WholeRecord,
    "text" => text::Text,
    "prompt-completion" => prompt_completion::PromptCompletion,
    "messages" => messages::Messages,
    "trl" => trl::Trl,
    "verl" => verl::Verl,
    "open-instruct" => open_instruct::OpenInstruct,
    "openrlhf" => openrlhf::OpenRlhf,
    "openai-rft" => openai_rft::OpenaiRft,
}

/// The prompt and the response of a record.
fn halves(record: &Record) -> Result<(&str, &str), String> {
    let middle = usize::try_from(record.prompt_len).unwrap_or(usize::MAX);
    record.text.split_at_checked(middle).ok_or_else(|| format!("prompt_len = {middle} is no place in a text of {} bytes", record.text.len()))
}

/// What a verifier of the record's problem needs: the problem, or the answer alone where the problem is a question in words.
pub(crate) fn ground_truth(record: &Record) -> &Value {
    match record.env.as_str() {
        QUESTION => record.problem.get("answer").unwrap_or(&Value::Null),
        _ => &record.problem,
    }
}

fn int(value: u64) -> Result<Cell<'static>, String> {
    i64::try_from(value).map(Cell::Int).map_err(|_| format!("{value} is not allowed; expected at most {}", i64::MAX))
}

/// The type of a list of messages.
fn conversation() -> Kind {
    Kind::Struct(vec![Field::new("role", Kind::Text), Field::new("content", Kind::Text)]).list()
}

fn message<'r>(role: &'static str, content: &'r str) -> Cell<'r> {
    Cell::Struct(vec![Cell::text(role), Cell::text(content)])
}
