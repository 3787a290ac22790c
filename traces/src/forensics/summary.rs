//! Forensics of a whole corpus, and the overlap of its states with those of another.

use std::{collections::BTreeMap, path::Path};

use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::Value;

use super::{Forensics, Profile, Profilers, Style, Told, overlap_of};
use crate::{
    corpus::{
        CorpusError,
        filter::{Item, Source},
    },
    stats::{Histogram, Spread},
};

/// What is surveyed.
#[derive(Clone, Copy, Debug)]
pub struct Survey<'a> {
    /// A corpus or a file of JSON lines, or `-`: records, or rows with `problem` and `response`.
    pub input: &'a Path,
    /// Another one; traces of the same problem up to symmetry are compared.
    pub against: Option<&'a Path>,
    /// The environment of rows that do not name theirs.
    pub env: Option<&'a str>,
    /// The format of rows that do not name theirs.
    pub format: Option<&'a str>,
    /// Worker threads, at least 1.
    pub threads: usize,
}

/// How much of the states of two traces of a problem is shared.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Overlap {
    /// Traces whose problem the other corpus has.
    pub pairs: u64,
    /// Traces whose problem it does not have.
    pub unmatched: u64,
    /// Mean share, in [0, 1].
    pub mean: f64,
    /// Least share.
    pub min: f64,
    /// Median share.
    pub p50: f64,
    /// Largest share.
    pub max: f64,
}

/// Counts over traces.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Traces.
    pub traces: u64,
    /// Those of which every statement is true.
    pub clean: u64,
    /// Those whose plan solves the problem.
    pub solved: u64,
    /// Those that a transform made wrong on purpose; they are clean where nothing else is wrong.
    #[serde(skip_serializing_if = "is_zero")]
    pub controls: u64,
    /// Traces by style.
    pub styles: BTreeMap<Style, u64>,
    /// Backtracks of all traces by the number of levels that they go up.
    pub backtracks_by_levels: BTreeMap<u32, u64>,
    /// Counts per trace, by name.
    pub per_trace: BTreeMap<&'static str, Spread>,
    /// Present where another corpus was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    /// The same for every environment, search and format, where there are several.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_kind: BTreeMap<String, Summary>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Default)]
struct Collector {
    summary: Summary,
    per_trace: BTreeMap<&'static str, Histogram>,
    overlaps: Vec<f64>,
}

impl Collector {
    fn add(&mut self, profile: &Profile, others: Option<&FxHashMap<String, Vec<u64>>>) {
        let Self { summary, per_trace, overlaps } = self;
        let Forensics { backtracks, returns_to_root, revisits, repeated_states, verifications, sub_goals, evaluations, visits, plan_length, style } =
            &profile.forensics;
        summary.traces += 1;
        summary.clean += u64::from(profile.is_clean);
        summary.solved += u64::from(profile.is_solved);
        summary.controls += u64::from(profile.is_control);
        *summary.styles.entry(*style).or_default() += 1;
        for (levels, count) in backtracks {
            *summary.backtracks_by_levels.entry(*levels).or_default() += count;
        }
        for (name, count) in [
            ("backtracks", backtracks.values().sum()),
            ("returns to root", *returns_to_root),
            ("revisits", *revisits),
            ("repeated states", *repeated_states),
            ("verifications", *verifications),
            ("sub-goals", *sub_goals),
            ("evaluations", *evaluations),
            ("visits", *visits),
            ("plan length", *plan_length),
        ] {
            per_trace.entry(name).or_default().add(count);
        }
        if let Some(others) = others {
            let overlap = summary.overlap.get_or_insert_default();
            match others.get(&profile.canonical_key) {
                Some(other) => overlaps.push(overlap_of(&profile.states, other)),
                None => overlap.unmatched += 1,
            }
        }
    }

