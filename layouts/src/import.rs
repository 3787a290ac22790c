//! Foreign rows as records: problems are validated, traces audited, and what cannot be used is counted by reason, never dropped silently.

mod desk;

use std::{collections::BTreeMap, path::Path};

use metacot_envs::{Difficulty, Settings};
use metacot_traces::{
    Budget,
    corpus::{CorpusError, Record, Split, SplitShares},
};
use serde_json::{Value, json};

use crate::{
    QUESTION,
    importer::{Importer, Item, Refusal},
    read::TakeRecord,
    source::{self, Place},
};
use desk::{Desk, open};

/// Reasons that are counted apart; what comes on top is counted as one.
const MOST_REASONS: usize = 64;
/// Environments that are kept open.
const MOST_DESKS: usize = 64;
/// The reason of rows that are no rows of the tool.
pub const MALFORMED: &str = "malformed";
const OTHER: &str = "other reasons";

/// How rows become records.
#[derive(Clone, Debug)]
pub struct ImportSpec {
    /// Text format of prompts, and of traces where `search` makes them; `None` takes the one that an environment is best known by.
    pub format: Option<String>,
    /// A search to run on every problem that comes without a trace; `None` leaves those with their prompt alone.
    pub search: Option<String>,
    /// Settings of the search.
    pub search_settings: Settings,
    /// What each search may spend.
    pub budget: Budget,
    /// Root seed of searches that draw.
    pub seed: u64,
    /// The split of all records; `None` decides by the problem, as for our own corpora, so that what is held out there is held out here.
    pub split: Option<Split>,
    /// Whether malformed rows are counted like unusable ones, instead of ending the import.
    pub skips_malformed: bool,
}

impl Default for ImportSpec {
    fn default() -> Self {
        Self { format: None, search: None, search_settings: Settings::default(), budget: Budget::default(), seed: 1, split: None, skips_malformed: false }
    }
}

/// Rows that gave nothing, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// How many.
    pub count: u64,
    /// The first of them: file, place, and what it shows.
    pub first: String,
}

/// What became of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Rows that were read.
    pub rows: u64,
    /// Records that they gave.
    pub records: u64,
    /// The rest, by reason.
    pub refused: BTreeMap<String, Refused>,
}

/// An import that is under way.
pub struct Import {
    importer: &'static dyn Importer,
    spec: ImportSpec,
    desks: BTreeMap<(&'static str, String, String), Result<Box<dyn Desk>, CorpusError>>,
    report: ImportReport,
}

impl Import {
    /// An import by one importer.
    pub fn new(importer: &'static dyn Importer, spec: ImportSpec) -> Self {
        Self { importer, spec, desks: BTreeMap::new(), report: ImportReport::default() }
    }

    /// Reads a file and hands on the records of its rows.
    ///
    /// # Errors
    /// The file cannot be read, or a row is malformed, by file and place; a format or search that is not allowed; or what `take` returns.
    pub fn read(&mut self, path: &Path, take: &mut TakeRecord<'_>) -> Result<(), CorpusError> {
        source::rows(path, &mut |place, row| {
            self.report.rows += 1;
            let item = row.map_err(Refusal::Malformed).and_then(|row| self.importer.read(&row));
            match item.map(|item| self.record(item)) {
                Ok(Ok(Ok(record))) => {
                    self.report.records += 1;
                    take(record)
                }
                Ok(Err(error)) => Err(error),
                Ok(Ok(Err(refusal))) | Err(refusal) => self.refuse(path, place, refusal),
            }
        })
    }

    /// What became of the rows so far.
    pub fn report(&self) -> &ImportReport {
        &self.report
    }

