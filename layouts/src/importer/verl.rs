//! `verl`: rows with `reward_model.ground_truth`: our own, TinyZero's (`target` and `numbers`), or any whose ground truth is a text.

use serde_json::{Map, Value};

use super::{Importer, Item, Refusal, field, integer, integers, openai_rft::conversation, question_answer::pair, rational_countdown};

/// The importer.
pub(super) struct Verl;

impl Importer for Verl {
    fn read(&self, row: &Map<String, Value>) -> Result<Item, Refusal> {
        let model = field(row, "reward_model")?;
        let truth = model.get("ground_truth").ok_or_else(|| Refusal::Malformed("no field `ground_truth` in `reward_model`".into()))?;
        let env = row.get("extra_info").and_then(|info| info.get("env")).and_then(Value::as_str);
        if let Some(env) = env
            && let Some(item) = stated(env, truth)?
        {
            return Ok(item);
        }
        if let Value::Object(truth) = truth
            && truth.contains_key("target")
        {
            let target = integer("ground_truth.target", field(truth, "target")?)?;
            return Ok(rational_countdown(&integers("ground_truth.numbers", field(truth, "numbers")?)?, target));
        }
        pair(&conversation(field(row, "prompt")?)?, "ground_truth", truth)
    }
}

/// The problem of a row that we wrote ourselves; `None` where `env` is none of ours or the truth is no object.
pub(super) fn stated(env: &str, truth: &Value) -> Result<Option<Item>, Refusal> {
    let Some(env) = metacot_envs::registry::NAMES.iter().find(|name| **name == env) else { return Ok(None) };
    let problem = match truth {
        Value::String(json) if json.trim_start().starts_with('{') => {
            serde_json::from_str(json).map_err(|error| Refusal::Malformed(format!("`ground_truth` is text that is no JSON: {error}")))?
        }
        other => other.clone(),
    };
    let Value::Object(mut problem) = problem else { return Ok(None) };
    // A column that other rows of the file have.
    problem.retain(|_, value| !value.is_null());
    Ok(Some(Item::Problem { env, problem: Value::Object(problem) }))
}
