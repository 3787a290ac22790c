//! Traces statement by statement: rows in, the defects of each out, on all cores.
//!
//! A row is a record of a corpus, or `{"id", "problem", "response"}`, or `{"id", "text"}` with the problem in the text. Unlike a grade, an
//! audit asks nothing about the answer first: it says which statements are false, where they stand, and whether all of them are true.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    io::{self, Read, Write},
    sync::{Arc, Mutex},
};

use metacot_envs::{
    Difficulty, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{
    Auditor, Defect, TraceFormat, audit,
    discourse::Reading,
    format,
    generate::NO_TRANSFORM,
    label::Label,
    told::Prompts,
    transform::{self, reading_of},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    audit::bare,
    grader::push_id,
    json::{push_number, push_string},
    stream::{Lines, stream},
    verdict::shortened,
};

/// How traces are audited.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditConfig {
    /// Registered name of the environment of rows that do not name theirs.
    pub env: Option<String>,
    /// Its difficulty.
    pub difficulty: Difficulty,
    /// Registered name of the format of rows that do not name theirs.
    pub format: Option<String>,
    /// Its settings.
    pub format_settings: Settings,
    /// The transform of rows that do not name theirs, with its settings (`retry mode=multi`).
    pub transform: Option<String>,
}

/// What an audit found over all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audits {
    /// Rows.
    pub rows: u64,
    /// Rows of which every statement is true.
    pub clean: u64,
    /// Rows whose plan solves the problem.
    pub solved: u64,
    /// Rows that their transform made wrong on purpose; they are clean where nothing else is wrong.
    #[serde(default)]
    pub controls: u64,
    /// Rows that could not be read.
    pub errors: u64,
    /// False statements by kind.
    pub defects: BTreeMap<String, u64>,
}

/// Audits all rows of `input` on `threads` threads (at least 1), in order. Each gives
/// `{"id", "clean", "solved", "defects": [{"kind", "step", "span", "text"}]}`: index and byte range of the statement in the whole text, prompt
/// included; rows whose transform makes them wrong on purpose have `"control": true`. A malformed row gives `{"id", "error"}`.
///
/// # Errors
/// Reading or writing failed, or (as [`io::ErrorKind::InvalidInput`]) the configuration names an environment, format or transform that there is not.
pub fn audit_stream(config: &AuditConfig, input: impl Read + Send, output: &mut impl Write, threads: usize) -> io::Result<Audits> {
    let invalid = |reason: String| io::Error::new(io::ErrorKind::InvalidInput, reason);
    if let Some(env) = &config.env {
        let format = config.format.as_deref().unwrap_or("answer");
        open(config, env, format, config.transform.as_deref().unwrap_or(NO_TRANSFORM)).map_err(invalid)?;
    } else if let Some(format) = config.format.as_ref().filter(|format| !format::NAMES.contains(&Label::name_of(format))) {
        return Err(invalid(format!("format = `{format}` is not allowed; expected one of {}", format::NAMES.join(", "))));
    }
    let transforms = || std::iter::once(NO_TRANSFORM).chain(transform::NAMES.iter().copied());
    if let Some(label) = config.transform.as_ref().filter(|label| transforms().all(|name| name != Label::name_of(label))) {
        let names: Vec<&str> = transforms().collect();
        return Err(invalid(format!("transform = `{label}` is not allowed; expected one of {}", names.join(", "))));
    }
    let total = Arc::new(Mutex::new(Audits::default()));
    let lines = || LineAuditor { config, checks: BTreeMap::new(), found: Audits::default(), total: total.clone() };
    stream(lines, input, output, threads)?;
    let total = total.lock().expect("threads that count do not panic").clone();
    Ok(total)
}

/// Audits lines in the same buffers.
struct LineAuditor<'c> {
    config: &'c AuditConfig,
    checks: BTreeMap<(String, String, String), Box<dyn Check>>,
    found: Audits,
    total: Arc<Mutex<Audits>>,
}

