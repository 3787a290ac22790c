//! The share of attempts that solve the row lies outside of a band: too easy or too hard to learn from.
//!
//! The share is the one that the row carries, else the one of a graded file. Settings: `min_rate` (0), `max_rate` (1), both in [0, 1] and
//! kept; a row without a share is not judged.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
};

use metacot_envs::SettingError;
use serde_json::Value;

use super::{Kind, Mark, Row, Rule, row::plain_text};
use crate::corpus::CorpusError;

pub(super) const KIND: Kind = Kind {
    name: "solve-rate",
    settings: &["min_rate", "max_rate"],
    is_default: |context, settings| context.rates.is_some() || settings.get("min_rate").is_some() || settings.get("max_rate").is_some(),
    build: |context, settings| {
        let min = settings.number("min_rate", 0.0..=1.0, 0.0)?;
        let max = settings.number("max_rate", 0.0..=1.0, 1.0)?;
        if min > max {
            return Err(SettingError::Value { name: "min_rate".into(), value: min.to_string(), expected: format!("at most max_rate, which is {max}") });
        }
        Ok(Box::new(SolveRate { min, max, rates: context.rates.clone().unwrap_or_default() }))
    },
};

/// Attempts and successes by id of row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rates {
    by_id: BTreeMap<String, (u64, f64)>,
}

impl Rates {
    /// Reads graded rows: `{"id", "answer_correct"}` as `metacot grade` writes them, several of them for an id, or `{"id", "solve_rate"}`.
    /// Rows without an id are passed over; a row with `error` is a failed attempt.
    ///
    /// # Errors
    /// A file that cannot be read, or a line that is no JSON object or carries neither.
    pub fn read(path: &Path) -> Result<Self, CorpusError> {
        let file = File::open(path).map_err(CorpusError::io("cannot read", path))?;
        let mut rates = Self::default();
        for (index, line) in BufReader::new(file).split(b'\n').enumerate() {
            let line = line.map_err(CorpusError::io("cannot read", path))?;
            if line.trim_ascii().is_empty() {
                continue;
            }
            let bad = |reason: String| CorpusError::data(path, format!("line {}: {reason}", index + 1));
            let row: Value = serde_json::from_slice(&line).map_err(|error| bad(error.to_string()))?;
            let Some(id) = row.get("id").and_then(plain_text) else { continue };
            let share = match (row.get("answer_correct").and_then(Value::as_bool), rate_of(&row), row.get("error")) {
                (Some(is_correct), ..) => f64::from(u8::from(is_correct)),
                (None, Some(rate), _) => rate,
                (None, None, Some(_)) => 0.0,
                (None, None, None) => return Err(bad("a graded row needs `answer_correct` or `solve_rate`".into())),
            };
            let (attempts, successes) = rates.by_id.entry(id.into_owned()).or_default();
            *attempts += 1;
            *successes += share;
        }
        Ok(rates)
    }

    fn get(&self, id: &str) -> Option<f64> {
        self.by_id.get(id).map(|(attempts, successes)| successes / *attempts as f64)
    }
}

/// The solve rate that a row carries.
pub(super) fn rate_of(row: &Value) -> Option<f64> {
    let named = ["solve_rate", "pass_rate", "llama8b_solve_rate"].into_iter().find_map(|name| row.get(name)?.as_f64());
    named.filter(|rate| (0.0..=1.0).contains(rate))
}

struct SolveRate {
    min: f64,
    max: f64,
    rates: Rates,
}

impl Rule for SolveRate {
    fn look(&self, row: &Row<'_>) -> Mark {
        match row.solve_rate.or_else(|| self.rates.get(row.id.as_deref()?)) {
            None => Mark::NotApplicable,
            Some(rate) if (self.min..=self.max).contains(&rate) => Mark::Pass,
            Some(_) => Mark::Drop,
        }
    }
}
