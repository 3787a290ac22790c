//! Records of one environment: problems validated, searched where that is asked, traces of others audited statement by statement.

use std::collections::BTreeSet;

use metacot_envs::{
    Difficulty, SeedTree, SettingError, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use metacot_traces::{
    Auditor, Budget, Recorder, Search, StopReason, TraceFormat,
    corpus::{CorpusError, Record, Split, SplitShares},
    format,
    generate::plan_texts,
    search,
};

use super::ImportSpec;
use crate::importer::{Item, Refusal, shorten};

/// The name of the search of a record that has none.
pub(super) const NO_SEARCH: &str = "none";

/// Makes records of one environment with its types erased.
pub(super) trait Desk {
    /// The record of an item of this environment.
    fn record(&mut self, id: u64, item: Item) -> Result<Record, Refusal>;
}

/// Opens the desk of an environment at a difficulty, or at its default where the difficulty is not allowed: problems are validated one by one.
///
/// # Errors
/// A format or search that is not allowed for it.
pub(super) fn open(env: &str, difficulty: &Difficulty, format: &str, spec: &ImportSpec) -> Result<Box<dyn Desk>, CorpusError> {
    registry::visit(env, Open { difficulty, format, spec }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

struct Open<'a> {
    difficulty: &'a Difficulty,
    format: &'a str,
    spec: &'a ImportSpec,
}

impl EnvironmentVisitor for Open<'_> {
    type Output = Result<Box<dyn Desk>, CorpusError>;

    fn visit<E: World>(self) -> Self::Output {
        let usage = |error: SettingError| CorpusError::Usage(error.to_string());
        let Self { difficulty, format, spec } = self;
        let env = E::configure(difficulty).or_else(|_| E::configure(&Difficulty::default())).map_err(usage)?;
        let told = format::build::<E>(format, &Settings::default()).map_err(usage)?;
        let search = match &spec.search {
            None => None,
            Some(name) => {
                format::check_pair(told.as_ref(), format, name).map_err(usage)?;
                Some((name.clone(), search::build::<E>(name, &env, &spec.search_settings).map_err(usage)?))
            }
        };
        Ok(Box::new(Typed {
            env,
            format: told,
            format_name: format.into(),
            search,
            budget: spec.budget,
            seeds: SeedTree::root(spec.seed).child("import").child(E::NAME),
            split: spec.split,
            recorder: Recorder::default(),
            auditor: Auditor::default(),
        }))
    }
}

struct Typed<E: World> {
    env: E,
    format: Box<dyn TraceFormat<E>>,
    format_name: String,
    search: Option<(String, Box<dyn Search<E>>)>,
    budget: Budget,
    seeds: SeedTree,
    split: Option<Split>,
    recorder: Recorder<E>,
    auditor: Auditor<E>,
}

impl<E: World> Desk for Typed<E> {
    fn record(&mut self, id: u64, item: Item) -> Result<Record, Refusal> {
        match item {
            Item::Problem { problem: json, .. } => {
                let problem = self.problem(&json)?;
                if self.search.is_some() { self.searched(id, &problem) } else { Ok(self.blank(id, &problem)) }
            }
            Item::Trace { problem: json, text, search, .. } => {
                let problem = self.problem(&json)?;
                self.audited(id, &problem, &text, search)
            }
            Item::Question { question, .. } => Err(Refusal::unusable("is a question in words", shorten(&question).into_owned())),
        }
    }
}

impl<E: World> Typed<E> {
    fn problem(&self, json: &serde_json::Value) -> Result<E::Problem, Refusal> {
        let refuse = |reason: String| Refusal::unusable(format!("is outside of the limits of {}", E::NAME), shorten(&reason).into_owned());
        let problem: E::Problem = serde_json::from_value(json.clone()).map_err(|error| refuse(error.to_string()))?;
        self.env.validate(&problem).map_err(refuse)?;
        Ok(problem)
    }

    /// The record of a problem's prompt alone.
    fn blank(&self, id: u64, problem: &E::Problem) -> Record {
        let mut text = String::new();
        self.format.write_prompt(&self.env, problem, &mut text);
        let canonical_key = self.env.canonical_key(problem);
        Record {
            id,
            env: E::NAME.into(),
            search: NO_SEARCH.into(),
            format: self.format_name.clone(),
            transform: None,
            split: self.split.unwrap_or_else(|| SplitShares::default().split_of(&canonical_key)),
            canonical_key,
            problem: serde_json::to_value(problem).expect("problems are plain data"),
            prompt_len: text.len() as u64,
            text,
            plan: None,
            cost: None,
            stop: StopReason::None,
            expanded: 0,
            generated: 0,
            loss_spans: Vec::new(),
        }
    }

    /// The record of a search of ours.
    fn searched(&mut self, id: u64, problem: &E::Problem) -> Result<Record, Refusal> {
        let blank = self.blank(id, problem);
        let Some((name, search)) = &self.search else { return Ok(blank) };
        search.run(&self.env, problem, self.budget, &mut self.seeds.stream(id), &mut self.recorder);
        let trace = self.recorder.trace();
        if !self.format.can_write(trace) {
            return Err(Refusal::unusable("was not solved, and the format shows solutions only", format!("{name} with {}", self.format_name)));
        }
        let mut text = String::new();
        let prompt_len = self.format.write(&self.env, problem, trace, &mut text) as u64;
        let plan = trace.plan();
        let (cost, stop, expanded, generated) = (trace.goal.map(|goal| trace.node(goal).cost), trace.stop, trace.expanded, trace.nodes.len() as u64);
        self.auditor.check(&self.env, problem, &self.format.parse(&text));
        if let Some(defect) = self.auditor.defects().first() {
            return Err(Refusal::unusable("cannot be told truly in the format", format!("{} with {name}", defect.kind)));
        }
        Ok(Record {
            search: name.clone(),
            plan: plan.map(|plan| plan_texts(&self.env, problem, &plan)),
            loss_spans: vec![(prompt_len, text.len() as u64)],
            text,
            prompt_len,
            cost,
            stop,
            expanded,
            generated,
            ..blank
        })
    }

    /// The record of another tool's text, if all of it is true.
    fn audited(&mut self, id: u64, problem: &E::Problem, text: &str, search: String) -> Result<Record, Refusal> {
        let blank = self.blank(id, problem);
        let text = match text.starts_with(blank.text.as_str()) || text == blank.text.trim_end() {
            true => text.to_string(),
            false => [blank.text.as_str(), text].concat(),
        };
        self.auditor.check(&self.env, problem, &self.format.parse(&text));
        if let Some(defect) = self.auditor.defects().first() {
            let place = text.get(defect.span.clone()).unwrap_or_default();
            return Err(Refusal::unusable(format!("has a trace that is not true ({})", defect.kind), shorten(place).into_owned()));
        }
        let is_solved = self.auditor.is_solved();
        let trace = self.auditor.trace();
        let plan = if is_solved { trace.plan() } else { None };
        let prompt_len = blank.prompt_len.min(text.len() as u64);
        Ok(Record {
            search,
            plan: plan.map(|plan| plan_texts(&self.env, problem, &plan)),
            cost: if is_solved { trace.goal.map(|goal| trace.node(goal).cost) } else { None },
            stop: if is_solved { StopReason::Solved } else { StopReason::None },
            // The audit of a tree counts no expansions: those nodes were expanded that have children.
            expanded: trace.expanded.max(trace.nodes.iter().skip(1).map(|node| node.parent).collect::<BTreeSet<_>>().len() as u64),
            generated: trace.nodes.len() as u64,
            loss_spans: vec![(prompt_len, text.len() as u64)],
            text,
            prompt_len,
            ..blank
        })
    }
}