#[derive(Deserialize)]
struct Row<'r> {
    #[serde(borrow)]
    id: Option<&'r RawValue>,
    #[serde(borrow)]
    problem: Option<&'r RawValue>,
    #[serde(borrow)]
    text: Option<Cow<'r, str>>,
    #[serde(borrow)]
    response: Option<Cow<'r, str>>,
    #[serde(borrow)]
    env: Option<Cow<'r, str>>,
    #[serde(borrow)]
    format: Option<Cow<'r, str>>,
    #[serde(borrow)]
    transform: Option<Cow<'r, str>>,
}

impl Lines for LineAuditor<'_> {
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        self.found.rows += 1;
        let repaired = String::from_utf8_lossy(line);
        let row = serde_json::from_str::<Row<'_>>(&repaired).map_err(|error| (None, format!("not a row: {error}")));
        let outcome = row.and_then(|row| self.audit(&row, out).map_err(|error| (row.id.map(|id| id.get().to_string()), error)));
        if let Err((id, error)) = outcome {
            self.found.errors += 1;
            out.extend_from_slice(b"{\"id\":");
            push_id(id.as_deref().map(str::as_bytes), out);
            out.extend_from_slice(b",\"error\":");
            push_string(&error, out);
            out.extend_from_slice(b"}\n");
        }
    }
}

impl LineAuditor<'_> {
    fn audit(&mut self, row: &Row<'_>, out: &mut Vec<u8>) -> Result<(), String> {
        let env = row.env.as_deref().or(self.config.env.as_deref()).ok_or("a row needs `env`, or give --env")?;
        let format = row.format.as_deref().or(self.config.format.as_deref()).ok_or("a row needs `format`, or give --format")?;
        let (text, is_whole) = match (&row.text, &row.response) {
            (Some(text), None) => (text, true),
            (None, Some(response)) => (response, false),
            (None, None) => return Err("a row needs `text` or `response`".into()),
            (Some(_), Some(_)) => return Err("a row has either `text` or `response`, not both".into()),
        };
        let problem = row.problem.filter(|problem| problem.get() != "null").map(|problem| problem.get().as_bytes());
        if !is_whole && problem.is_none() {
            return Err("a row with `response` needs `problem`".into());
        }
        let transform = row.transform.as_deref().or(self.config.transform.as_deref()).unwrap_or(NO_TRANSFORM);
        let name = (env.to_string(), format.to_string(), transform.to_string());
        if !self.checks.contains_key(&name) {
            let check = open(self.config, env, format, transform)?;
            self.checks.insert(name.clone(), check);
        }
        let check = self.checks.get_mut(&name).expect("it was just put there");
        let found = &mut self.found;
        check.check(problem, text, is_whole, &mut |outcome| {
            found.clean += u64::from(outcome.defects.is_empty());
            found.solved += u64::from(outcome.is_solved);
            found.controls += u64::from(outcome.is_control);
            for defect in outcome.defects {
                *found.defects.entry(defect.kind.to_string()).or_default() += 1;
            }
            write(row.id.map(|id| id.get().as_bytes()), &outcome, out);
        })
    }
}

impl Drop for LineAuditor<'_> {
    fn drop(&mut self) {
        // A thread that panicked has the program end anyway.
        let Ok(mut total) = self.total.lock() else { return };
        let Audits { rows, clean, solved, controls, errors, defects } = std::mem::take(&mut self.found);
        total.rows += rows;
        total.clean += clean;
        total.solved += solved;
        total.controls += controls;
        total.errors += errors;
        for (kind, count) in defects {
            *total.defects.entry(kind).or_default() += count;
        }
    }
}

struct Outcome<'a> {
    defects: &'a [Defect],
    is_solved: bool,
    is_control: bool,
    text: &'a str,
}

fn write(id: Option<&[u8]>, outcome: &Outcome<'_>, out: &mut Vec<u8>) {
    let word = |flag: bool| if flag { "true" } else { "false" };
    out.extend_from_slice(b"{\"id\":");
    push_id(id, out);
    for part in [
        ",\"clean\":",
        word(outcome.defects.is_empty()),
        ",\"solved\":",
        word(outcome.is_solved),
        if outcome.is_control { ",\"control\":true" } else { "" },
        ",\"defects\":[",
    ] {
        out.extend_from_slice(part.as_bytes());
    }
    for (index, defect) in outcome.defects.iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",{\"kind\":" } else { b"{\"kind\":" });
        push_string(&defect.kind.to_string(), out);
        for (name, number) in [(",\"step\":", defect.step), (",\"span\":[", defect.span.start), (",", defect.span.end)] {
            out.extend_from_slice(name.as_bytes());
            push_number(number as u64, out);
        }
        out.extend_from_slice(b"],\"text\":");
        push_string(&shortened(outcome.text.get(defect.span.clone()).unwrap_or_default().as_bytes()), out);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}\n");
}

