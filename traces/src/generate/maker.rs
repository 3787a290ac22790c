//! Makes one record: draw a problem, search it, write it, audit what was written.

use std::ops::Range;

use metacot_envs::{SeedTree, Settings, World};
use rand_chacha::ChaCha8Rng;

use super::{HeldOut, NO_TRANSFORM, Producer, Spec};
use crate::{
    Auditor, Recorder, Search, StopReason, TraceFormat,
    corpus::{CorpusError, Record, RecordRef, SplitBy},
    discourse::Reading,
    format,
    label::Label,
    search,
    transform::{self, Sample, Skip, Source, Transform, loss::LossMask},
};

/// Draws of a problem before its split counts as empty.
const MAX_DRAWS: u64 = 100_000;
/// Searches that are tried before a combination is refused of which nothing can come.
const MAX_TRIALS: u64 = 100;

/// An environment with the search and the format of a [`Spec`], checked and ready.
pub struct Maker<E: World> {
    env: E,
    search: Box<dyn Search<E>>,
    format: Box<dyn TraceFormat<E>>,
    transform: Option<Box<dyn Transform<E>>>,
    /// What records call it, and how its texts are read.
    label: Option<String>,
    /// What records call the format.
    format_label: String,
    reading: Reading,
    spec: Spec,
    held_out: HeldOut<E>,
    /// The problems of all ids, where they are listed and not drawn.
    listed: Option<Vec<E::Problem>>,
    /// Ids whose problem an earlier id has, ascending.
    left_out: Vec<u64>,
    problem_seeds: SeedTree,
    search_seeds: SeedTree,
    transform_seeds: SeedTree,
}

/// What is told in a text.
#[derive(Clone, Copy)]
struct Told<'a, E: World> {
    problem: &'a E::Problem,
    is_solved: bool,
    reading: Reading,
}

/// What a worker needs beside the maker; reused from record to record so that nothing large is allocated in the steady state.
pub struct Desk<E: World> {
    recorder: Recorder<E>,
    auditor: Auditor<E>,
    sample: Sample,
}

impl<E: World> Default for Desk<E> {
    fn default() -> Self {
        Self { recorder: Recorder::default(), auditor: Auditor::default(), sample: Sample::default() }
    }
}

impl<E: World> Maker<E> {
    /// Checks the names and settings of a spec.
    ///
    /// # Errors
    /// The first setting or combination that is unknown or not allowed.
    pub fn new(spec: &Spec) -> Result<Self, CorpusError> {
        let usage = |error: metacot_envs::SettingError| CorpusError::Usage(error.to_string());
        let env = E::configure(&spec.difficulty).map_err(usage)?;
        let search = search::build::<E>(&spec.search, &env, &spec.search_settings).map_err(usage)?;
        let format = format::build_for::<E>(&spec.search, &spec.format, &spec.format_settings).map_err(usage)?;
        format::check_pair(format.as_ref(), &spec.format, &spec.search).map_err(usage)?;
        let transform = match spec.transform.as_str() {
            NO_TRANSFORM => None,
            name => Some(transform::build::<E>(name, &spec.format, &spec.transform_settings).map_err(usage)?),
        };
        let format_label = Label::write(&spec.format, &spec.format_settings);
        let label = transform.as_ref().map(|_| Label::write(&spec.transform, &spec.transform_settings));
        let reading = transform.as_ref().map_or_else(Reading::default, |transform| transform.reading());
        let seeds = SeedTree::root(spec.seed).child(E::NAME).child(spec.split.name());
        let [problem_seeds, search_seeds, transform_seeds] = ["problem", "search", "transform"].map(|name| seeds.child(name));
        if E::HAS_OPPONENT {
            // Boards of any size can be played, and only small ones posed.
            env.validate(&env.generate(&mut problem_seeds.stream(0))).map_err(|reason| CorpusError::Usage(format!("{}: {reason}", E::NAME)))?;
        }
        let held_out = HeldOut::new(spec, &env)?;
        let (spec, listed, left_out) = (spec.clone(), None, Vec::new());
        let mut maker = Self {
            env,
            search,
            format,
            transform,
            label,
            format_label,
            reading,
            spec,
            held_out,
            listed,
            left_out,
            problem_seeds,
            search_seeds,
            transform_seeds,
        };
        if maker.spec.listed {
            maker.listed = Some(maker.list()?);
        }
        Ok(maker)
    }

