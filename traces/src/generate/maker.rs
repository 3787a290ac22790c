//! Makes one record: draw a problem, search it, write it, audit what was written.

use metacot_envs::{SeedTree, Settings, World};
use rand_chacha::ChaCha8Rng;

use super::{HeldOut, NO_TRANSFORM, Producer, Spec};
use crate::{
    Auditor, Recorder, Search, TraceFormat,
    corpus::{CorpusError, Record, RecordRef, SplitBy},
    format, search,
    transform::{self, Base, Label, Sample, Source, Transform, loss::LossMask},
};

/// Draws of a problem before its split counts as empty.
const MAX_DRAWS: u64 = 100_000;

/// An environment with the search and the format of a [`Spec`], checked and ready.
pub struct Maker<E: World> {
    env: E,
    search: Box<dyn Search<E>>,
    format: Box<dyn TraceFormat<E>>,
    transform: Option<Box<dyn Transform<E>>>,
    /// What records call it.
    label: Option<String>,
    spec: Spec,
    held_out: HeldOut<E>,
    /// Ids whose problem an earlier id has, ascending.
    left_out: Vec<u64>,
    problem_seeds: SeedTree,
    search_seeds: SeedTree,
    transform_seeds: SeedTree,
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
        let format = format::build::<E>(&spec.format, &spec.format_settings).map_err(usage)?;
        format::check_pair(format.as_ref(), &spec.format, &spec.search).map_err(usage)?;
        let transform = match spec.transform.as_str() {
            NO_TRANSFORM => None,
            name => Some(transform::build::<E>(name, &spec.format, &spec.transform_settings).map_err(usage)?),
        };
        let label = transform.as_ref().map(|_| Label::write(&spec.transform, &spec.transform_settings));
        let seeds = SeedTree::root(spec.seed).child(E::NAME).child(spec.split.name());
        let held_out = HeldOut::new(spec, &env)?;
        let [problem_seeds, search_seeds, transform_seeds] = ["problem", "search", "transform"].map(|name| seeds.child(name));
        if E::HAS_OPPONENT {
            // Boards of any size can be played, and only small ones posed.
            env.validate(&env.generate(&mut problem_seeds.stream(0))).map_err(|reason| CorpusError::Usage(format!("{}: {reason}", E::NAME)))?;
        }
        let (spec, left_out) = (spec.clone(), Vec::new());
        Ok(Self { env, search, format, transform, label, spec, held_out, left_out, problem_seeds, search_seeds, transform_seeds })
    }

    /// The problem of record `id`: the first draw of its stream that lies in the split.
    ///
    /// # Errors
    /// No draw lies there: the split is empty at this difficulty.
    pub fn problem(&self, id: u64) -> Result<(E::Problem, String), CorpusError> {
        let mut rng: ChaCha8Rng = self.problem_seeds.stream(id);
        let env = self.held_out.drawn_from(id).unwrap_or(&self.env);
        for _ in 0..MAX_DRAWS {
            let problem = env.generate(&mut rng);
            let key = self.env.canonical_key(&problem);
            let is_inside = self.held_out.admits(&self.env, &problem, self.spec.split)
                && (self.spec.split.held_out().is_some()
                    || match self.spec.shares.by {
                        SplitBy::Problem => self.spec.shares.split_of(&key) == self.spec.split,
                        SplitBy::Family => self.spec.shares.split_of(&self.env.family_key(&problem)) == self.spec.split,
                    });
            if is_inside {
                return Ok((problem, key));
            }
        }
        Err(CorpusError::Usage(format!("no problem of {} falls into the split `{}`; its share is too small", E::NAME, self.spec.split.name())))
    }

    /// Leaves out these ids, given in rising order.
    pub fn leave_out(&mut self, ids: Vec<u64>) {
        self.left_out = ids;
    }

    /// What the search of record `id` draws from.
    pub fn search_stream(&self, id: u64) -> ChaCha8Rng {
        self.search_seeds.stream(id)
    }

    /// Makes record `id`; `None` where the format cannot show the trace (a failed search in a format of solutions).
    ///
    /// # Errors
    /// The split is empty, or the text does not audit clean, which is a bug of ours.
    pub fn record(&self, id: u64, desk: &mut Desk<E>) -> Result<Option<Record>, CorpusError> {
        self.make(id, desk, |record| record.to_record())
    }

    /// Makes record `id` and hands it to `take`; `None` where the format cannot show the trace.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn make<R>(&self, id: u64, desk: &mut Desk<E>, take: impl FnOnce(RecordRef<'_>) -> R) -> Result<Option<R>, CorpusError> {
        let (problem, canonical_key) = self.problem(id)?;
        let Self { env, search, format, spec, .. } = self;
        search.run(env, &problem, spec.budget, &mut self.search_seeds.stream(id), &mut desk.recorder);
        let trace = desk.recorder.trace();
        if !format.can_write(trace) {
            return Ok(None);
        }
        let Some(transform) = &self.transform else {
            // Makers of one environment share a desk: nothing of the record before may stay.
            let mut text = std::mem::take(&mut desk.sample.text);
            text.clear();
            desk.sample = Sample { text, ..Sample::default() };
            desk.sample.prompt_len = format.write(env, &problem, trace, &mut desk.sample.text);
            self.check(id, (&problem, trace.goal.is_some()), (format.as_ref(), &desk.sample.text), &mut desk.auditor)?;
            return Ok(Some(self.describe(id, &problem, &canonical_key, desk, take)));
        };
        let source = Source { env, problem: &problem, trace, search: search.as_ref(), budget: spec.budget, format: format.as_ref(), format_name: &spec.format };
        let Some(sample) = transform.apply(&source, &mut self.transform_seeds.stream(id)) else { return Ok(None) };
        if let Base::Honest(text) = transform.base(&source, &sample) {
            let is_solved = trace.goal.is_some();
            match &sample.format {
                Some(name) => {
                    let told = format::build::<E>(name, &Settings::default()).map_err(|error| CorpusError::Usage(error.to_string()))?;
                    self.check(id, (&problem, is_solved), (told.as_ref(), &text), &mut desk.auditor)?;
                }
                None => self.check(id, (&problem, is_solved), (format.as_ref(), &text), &mut desk.auditor)?,
            }
        }
        desk.sample = sample;
        Ok(Some(self.describe(id, &problem, &canonical_key, desk, take)))
    }

    /// Hands the record on the desk to `take`.
    fn describe<R>(&self, id: u64, problem: &E::Problem, canonical_key: &str, desk: &Desk<E>, take: impl FnOnce(RecordRef<'_>) -> R) -> R {
        let (Self { env, spec, .. }, trace, sample) = (self, desk.recorder.trace(), &desk.sample);
        let plan = trace.plan().map(|plan| plan_texts(env, problem, &plan));
        let json = serde_json::to_string(problem).expect("problems are plain data");
        let plain = [(sample.prompt_len as u64, sample.text.len() as u64)];
        let spans = if self.transform.is_none() && spec.loss == LossMask::Response { Vec::new() } else { self.spans(problem, sample) };
        take(RecordRef {
            id,
            env: &spec.env,
            search: &spec.search,
            format: sample.format.as_ref().unwrap_or(&spec.format),
            transform: self.label.as_deref(),
            split: spec.split,
            canonical_key,
            problem: &json,
            text: &sample.text,
            prompt_len: sample.prompt_len as u64,
            plan: plan.as_deref(),
            cost: trace.goal.map(|goal| trace.node(goal).cost),
            stop: trace.stop,
            expanded: trace.expanded,
            generated: trace.nodes.len() as u64,
            loss_spans: if spans.is_empty() && spec.loss == LossMask::Response && self.transform.is_none() { &plain } else { &spans },
        })
    }

    fn spans(&self, problem: &E::Problem, sample: &Sample) -> Vec<(u64, u64)> {
        let told = sample.format.as_ref().and_then(|name| format::build::<E>(name, &Settings::default()).ok());
        self.spec.loss.spans(&self.env, problem, told.as_deref().unwrap_or(self.format.as_ref()), sample)
    }

    /// Audits a text that is about to be written.
    fn check(
        &self,
        id: u64,
        (problem, is_solved): (&E::Problem, bool),
        (format, text): (&dyn TraceFormat<E>, &str),
        auditor: &mut Auditor<E>,
    ) -> Result<(), CorpusError> {
        auditor.check(&self.env, problem, &format.parse(text));
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

    fn make<R>(&self, id: u64, desk: &mut Desk<E>, take: impl FnOnce(RecordRef<'_>) -> R) -> Result<Option<R>, CorpusError> {
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
