//! Corpus generation on all cores: record `i` depends on the seed and `i` alone, so the bytes are the same at any thread count and however
//! the run is sharded.

mod distinct;
mod held_out;
mod maker;
mod run;

use metacot_envs::{
    Difficulty, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use serde::{Deserialize, Serialize};

pub use held_out::HeldOut;
pub use maker::{Desk, Maker, plan_texts};
pub use run::{Producer, Run};

pub use crate::corpus::Shard;
use crate::{
    Budget,
    corpus::{CorpusError, CorpusSink, Layout, Manifest, Sink, Split, SplitShares},
    transform::loss::LossMask,
};

/// Everything that decides the records of a corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Registered name of the environment.
    pub env: String,
    /// Its difficulty.
    #[serde(default)]
    pub difficulty: Difficulty,
    /// Registered name of the search.
    pub search: String,
    /// Its settings.
    #[serde(default)]
    pub search_settings: Settings,
    /// Registered name of the format.
    pub format: String,
    /// Its settings.
    #[serde(default)]
    pub format_settings: Settings,
    /// Registered name of the transform; `none` for plain texts.
    #[serde(default = "no_transform")]
    pub transform: String,
    /// Its settings.
    #[serde(default)]
    pub transform_settings: Settings,
    /// What of a text is learned.
    #[serde(default)]
    pub loss: LossMask,
    /// What each search may spend.
    #[serde(default)]
    pub budget: Budget,
    /// Which part of the problem space to draw from.
    pub split: Split,
    /// How large the parts are.
    #[serde(default)]
    pub shares: SplitShares,
    /// What only the out-of-distribution splits have: `targets`, `sizes` and `sets` as in [`HeldOut`].
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub hold_out: Settings,
    /// Whether a problem that an earlier id has, up to symmetry, is left out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub distinct: bool,
    /// Whether the problems are those of the environment's own list, in its order, instead of draws; see [`num_listed`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub listed: bool,
    /// Number of problems.
    pub count: u64,
    /// Root seed.
    pub seed: u64,
}

impl Spec {
    /// A spec with default settings: no transform, loss on the response, the training split, no problems, seed 1.
    pub fn new(env: &str, search: &str, format: &str) -> Self {
        Self {
            env: env.into(),
            difficulty: Difficulty::default(),
            search: search.into(),
            search_settings: Settings::default(),
            format: format.into(),
            format_settings: Settings::default(),
            transform: no_transform(),
            transform_settings: Settings::default(),
            loss: LossMask::default(),
            budget: Budget::default(),
            split: Split::Train,
            shares: SplitShares::default(),
            hold_out: Settings::default(),
            distinct: false,
            listed: false,
            count: 0,
            seed: 1,
        }
    }
}

fn no_transform() -> String {
    NO_TRANSFORM.into()
}

/// The name under which texts stay as they are.
pub const NO_TRANSFORM: &str = "none";

/// How many problems the environment of a spec lists in its split.
///
/// # Errors
/// A setting that is not allowed, or an environment that lists none.
pub fn num_listed(spec: &Spec) -> Result<u64, CorpusError> {
    struct NumListed<'a>(&'a Spec);
    impl EnvironmentVisitor for NumListed<'_> {
        type Output = Result<u64, CorpusError>;
        fn visit<E: World>(self) -> Self::Output {
            Ok(Maker::<E>::new(self.0)?.num_listed())
        }
    }
    let spec = Spec { listed: true, count: 0, ..spec.clone() };
    registry::visit(&spec.env, NumListed(&spec)).map_err(|error| CorpusError::Usage(error.to_string()))?
}

/// A corpus to write.
#[derive(Clone, Debug)]
pub struct Job {
    /// What the records are.
    pub spec: Spec,
    /// Where they go.
    pub out: std::path::PathBuf,
    /// In which file format.
    pub layout: Layout,
    /// Worker threads, at least 1; no effect on the bytes. One thread does everything; several make records while the caller's hashes and
    /// writes them.
    pub threads: usize,
    /// Which part of the run this is.
    pub shard: Shard,
    /// Whether a finished corpus in `out` may be replaced.
    pub force: bool,
}

/// Generates a corpus; `progress` is told how many records are done.
///
/// # Errors
/// A setting that is not allowed, a folder that cannot be written, or a record that fails its audit.
pub fn generate(job: &Job, progress: &mut dyn FnMut(u64)) -> Result<Manifest, CorpusError> {
    let mut sink = CorpusSink::new(job.run().spec(serde_json::to_value(&job.spec).expect("a spec is plain data")));
    generate_into(job, &mut sink, progress)?;
    sink.finish()
}

/// Generates records into a sink, in order and encoded in the layout of the job, whose folder is left to the sink.
///
/// # Errors
/// A setting that is not allowed, a record that fails its audit, or what the sink returns.
pub fn generate_into(job: &Job, sink: &mut dyn Sink, progress: &mut dyn FnMut(u64)) -> Result<(), CorpusError> {
    registry::visit(&job.spec.env, Generate { job, sink, progress }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

impl Job {
    fn run(&self) -> Run {
        let Self { spec, out, layout, threads, shard, force } = self;
        Run { count: spec.count, split: spec.split, out: out.clone(), layout: *layout, threads: *threads, shard: *shard, force: *force }
    }
}

struct Generate<'a> {
    job: &'a Job,
    sink: &'a mut dyn Sink,
    progress: &'a mut dyn FnMut(u64),
}

impl EnvironmentVisitor for Generate<'_> {
    type Output = Result<(), CorpusError>;

    fn visit<E: World>(self) -> Self::Output {
        let (spec, run) = (&self.job.spec, self.job.run());
        let mut maker = Maker::<E>::new(spec)?;
        maker.refuse_what_never_fails(run.ids()?)?;
        if spec.distinct {
            maker.leave_out(distinct::repeats(&maker, run.ids()?, run.threads)?);
        }
        run.write_into(&maker, self.sink, self.progress)
    }
}