    /// The listed problems of the split.
    fn list(&self) -> Result<Vec<E::Problem>, CorpusError> {
        let all = self.env.problems().ok_or_else(|| {
            let reason = "cannot list all its problems at this size; expected game24, or countdown with small numbers";
            CorpusError::Usage(format!("{} {reason}", E::NAME))
        })?;
        let inside: Vec<E::Problem> = all.into_iter().filter(|problem| self.is_inside(problem, &self.env.canonical_key(problem))).collect();
        match inside.len() as u64 {
            0 => Err(CorpusError::Usage(format!("no problem of {} falls into the split `{}`", E::NAME, self.spec.split.name()))),
            length if length < self.spec.count => {
                Err(CorpusError::Usage(format!("{} problems of {} are asked for, and {length} are listed", self.spec.count, E::NAME)))
            }
            _ => Ok(inside),
        }
    }

    /// How many problems are listed; 0 where they are drawn.
    pub fn num_listed(&self) -> u64 {
        self.listed.as_ref().map_or(0, Vec::len) as u64
    }

    /// Whether a problem belongs to the split.
    fn is_inside(&self, problem: &E::Problem, canonical_key: &str) -> bool {
        let Spec { split, shares, .. } = &self.spec;
        self.held_out.admits(&self.env, problem, *split)
            && (split.held_out().is_some()
                || match shares.by {
                    SplitBy::Problem => shares.split_of(canonical_key) == *split,
                    SplitBy::Family => shares.split_of(&self.env.family_key(problem)) == *split,
                })
    }

    /// The problem of record `id`: the first draw of its stream that lies in the split, or the one of that number in the list of them.
    ///
    /// # Errors
    /// No draw lies there: the split is empty at this difficulty.
    pub fn problem(&self, id: u64) -> Result<(E::Problem, String), CorpusError> {
        if let Some(listed) = &self.listed {
            let problem =
                listed.get(id as usize).ok_or_else(|| CorpusError::Usage(format!("there is no problem {id} among {} that are listed", listed.len())))?;
            return Ok((problem.clone(), self.env.canonical_key(problem)));
        }
        let mut rng: ChaCha8Rng = self.problem_seeds.stream(id);
        let env = self.held_out.drawn_from(id).unwrap_or(&self.env);
        for _ in 0..MAX_DRAWS {
            let problem = env.generate(&mut rng);
            let key = self.env.canonical_key(&problem);
            if self.is_inside(&problem, &key) {
                return Ok((problem, key));
            }
        }
        Err(CorpusError::Usage(format!("no problem of {} falls into the split `{}`; its share is too small", E::NAME, self.spec.split.name())))
    }

    /// Leaves out these ids, given in rising order.
    pub fn leave_out(&mut self, ids: Vec<u64>) {
        self.left_out = ids;
    }

