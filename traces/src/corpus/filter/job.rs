//! A run of the funnel: rows in, the kept rows as a corpus out, with the counts beside its manifest.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::RwLock,
};

use metacot_envs::Settings;
use serde_json::{Value, json};

use super::{Context, Funnel, Item, Leaks, Rates, RuleCount, Source, Worlds, source::PLAIN};
use crate::corpus::{CorpusError, Layout, Record, Shard, Writer, WriterSpec, publish};

/// Name of the report in the folder of the kept corpus.
pub const FUNNEL: &str = "funnel.json";

/// What to filter, and how.
#[derive(Clone, Debug)]
pub struct FilterJob {
    /// A corpus, a file of JSON lines, or `-`.
    pub input: PathBuf,
    /// The folder of the kept corpus.
    pub out: PathBuf,
    /// The names of the rules; those that apply by default where left out.
    pub rules: Option<Vec<String>>,
    /// Their settings.
    pub settings: Settings,
    /// The environment of problems in rows that do not name theirs.
    pub env: Option<String>,
    /// Corpora and files of which nothing may be kept.
    pub against: Vec<PathBuf>,
    /// Graded rows that solve rates are measured from.
    pub graded: Option<PathBuf>,
    /// Worker threads, at least 1; no effect on the outcome.
    pub threads: usize,
    /// Whether a finished corpus in `out` may be replaced.
    pub force: bool,
}

