//! From a line of input to a line of output.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    Config, ConfigError, Mode, Verdict, extract,
    graders::{Sample, Spec},
    json::{is_plain, push_number, push_plain, push_string, unescape},
    row::{Attempt, Row},
    verdict::Fault,
    worlds::{self, Judge},
};

/// Grades whole responses in a text format; the symbolic half of the project brings one.
pub trait Auditor: Send {
    /// Takes the problem of the following responses: its JSON.
    ///
    /// # Errors
    /// It is none of the environment.
    fn load(&mut self, problem: &[u8]) -> Result<(), String>;

    /// Replays a response to the loaded problem.
    fn audit(&mut self, response: &str, verdict: &mut Verdict);
}

/// A configuration that was checked; makes the graders of threads.
pub struct Grader {
    config: Config,
}

impl Grader {
    /// Checks a configuration.
    ///
    /// # Errors
    /// What of it is not allowed.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let grader = Self { config };
        grader.open()?;
        Ok(grader)
    }

    /// A grader for one thread.
    pub fn lines(&self) -> LineGrader {
        self.open().expect("the configuration was checked")
    }

    fn open(&self) -> Result<LineGrader, ConfigError> {
        let config = self.config.clone();
        let judge = worlds::judge(&config.env, &config.difficulty)?;
        let allowed = config.mode.environments();
        if !allowed.contains(&config.env.as_str()) {
            return Err(ConfigError::Mode { mode: config.mode.name(), env: config.env, allowed });
        }
        config.grader.as_ref().map_or(Ok(()), Spec::validate).map_err(ConfigError::Setting)?;
        let auditor = config.format.as_ref().map(|format| auditor(&config, format)).transpose()?;
        Ok(LineGrader { judge, auditor, config, verdict: Verdict::default(), spaces: Default::default() })
    }
}

#[cfg(feature = "traces")]
fn auditor(config: &Config, format: &str) -> Result<Box<dyn Auditor>, ConfigError> {
    crate::audit::open(&config.env, &config.difficulty, format, &config.format_settings).map_err(ConfigError::Setting)
}

#[cfg(not(feature = "traces"))]
fn auditor(_config: &Config, format: &str) -> Result<Box<dyn Auditor>, ConfigError> {
    Err(ConfigError::Setting(format!("format `{format}` is not allowed: built without the feature `traces`")))
}

/// Grades lines, one after the other, in the same buffers.
pub struct LineGrader {
    judge: Box<dyn Judge>,
    auditor: Option<Box<dyn Auditor>>,
    config: Config,
    verdict: Verdict,
    /// Strings of the row without their escapes: what is graded, and the reference.
    spaces: [Vec<u8>; 2],
}

impl LineGrader {
    /// Grades a line without its end and appends the verdict with one. A malformed row gives a row with `error`.
    pub fn grade_line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let graded = Row::read(line).and_then(|row| self.grade_row(&row).map(|()| row.id));
        match graded {
            Ok(id) => write_row(id, &self.verdict, out),
            Err(error) => self.grade_repaired(line, &error, out),
        }
    }

    /// The verdict of the last line that was no error.
    pub fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// A line that is no UTF-8 is no JSON either: its characters that are none are replaced before it is refused.
    #[cold]
    fn grade_repaired(&mut self, line: &[u8], error: &str, out: &mut Vec<u8>) {
        let repaired = String::from_utf8_lossy(line);
        if let Cow::Owned(repaired) = &repaired
            && let Ok(row) = Row::read(repaired.as_bytes())
            && self.grade_row(&row).is_ok()
        {
            return write_row(row.id, &self.verdict, out);
        }
        let row = Row::read(repaired.as_bytes());
        out.extend_from_slice(b"{\"id\":");
        push_id(row.ok().and_then(|row| row.id), out);
        out.extend_from_slice(b",\"error\":");
        push_string(error, out);
        out.extend_from_slice(b"}\n");
    }

    fn grade_row(&mut self, row: &Row<'_>) -> Result<(), String> {
        let Self { judge, auditor, config, verdict, spaces: [space, reference] } = self;
        let problem = row.problem.ok_or("a row needs `problem`")?;
        judge.load(problem)?;
        let attempt = row.attempt(space)?;
        verdict.clear();
        match (attempt, auditor) {
            (Attempt::Response(response), Some(auditor)) => {
                auditor.load(problem)?;
                auditor.audit(&String::from_utf8_lossy(response), verdict);
            }
            (Attempt::Answer(answer), _) => judge.grade(answer.trim_ascii(), verdict),
            (Attempt::Response(response), None) => match extract(response, config.extraction) {
                Some(answer) => judge.grade(answer, verdict),
                None => verdict.settle(Some(Fault::new(crate::FaultKind::Cut, 0, "the response gives no answer")), b""),
            },
        }
        if verdict.answer_correct && verdict.optimal.is_none() && config.asks_oracle {
            verdict.optimal = judge.best().map(|best| verdict.cost == Some(best));
        }
        if let Some(grader) = &config.grader {
            let numbers = judge.numbers();
            let output = if config.format.is_some() { attempt.text() } else { answer_of(attempt, config) };
            let sample = Sample { output, reference: row.reference(reference)?, numbers, is_correct: Some(verdict.answer_correct) };
            verdict.score = Some(grader.score(&sample));
        } else if config.mode != Mode::Strict {
            verdict.score = judge.score(config.mode, attempt);
        }
        Ok(())
    }
}