    /// Refuses a transform that keeps failed searches where the search is complete and fails for none of the first problems.
    ///
    /// # Errors
    /// It is so; or as [`problem`](Self::problem).
    pub(super) fn refuse_what_never_fails(&self, ids: Range<u64>) -> Result<(), CorpusError> {
        let Self { env, search, format, spec, .. } = self;
        if !search.is_complete() || !self.transform.as_ref().is_some_and(|transform| transform.keeps_failures(format.as_ref())) {
            return Ok(());
        }
        let mut recorder = Recorder::default();
        let count = ids.end.min(ids.start + MAX_TRIALS) - ids.start;
        for id in ids.take(MAX_TRIALS as usize) {
            search.run(env, &self.problem(id)?.0, spec.budget, &mut self.search_seeds.stream(id), &mut recorder);
            if recorder.trace().goal.is_none() {
                return Ok(());
            }
        }
        Err(CorpusError::Usage(format!(
            "{} keeps failed searches in {}, and {} solves every problem of {} that it is given ({count} of {count} tried); choose a search that can fail, such as beam, \
             fewer expansions, or a format of solutions, such as cot",
            spec.transform, spec.format, spec.search, spec.env
        )))
    }

    /// How the texts are read that the transform makes.
    pub fn reading(&self) -> Reading {
        self.reading
    }

    /// What the search of record `id` draws from.
    pub fn search_stream(&self, id: u64) -> ChaCha8Rng {
        self.search_seeds.stream(id)
    }

    /// Makes record `id`; `None` where there is nothing to show (a failed search in a format of solutions).
    ///
    /// # Errors
    /// The split is empty, or the text does not audit clean, which is a bug of ours.
    pub fn record(&self, id: u64, desk: &mut Desk<E>) -> Result<Option<Record>, CorpusError> {
        Ok(self.make(id, desk, |record| record.to_record())?.ok())
    }

