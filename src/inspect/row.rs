//! One row of a file: a record of a corpus, or what a model wrote about a problem.

use std::{
    fs,
    io::{self, BufRead},
    path::Path,
};

use metacot_envs::{Difficulty, Settings};
use metacot_traces::{
    corpus::{MANIFEST, Manifest, read_file},
    generate::Spec,
    view::{TextSource, View, of_text},
};
use serde_json::Value;

use super::{Summary, Target, corpus::shortened};
use crate::{Error, Result};

/// How rows are read that do not say it themselves.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Registered name of the environment.
    pub env: String,
    /// Its difficulty.
    pub difficulty: Difficulty,
    /// Registered name of the format.
    pub format: String,
    /// Its settings.
    pub format_settings: Settings,
}

/// Where rows come from.
#[derive(Clone, Copy, Debug)]
pub enum Rows<'a> {
    /// Standard input, or another stream.
    Stream,
    /// A corpus or a file.
    Target(&'a Target),
}

impl Rows<'_> {
    /// The view of one row: of the record with this id, or of row number `which` from 0 where rows have none.
    ///
    /// # Errors
    /// There is no such row, or it is no trace of an environment.
    pub fn view(self, which: &str, reading: &Reading) -> Result<View> {
        match self {
            Self::Stream => view_of_row(&find_row(io::stdin().lock(), Path::new("stdin"), which)?, reading, None),
            Self::Target(Target::Corpus(folder)) => {
                let manifest = Manifest::load(folder)?;
                let spec = spec_of(&manifest);
                for file in &manifest.files {
                    for record in read_file(&folder.join(&file.name))? {
                        if record.id.to_string() == which {
                            return view_of_row(&serde_json::to_value(&record)?, reading, spec.as_ref());
                        }
                    }
                }
                Err(Error::Usage(format!("--record {which}: {} has no record of this id", folder.display())))
            }
            Self::Target(Target::Rows(path)) => {
                let manifest = path.parent().filter(|folder| folder.join(MANIFEST).exists()).and_then(|folder| Manifest::load(folder).ok());
                let spec = manifest.as_ref().and_then(spec_of);
                if path.extension().is_some_and(|extension| extension == "shard") {
                    let record = read_file(path)?.into_iter().find(|record| record.id.to_string() == which);
                    let record = record.ok_or_else(|| Error::Usage(format!("--record {which}: {} has no record of this id", path.display())))?;
                    return view_of_row(&serde_json::to_value(&record)?, reading, spec.as_ref());
                }
                let file = fs::File::open(path).map_err(Error::io("cannot read", path))?;
                view_of_row(&find_row(io::BufReader::new(file), path, which)?, reading, spec.as_ref())
            }
            Self::Target(Target::Run(path) | Target::Checkpoint(path)) => Err(Error::data(path, "holds no traces; name a corpus or a file of rows")),
        }
    }
}

/// The settings of a corpus that this tool generated.
fn spec_of(manifest: &Manifest) -> Option<Spec> {
    serde_json::from_value(manifest.config.clone()).ok()
}

/// The row whose `id` is `which`, else row number `which`.
fn find_row(lines: impl BufRead, path: &Path, which: &str) -> Result<Value> {
    let (mut number, mut by_number) = (0_u64, None);
    for (index, line) in lines.split(b'\n').enumerate() {
        let line = line.map_err(Error::io("cannot read", path))?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let row: Value = serde_json::from_slice(&line).map_err(|error| Error::data(path, format!("line {}: not JSON: {error}", index + 1)))?;
        let has_id = match &row["id"] {
            Value::String(id) => id == which,
            Value::Number(id) => id.to_string() == which,
            _ => false,
        };
        if has_id {
            return Ok(row);
        }
        if number.to_string() == which {
            by_number = Some(row);
        }
        number += 1;
    }
    by_number.ok_or_else(|| Error::Usage(format!("--record {which}: {} has {number} rows, and none of this id", path.display())))
}

/// The view of a row: `env`, `format` and `search` are its own where it has them, the text is `text`, or `response` behind `prompt`.
fn view_of_row(row: &Value, reading: &Reading, spec: Option<&Spec>) -> Result<View> {
    let field = |name: &str| row.get(name).and_then(Value::as_str);
    let text = match (field("text"), field("response")) {
        (Some(text), _) => text.to_string(),
        (None, Some(response)) => [field("prompt").unwrap_or_default(), response].concat(),
        (None, None) => return Err(Error::Usage("the row has neither `text` nor `response`".into())),
    };
    let env = field("env").unwrap_or(&reading.env);
    let format = field("format").unwrap_or(&reading.format);
    // The settings of the corpus count where the row is what the corpus says.
    let spec = spec.filter(|spec| spec.env == env);
    let no_settings = Settings::default();
    let format_settings = match spec {
        Some(spec) if spec.format == format => &spec.format_settings,
        Some(_) => &no_settings,
        None => &reading.format_settings,
    };
    let source = TextSource {
        env,
        difficulty: spec.map_or(&reading.difficulty, |spec| &spec.difficulty),
        format,
        format_settings,
        search: field("search"),
        transform: field("transform"),
        problem: row.get("problem").filter(|problem| !problem.is_null()),
        text: &text,
    };
    let mut view = of_text(&source)?;
    let transform = field("transform").filter(|name| *name != metacot_traces::generate::NO_TRANSFORM);
    view.facts.extend(transform.map(|name| ("transform".to_string(), name.to_string())));
    if let Some(id) = row.get("id") {
        view.title = format!("{} · {}", view.title, id.as_str().map_or_else(|| id.to_string(), str::to_string));
    }
    Ok(view)
}

/// What a file of rows holds.
pub(super) fn summary(path: &Path) -> Result<Summary> {
    let mut summary = Summary { kind: "rows", ..Summary::default() };
    summary.fact("file", path.display());
    let rows: Vec<Value> = if path.extension().is_some_and(|extension| extension == "shard") {
        read_file(path)?.iter().map(serde_json::to_value).collect::<std::result::Result<_, _>>()?
    } else {
        let bytes = fs::read(path).map_err(Error::io("cannot read", path))?;
        let lines = bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace));
        lines
            .map(|(index, line)| serde_json::from_slice(line).map_err(|error| Error::data(path, format!("line {}: not JSON: {error}", index + 1))))
            .collect::<Result<_>>()?
    };
    summary.fact("rows", rows.len());
    for (number, row) in rows.iter().enumerate().take(3) {
        let text = row.get("text").or(row.get("response")).and_then(Value::as_str).map_or_else(|| row.to_string(), str::to_string);
        let id = row.get("id").map_or_else(|| number.to_string(), Value::to_string);
        summary.listings.push((format!("row {id}"), shortened(&text)));
    }
    Ok(summary)
}