fn answer_of<'a>(attempt: Attempt<'a>, config: &Config) -> &'a [u8] {
    match attempt {
        Attempt::Answer(answer) => answer,
        Attempt::Response(response) => extract(response, config.extraction).unwrap_or_default(),
    }
}

/// Bytes that hold most verdict rows.
const USUAL_ROW: usize = 512;

/// Appends an id as it stands in its row; one that only we could read is written anew.
pub(crate) fn push_id(id: Option<&[u8]>, out: &mut Vec<u8>) {
    let is_plain = |id: &[u8]| id.iter().all(|byte| matches!(byte, 0x20..=0x7e) && *byte != b'\\');
    match id {
        None => out.extend_from_slice(b"null"),
        Some(id) if is_plain(id) || serde_json::from_slice::<&RawValue>(id).is_ok() => out.extend_from_slice(id),
        Some(id) => {
            let mut text = Vec::new();
            let inner = id.get(1..id.len() - 1).unwrap_or_default();
            let is_read = unescape(inner, &mut text).is_some();
            push_string(&String::from_utf8_lossy(if is_read { &text } else { inner }), out);
        }
    }
}

fn write_row(id: Option<&[u8]>, verdict: &Verdict, out: &mut Vec<u8>) {
    out.reserve(USUAL_ROW);
    out.extend_from_slice(b"{\"id\":");
    push_id(id, out);
    match (verdict.answer_correct, verdict.optimal, verdict.format_ok, verdict.trace_valid) {
        // The two most common rows in one piece.
        (true, Some(true), true, None) => {
            out.extend_from_slice(br#","answer_correct":true,"optimal":true,"format_ok":true,"trace_valid":null,"plan":["#);
        }
        (false, None, true, None) => {
            out.extend_from_slice(br#","answer_correct":false,"optimal":null,"format_ok":true,"trace_valid":null,"plan":["#);
        }
        (answer_correct, optimal, format_ok, trace_valid) => {
            let flags = [("answer_correct", Some(answer_correct)), ("optimal", optimal), ("format_ok", Some(format_ok)), ("trace_valid", trace_valid)];
            for (name, value) in flags {
                let word = value.map_or("null", |value| if value { "true" } else { "false" });
                for part in [",\"", name, "\":", word] {
                    out.extend_from_slice(part.as_bytes());
                }
            }
            out.extend_from_slice(b",\"plan\":[");
        }
    }
    let push = if is_plain(verdict.plan.text().as_bytes()) { push_plain } else { push_string };
    for (index, action) in verdict.plan.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push(action, out);
    }
    if verdict.defects.is_empty()
        && verdict.score.is_none()
        && verdict.reason == "correct"
        && let Some(cost) = verdict.cost
    {
        out.extend_from_slice(b"],\"cost\":");
        push_number(u64::from(cost), out);
        out.extend_from_slice(b",\"defects\":[],\"reason\":\"correct\"}\n");
        return;
    }
    match verdict.cost {
        Some(cost) => {
            out.extend_from_slice(b"],\"cost\":");
            push_number(u64::from(cost), out);
            out.extend_from_slice(b",\"defects\":[");
        }
        None => out.extend_from_slice(b"],\"cost\":null,\"defects\":["),
    }
    for (index, defect) in verdict.defects.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",{\"kind\":" } else { b"{\"kind\":" });
        push_string(&defect.kind, out);
        out.extend_from_slice(b",\"step\":");
        push_number(defect.step as u64, out);
        out.extend_from_slice(b",\"text\":");
        push_string(&defect.text, out);
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"reason\":");
    push_string(&verdict.reason, out);
    if let Some(score) = verdict.score {
        out.extend_from_slice(b",\"score\":");
        out.extend_from_slice(format!("{score:?}").as_bytes());
    }
    out.extend_from_slice(b"}\n");
}