    /// Makes record `id` and hands it to `take`, or says why there is none.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn make<R>(&self, id: u64, desk: &mut Desk<E>, take: impl FnOnce(RecordRef<'_>) -> R) -> Result<Result<R, Skip>, CorpusError> {
        let (problem, canonical_key) = self.problem(id)?;
        let Self { env, search, format, spec, .. } = self;
        search.run(env, &problem, spec.budget, &mut self.search_seeds.stream(id), &mut desk.recorder);
        let trace = desk.recorder.trace();
        if !format.can_write(trace) {
            return Ok(Err(Skip::Unsolved));
        }
        let told = Told { problem: &problem, is_solved: trace.goal.is_some(), reading: self.reading };
        let Some(transform) = &self.transform else {
            // Makers of one environment share a desk: nothing of the record before may stay.
            let mut text = std::mem::take(&mut desk.sample.text);
            text.clear();
            desk.sample = Sample { text, ..Sample::default() };
            desk.sample.prompt_len = format.write(env, &problem, trace, &mut desk.sample.text);
            self.check(id, told, (format.as_ref(), &desk.sample.text), &mut desk.auditor)?;
            return Ok(Ok(self.describe(id, &problem, &canonical_key, desk, take)));
        };
        let source = Source { env, problem: &problem, trace, search: search.as_ref(), budget: spec.budget, format: format.as_ref(), format_name: &spec.format };
        let sample = match transform.apply(&source, &mut self.transform_seeds.stream(id)) {
            Ok(sample) => sample,
            Err(skip) => return Ok(Err(skip)),
        };
        let other = self.other_format(&sample)?;
        self.check(id, told, (other.as_deref().unwrap_or(format.as_ref()), &sample.text), &mut desk.auditor)?;
        desk.sample = sample;
        Ok(Ok(self.describe(id, &problem, &canonical_key, desk, take)))
    }

    /// The format of a sample, where it is not that of the spec.
    fn other_format(&self, sample: &Sample) -> Result<Option<Box<dyn TraceFormat<E>>>, CorpusError> {
        let build = |name: &String| format::build::<E>(name, &Settings::default()).map_err(|error| CorpusError::Usage(error.to_string()));
        sample.format.as_ref().map(build).transpose()
    }

    /// Hands the record on the desk to `take`.
    fn describe<R>(&self, id: u64, problem: &E::Problem, canonical_key: &str, desk: &Desk<E>, take: impl FnOnce(RecordRef<'_>) -> R) -> R {
        let (Self { env, spec, .. }, trace, sample) = (self, desk.recorder.trace(), &desk.sample);
        // A control does not tell the search: it claims no solution, whatever the search found.
        let is_told = !self.reading.is_control();
        let stop = if is_told { trace.stop } else { StopReason::None };
        // A transform may tell another run than the first, so the plan is that of the text.
        let (plan, cost) = match desk.auditor.solution().filter(|_| is_told) {
            Some((plan, cost)) if self.transform.is_some() => (Some(plan_texts(env, problem, plan)), Some(cost)),
            _ => {
                let goal = trace.goal.filter(|_| is_told);
                (goal.and_then(|_| trace.plan()).map(|plan| plan_texts(env, problem, &plan)), goal.map(|goal| trace.node(goal).cost))
            }
        };
        let json = serde_json::to_string(problem).expect("problems are plain data");
        let plain = [(sample.prompt_len as u64, sample.text.len() as u64)];
        let spans = if self.transform.is_none() && spec.loss == LossMask::Response { Vec::new() } else { self.spans(problem, sample) };
        take(RecordRef {
            id,
            env: &spec.env,
            search: &spec.search,
            format: sample.format.as_ref().unwrap_or(&self.format_label),
            transform: self.label.as_deref(),
            split: spec.split,
            canonical_key,
            problem: &json,
            text: &sample.text,
            prompt_len: sample.prompt_len as u64,
            plan: plan.as_deref(),
            cost,
            stop,
            expanded: trace.expanded,
            generated: trace.nodes.len() as u64,
            loss_spans: if spans.is_empty() && spec.loss == LossMask::Response && self.transform.is_none() { &plain } else { &spans },
        })
    }

    fn spans(&self, problem: &E::Problem, sample: &Sample) -> Vec<(u64, u64)> {
        let other = self.other_format(sample).ok().flatten();
        self.spec.loss.spans((&self.env, problem), other.as_deref().unwrap_or(self.format.as_ref()), self.reading, sample)
    }

    /// Audits a text that is about to be written.
    fn check(&self, id: u64, told: Told<'_, E>, (format, text): (&dyn TraceFormat<E>, &str), auditor: &mut Auditor<E>) -> Result<(), CorpusError> {
        auditor.check(&self.env, told.problem, &told.reading.parse(format, text));
        let is_solved = told.is_solved && !told.reading.is_control();
        let reason = match auditor.defects().first() {
            Some(defect) => format!("{} at {:?}", defect.kind, text.get(defect.span.clone()).unwrap_or_default()),
            None if auditor.is_solved() != is_solved => "the plan in the text is not the plan of the search".into(),
            None => return Ok(()),
        };
        let Spec { env, search, format, .. } = &self.spec;
        Err(CorpusError::Audit { id, env: env.clone(), search: search.clone(), format: format.clone(), reason })
    }
}

impl<E: World> Producer for Maker<E> {
    type Desk<'a> = Desk<E>;

    fn desk(&self) -> Desk<E> {
        Desk::default()
    }

    fn is_left_out(&self, id: u64) -> bool {
        self.left_out.binary_search(&id).is_ok()
    }

    fn make<R>(&self, id: u64, desk: &mut Desk<E>, take: impl FnOnce(RecordRef<'_>) -> R) -> Result<Result<R, Skip>, CorpusError> {
        Maker::make(self, id, desk, take)
    }
}

/// The actions of a plan as the environment writes them, each in the state where it is taken.
pub fn plan_texts<E: World>(env: &E, problem: &E::Problem, plan: &[E::Action]) -> Vec<String> {
    let mut state = env.initial(problem);
    let mut texts = Vec::with_capacity(plan.len());
    for action in plan {
        let mut text = String::new();
        env.write_action(problem, &state, action, &mut text);
        texts.push(text);
        match env.apply(problem, &state, action) {
            Ok(next) => state = next,
            Err(_) => break,
        }
    }
    texts
}