    fn refuse(&mut self, path: &Path, place: Place, refusal: Refusal) -> Result<(), CorpusError> {
        let (reason, detail) = match refusal {
            Refusal::Malformed(reason) if !self.spec.skips_malformed => return Err(CorpusError::data(path, format!("{place}: {reason}"))),
            Refusal::Malformed(detail) => (MALFORMED.to_string(), detail),
            Refusal::Unusable { reason, detail } => (reason.into_owned(), detail),
        };
        let refused = &mut self.report.refused;
        let reason = if refused.len() < MOST_REASONS || refused.contains_key(&reason) { reason } else { OTHER.into() };
        let first = || format!("{}: {place}{}{detail}", path.display(), if detail.is_empty() { "" } else { ": " });
        refused.entry(reason).or_insert_with(|| Refused { count: 0, first: first() }).count += 1;
        Ok(())
    }

    /// The record of an item; the outer error ends the import.
    fn record(&mut self, item: Item) -> Result<Result<Record, Refusal>, CorpusError> {
        let asked = self.spec.format.clone();
        match &item {
            Item::Question { question, answer } => Ok(Ok(self.question(self.report.records, question, answer))),
            Item::Problem { env, problem } => {
                let difficulty = habitat(env, problem);
                self.record_in(env, &difficulty, asked.as_deref().unwrap_or_else(|| native_format(env)), item)
            }
            Item::Trace { env, formats, problem, .. } => {
                let (env, formats, difficulty) = (*env, *formats, habitat(env, problem));
                let mut first = None;
                for format in formats {
                    match self.record_in(env, &difficulty, format, item.clone())? {
                        Ok(record) => return Ok(Ok(record)),
                        Err(refusal) => first = first.or(Some(refusal)),
                    }
                }
                Ok(Err(first.expect("a trace is in some format")))
            }
        }
    }

    fn record_in(&mut self, env: &'static str, difficulty: &Difficulty, format: &str, item: Item) -> Result<Result<Record, Refusal>, CorpusError> {
        let id = self.report.records;
        let spec = &self.spec;
        let key = (env, format!("{difficulty:?}"), format.to_string());
        if self.desks.len() >= MOST_DESKS && !self.desks.contains_key(&key) {
            self.desks.clear();
        }
        let desk = self.desks.entry(key).or_insert_with(|| open(env, difficulty, format, spec));
        match desk {
            Ok(desk) => Ok(desk.record(id, item)),
            Err(error) => Err(CorpusError::Usage(error.to_string())),
        }
    }

    fn question(&self, id: u64, question: &str, answer: &str) -> Record {
        let key = format!("{QUESTION} {question}");
        Record {
            id,
            env: QUESTION.into(),
            search: desk::NO_SEARCH.into(),
            format: "plain".into(),
            transform: None,
            split: self.spec.split.unwrap_or_else(|| SplitShares::default().split_of(&key)),
            canonical_key: key,
            problem: json!({"question": question, "answer": answer}),
            text: question.into(),
            prompt_len: question.len() as u64,
            plan: None,
            cost: None,
            stop: metacot_traces::StopReason::None,
            expanded: 0,
            generated: 0,
            loss_spans: Vec::new(),
        }
    }
}

/// The difficulty under which a problem is at home: its text then names neither its rules nor its size, as in the corpora of others.
fn habitat(env: &str, problem: &Value) -> Difficulty {
    let number = |name: &str| problem.get(name).and_then(Value::as_u64);
    match env {
        "countdown" => {
            let rules = problem.get("rules").and_then(Value::as_str);
            Difficulty { size: None, settings: rules.map_or_else(Settings::default, |rules| Settings::default().with("rules", rules)) }
        }
        "maze" => match (number("width"), number("height")) {
            (Some(width), Some(height)) => Difficulty { size: Some(format!("{width}x{height}")), ..Difficulty::default() },
            _ => Difficulty::default(),
        },
        "sokoban" => match problem.get("rows").and_then(Value::as_array).map(Vec::as_slice) {
            Some(rows @ [Value::String(first), ..]) => Difficulty { size: Some(format!("{}x{}", first.len(), rows.len())), ..Difficulty::default() },
            _ => Difficulty::default(),
        },
        _ => Difficulty::default(),
    }
}

/// The format that an environment's problems are best known by.
fn native_format(env: &str) -> &'static str {
    match env {
        "countdown" | "game24" => "sos",
        "maze" | "sokoban" => "searchformer",
        _ => "think",
    }
}