/// Filters; `progress` is told how many rows are done, and of how many where that is known. Returns rows, kept rows and counts per rule.
///
/// # Errors
/// A rule or setting that is not allowed, a source that cannot be read, a row that does not read (by its place), or an output folder that
/// holds a corpus already.
pub fn filter(job: &FilterJob, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<(u64, u64, Vec<RuleCount>), CorpusError> {
    let worlds = Worlds::default();
    let source = Source::open(&job.input)?;
    if let (Ok(input), Ok(out)) = (fs::canonicalize(&job.input), fs::canonicalize(&job.out))
        && (input == out || input.starts_with(&out))
    {
        return Err(CorpusError::Usage(format!("{} is read and cannot be written too; give another --out", job.out.display())));
    }
    let usage = |error: metacot_envs::SettingError| CorpusError::Usage(error.to_string());
    let mut context = Context { rates: job.graded.as_deref().map(Rates::read).transpose()?, leaks: None };
    // Checked before the corpora to compare with are read.
    let empty = Context { leaks: (!job.against.is_empty()).then(Leaks::default), ..context.clone() };
    Funnel::new(job.rules.as_deref(), &empty, &job.settings).map_err(usage)?;
    if !job.against.is_empty() {
        context.leaks = Some(leaks(job, &worlds)?);
    }
    let funnel = Funnel::new(job.rules.as_deref(), &context, &job.settings).map_err(usage)?;
    let mut kept = Kept::create(job, &source)?;
    let (mut done, rows) = (0, source.rows());
    // Rules are looked up while rows are settled, so looking and settling share the funnel.
    let shared = RwLock::new(funnel);
    let look = |item: &Item| {
        let row = item.row(job.env.as_deref(), &worlds)?;
        Ok::<_, String>(shared.read().expect("rules do not panic").look(&row))
    };
    source.map(job.threads, &look, &mut |item, marks| {
        done += 1;
        let marks = marks.map_err(|reason| CorpusError::data(&job.input, format!("row {done}: {reason}")))?;
        let is_kept = shared.write().expect("rules do not panic").settle(&marks).is_none();
        progress(done, rows);
        kept.take(&item, is_kept)
    })?;
    let funnel = shared.into_inner().expect("rules do not panic");
    let (rows, num_kept, counts) = funnel.counts();
    kept.finish(&json!({
        "version": 1,
        "tool_version": env!("CARGO_PKG_VERSION"),
        "input": job.input,
        "input_digest": source.digest(),
        "against": job.against,
        "settings": job.settings,
        "rows": rows,
        "kept": num_kept,
        "rules": counts,
    }))?;
    Ok((rows, num_kept, counts))
}

/// The problems of the corpora that must not be learned.
fn leaks(job: &FilterJob, worlds: &Worlds) -> Result<Leaks, CorpusError> {
    let mut leaks = Leaks::default();
    for path in &job.against {
        let mut number = 0_u64;
        Source::open(path)?.read(&mut |item| {
            number += 1;
            leaks.add(&item.row(job.env.as_deref(), worlds).map_err(|reason| CorpusError::data(path, format!("row {number}: {reason}")))?);
            Ok(())
        })?;
    }
    Ok(leaks)
}

/// The corpus that is written: a file for each file of the input, so that memory stays flat and names are known before.
struct Kept {
    writer: Writer,
    /// Where the files of the input end, in rows.
    ends: Vec<u64>,
    rows: u64,
    layout: Layout,
    out: PathBuf,
}

impl Kept {
    fn create(job: &FilterJob, source: &Source) -> Result<Self, CorpusError> {
        let filter = json!({ "input": job.input, "input_digest": source.digest(), "rules": job.rules, "settings": job.settings, "against": job.against });
        let (mut ends, mut prefix, mut config) = (vec![u64::MAX], "train".to_string(), json!({ "rows": PLAIN }));
        if let Source::Corpus { manifest, .. } = source {
            ends = manifest
                .files
                .iter()
                .scan(0, |end, file| {
                    Some({
                        *end += file.records;
                        *end
                    })
                })
                .collect();
            if let Some((name, _)) = manifest.files.first().and_then(|file| file.name.rsplit_once("-of-")?.0.rsplit_once('-')) {
                prefix = name.into();
            }
            config = manifest.config.clone();
        }
        if let Value::Object(config) = &mut config {
            config.insert("filter".into(), filter);
        }
        let num_files = (ends.len() as u64).max(1);
        let (folder, layout, shard) = (job.out.clone(), source.layout(), Shard::WHOLE);
        let spec = WriterSpec { folder, layout, prefix, files: 0..num_files, num_files, shard, config, force: job.force };
        let writer = Writer::create(spec)?;
        remove_old(&job.out.join(FUNNEL))?;
        let mut kept = Self { writer, ends, rows: 0, layout: source.layout(), out: job.out.clone() };
        kept.end_files()?;
        Ok(kept)
    }

    fn take(&mut self, item: &Item, is_kept: bool) -> Result<(), CorpusError> {
        if is_kept {
            match item {
                Item::Record(record) => self.write(record)?,
                Item::Line { line, .. } => {
                    self.writer.append(&[line.as_slice(), b"\n"].concat(), 1)?;
                    self.writer.count("records", 1);
                    self.writer.count("text_bytes", line.len() as u64);
                }
            }
        }
        self.rows += 1;
        self.end_files()
    }

    /// Ends the files whose rows are done.
    fn end_files(&mut self) -> Result<(), CorpusError> {
        while self.ends.first() == Some(&self.rows) {
            self.ends.remove(0);
            self.writer.end_file()?;
        }
        Ok(())
    }

    fn write(&mut self, record: &Record) -> Result<(), CorpusError> {
        let problem = record.problem.to_string();
        let mut bytes = Vec::with_capacity(record.text.len() + 512);
        self.layout.encode(&record.borrowed(&problem), &mut bytes);
        self.writer.append(&bytes, 1)?;
        for (name, count) in
            [("records", 1), ("solved", u64::from(record.plan.is_some())), ("text_bytes", record.text.len() as u64), ("expanded", record.expanded)]
        {
            self.writer.count(name, count);
        }
        Ok(())
    }

    fn finish(self, report: &Value) -> Result<(), CorpusError> {
        let mut text = serde_json::to_string_pretty(report).expect("a report is plain data");
        text.push('\n');
        publish(&self.out.join(FUNNEL), text.as_bytes())?;
        self.writer.finish().map(drop)
    }
}

fn remove_old(path: &Path) -> Result<(), CorpusError> {
    if path.exists() { fs::remove_file(path).map_err(CorpusError::io("cannot remove", path)) } else { Ok(()) }
}
