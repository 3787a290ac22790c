//! `openai-rft`: conversations that end with the user, and a reference beside them: our own rows with `env` and `ground_truth`, or a
//! `reference_answer`, `ground_truth`, `answer` or `correct_answer` of others.

use serde_json::{Map, Value};

use super::{Importer, Item, Refusal, field, question_answer::pair, text, verl::stated, wrong};

/// The importer.
pub(super) struct OpenaiRft;

const ANSWERS: [&str; 4] = ["reference_answer", "ground_truth", "answer", "correct_answer"];

impl Importer for OpenaiRft {
    fn read(&self, row: &Map<String, Value>) -> Result<Item, Refusal> {
        let question = conversation(field(row, "messages")?)?;
        if let (Some(env), Some(truth)) = (row.get("env").and_then(Value::as_str), row.get("ground_truth"))
            && let Some(item) = stated(env, truth)?
        {
            return Ok(item);
        }
        let answer = ANSWERS.into_iter().find(|name| row.get(*name).is_some_and(|value| !value.is_null())).unwrap_or(ANSWERS[0]);
        pair(&question, answer, field(row, answer)?)
    }
}

/// The contents of a conversation, one after another.
pub(super) fn conversation(messages: &Value) -> Result<String, Refusal> {
    let list = messages.as_array().ok_or_else(|| wrong("messages", messages, "a list of messages"))?;
    let Some(last) = list.last() else { return Err(Refusal::unusable("has no messages", "")) };
    let role = |message: &Value| message.get("role").and_then(Value::as_str).map(str::to_string);
    if role(last).ok_or_else(|| wrong("messages", last, "a `role` and a `content`"))? != "user" {
        return Err(Refusal::unusable("does not end with the user", format!("ends with {}", super::shorten(&role(last).unwrap_or_default()))));
    }
    let mut contents = Vec::with_capacity(list.len());
    for message in list {
        match message.get("content") {
            Some(Value::String(content)) => contents.push(content.clone()),
            Some(Value::Array(parts)) => {
                for part in parts {
                    let part = part.get("text").ok_or_else(|| Refusal::unusable("has parts that are no text", ""))?;
                    contents.push(text("messages.content.text", part)?.into());
                }
            }
            _ => return Err(wrong("messages", message, "a `role` and a `content`")),
        }
    }
    Ok(contents.join("\n\n").trim().to_string())
}
