//! `question-answer`: rows with a question and its answer in words, as in Big-MATH: `question` or `problem` or `prompt`, and `answer` or
//! `final_answer` or `solution`, the first that is there.

use serde_json::{Map, Value};

use super::{Importer, Item, Refusal, field, wrong};

/// The importer.
pub(super) struct QuestionAnswer;

const QUESTIONS: [&str; 3] = ["question", "problem", "prompt"];
const ANSWERS: [&str; 3] = ["answer", "final_answer", "solution"];

impl Importer for QuestionAnswer {
    fn read(&self, row: &Map<String, Value>) -> Result<Item, Refusal> {
        let first = |names: [&'static str; 3]| names.into_iter().find(|name| row.contains_key(*name)).unwrap_or(names[0]);
        let (question, answer) = (first(QUESTIONS), first(ANSWERS));
        let question = match field(row, question)? {
            Value::String(text) => text.trim(),
            other => return Err(wrong(question, other, "text")),
        };
        pair(question, answer, field(row, answer)?)
    }
}

/// A question with an answer that is one text or number.
pub(super) fn pair(question: &str, name: &str, answer: &Value) -> Result<Item, Refusal> {
    let answer = match answer {
        Value::String(text) => text.trim().to_string(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::Null => String::new(),
        Value::Array(values) if values.len() == 1 && values[0].is_string() => return pair(question, name, &values[0]),
        Value::Array(values) => return Err(Refusal::unusable("has several answers", format!("{} of them", values.len()))),
        other @ Value::Object(_) => return Err(wrong(name, other, "text or a number")),
    };
    if question.is_empty() {
        return Err(Refusal::unusable("has no question", ""));
    }
    if answer.is_empty() {
        return Err(Refusal::unusable("has no answer", ""));
    }
    Ok(Item::Question { question: question.into(), answer })
}