/// Audits the texts of one environment in one format.
trait Check: Send {
    /// Audits a text, or the continuation of the problem's prompt, and hands the outcome to `take`.
    fn check(&mut self, problem: Option<&[u8]>, text: &str, is_whole: bool, take: &mut dyn FnMut(Outcome<'_>)) -> Result<(), String>;
}

fn open(config: &AuditConfig, env: &str, format: &str, transform: &str) -> Result<Box<dyn Check>, String> {
    registry::visit(env, Open { config, format, transform }).map_err(|error| error.to_string())?
}

struct Open<'a> {
    config: &'a AuditConfig,
    format: &'a str,
    transform: &'a str,
}

impl EnvironmentVisitor for Open<'_> {
    type Output = Result<Box<dyn Check>, String>;

    fn visit<E: World>(self) -> Self::Output {
        let Self { config, format, transform } = self;
        let is_meant = |name: &Option<String>, own: &str| name.as_deref().is_none_or(|name| name == own);
        let difficulty = if is_meant(&config.env, E::NAME) { config.difficulty.clone() } else { Difficulty::default() };
        let settings = if is_meant(&config.format, format) { config.format_settings.clone() } else { Settings::default() };
        let env: E = crate::plan::default_env(&difficulty)?;
        let reading = reading_of::<E>(Some(transform), format).map_err(|error| error.to_string())?;
        let format = format::build::<E>(format, &settings).map_err(|error| error.to_string())?;
        Ok(Box::new(Typed { env, format, reading, auditor: Auditor::default(), problem: None, json: Vec::new(), text: String::new() }))
    }
}

struct Typed<E: World> {
    env: E,
    format: Box<dyn TraceFormat<E>>,
    reading: Reading,
    auditor: Auditor<E>,
    problem: Option<(E::Problem, Prompts<E>)>,
    /// The JSON of `problem`: samples of one problem mostly follow each other.
    json: Vec<u8>,
    text: String,
}

impl<E: World> Typed<E> {
    fn load(&mut self, json: &[u8]) -> Result<(), String> {
        if self.problem.is_some() && self.json == json {
            return Ok(());
        }
        self.problem = None;
        let problem = crate::problem::read(&self.env, json)?;
        let prompts = Prompts::new(&self.env, self.format.as_ref(), &problem);
        self.json.clear();
        self.json.extend_from_slice(json);
        self.problem = Some((problem, prompts));
        Ok(())
    }
}

impl<E: World> Check for Typed<E> {
    fn check(&mut self, problem: Option<&[u8]>, text: &str, is_whole: bool, take: &mut dyn FnMut(Outcome<'_>)) -> Result<(), String> {
        let body = bare(text);
        let is_control = self.reading.is_control();
        let Some(json) = problem else {
            let audit = audit(&self.env, None, &self.reading.parse(self.format.as_ref(), body));
            take(Outcome { defects: &audit.defects, is_solved: audit.is_solved(), is_control, text: body });
            return Ok(());
        };
        self.load(json)?;
        let Self { env, format, reading, auditor, problem, text, .. } = self;
        let (problem, prompts) = problem.as_ref().expect("it was just loaded");
        let (env, prompt, is_there) = prompts.reader(env, &body[reading.start(body)..]);
        let (body, reading) = if is_whole || is_there {
            (body, *reading)
        } else {
            text.clear();
            text.push_str(prompt);
            text.push_str(body);
            (text.as_str(), reading.of_response())
        };
        auditor.check(env, problem, &reading.parse(format.as_ref(), body));
        take(Outcome { defects: auditor.defects(), is_solved: auditor.is_solved(), is_control, text: body });
        Ok(())
    }
}