    fn finish(self) -> Summary {
        let Self { mut summary, per_trace, mut overlaps } = self;
        summary.per_trace = per_trace.iter().map(|(name, counts)| (*name, counts.spread())).collect();
        if let Some(overlap) = &mut summary.overlap {
            overlaps.sort_by(f64::total_cmp);
            let at = |share: f64| overlaps.get(((overlaps.len() as f64 * share) as usize).min(overlaps.len().saturating_sub(1))).copied().unwrap_or(0.0);
            // The sum of nothing is -0.0.
            let mean = overlaps.iter().fold(0.0, |sum, overlap| sum + overlap) / overlaps.len().max(1) as f64;
            *overlap = Overlap { pairs: overlaps.len() as u64, mean, min: at(0.0), p50: at(0.5), max: at(1.0), ..*overlap };
        }
        summary
    }
}

/// Surveys a corpus; `progress` is told how many traces are done. Of the other corpus, the states of the first trace of each problem are
/// kept, 8 bytes each; of the surveyed one nothing but counts.
///
/// # Errors
/// A source that cannot be read, or a row that is no trace, by its place.
pub fn survey(job: &Survey<'_>, progress: &mut dyn FnMut(u64, Option<u64>)) -> Result<Summary, CorpusError> {
    let profilers = Profilers::default();
    let mut others = None;
    if let Some(path) = job.against {
        let states: &mut FxHashMap<String, Vec<u64>> = others.insert(FxHashMap::default());
        profiles(job, &Source::open(path)?, path, &profilers, true, &mut |_, profile| {
            states.entry(profile.canonical_key).or_insert(profile.states);
        })?;
    }
    let source = Source::open(job.input)?;
    let (mut all, mut kinds) = (Collector::default(), BTreeMap::<String, Collector>::new());
    let (mut done, rows) = (0, source.rows());
    profiles(job, &source, job.input, &profilers, others.is_some(), &mut |kind, profile| {
        all.add(&profile, others.as_ref());
        kinds.entry(kind).or_default().add(&profile, others.as_ref());
        done += 1;
        progress(done, rows);
    })?;
    let mut summary = all.finish();
    if kinds.len() > 1 {
        summary.by_kind = kinds.into_iter().map(|(kind, collector)| (kind, collector.finish())).collect();
    }
    Ok(summary)
}

fn profiles(
    job: &Survey<'_>,
    source: &Source,
    path: &Path,
    profilers: &Profilers,
    wants_states: bool,
    take: &mut dyn FnMut(String, Profile),
) -> Result<(), CorpusError> {
    let mut number = 0_u64;
    let look = |item: &Item| {
        let (kind, told) = told(job, item)?;
        Ok::<_, String>((kind, profilers.profile(told, wants_states)?))
    };
    source.map(job.threads, &look, &mut |_, outcome| {
        number += 1;
        let (kind, profile) = outcome.map_err(|reason| CorpusError::data(path, format!("row {number}: {reason}")))?;
        take(kind, profile);
        Ok(())
    })
}

/// The text of a row, and the kind that it is counted under.
fn told<'a>(job: &Survey<'a>, item: &'a Item) -> Result<(String, Told<'a>), String> {
    match item {
        Item::Record(record) => {
            let kind = format!("{}/{}/{}", record.env, record.search, record.format);
            Ok((
                kind,
                Told { env: &record.env, format: &record.format, transform: record.transform.as_deref(), problem: Some(&record.problem), text: &record.text },
            ))
        }
        Item::Line { value, .. } => {
            let field = |name: &str| value.get(name).and_then(Value::as_str);
            let env = field("env").or(job.env).ok_or("a row needs `env`, or give --env")?;
            let format = field("format").or(job.format).ok_or("a row needs `format`, or give --format")?;
            let text = ["text", "response", "completion"].into_iter().find_map(field).ok_or("a row needs `response` or `text`")?;
            let search = field("search").unwrap_or("model");
            Ok((
                format!("{env}/{search}/{format}"),
                Told { env, format, transform: field("transform"), problem: value.get("problem").filter(|problem| problem.is_object()), text },
            ))
        }
    }
}
