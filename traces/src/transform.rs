//! From a true trace to a training text: errors that are taken back, thinned or pruned searches, prefixes, controls.
//!
//! **Invariant**: a transform keeps the audit honest. It states how its texts are read ([`Transform::reading`]), and read so they audit
//! clean; a control that is wrong on purpose says so, and its records have no plan.

mod conditioned;
mod control;
mod dialects;
pub mod loss;
mod prune;
mod retry;
mod revision;
mod shortest;
mod skip;
mod thin;

use metacot_envs::{SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

pub use skip::Skip;

use crate::{Budget, Search, Trace, TraceFormat, discourse::Reading, label::Label};

/// What a transform works on.
pub struct Source<'a, E: World> {
    /// The world.
    pub env: &'a E,
    /// The problem that was searched.
    pub problem: &'a E::Problem,
    /// The search's trace of it.
    pub trace: &'a Trace<E>,
    /// The search, for transforms that run it again.
    pub search: &'a dyn Search<E>,
    /// What a run may spend.
    pub budget: Budget,
    /// How the trace is to be told.
    pub format: &'a dyn TraceFormat<E>,
    /// The registered name of that format.
    pub format_name: &'a str,
}

/// A training text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Prompt and response.
    pub text: String,
    /// Length in bytes of the prompt.
    pub prompt_len: usize,
    /// Byte ranges that must not be learned, ascending and disjoint.
    pub masked: Vec<(u64, u64)>,
    /// The registered name of the format where it is not that of the source.
    pub format: Option<String>,
}

impl Sample {
    /// The plain text of a trace.
    pub fn plain<E: World>(source: &Source<'_, E>, trace: &Trace<E>) -> Self {
        let mut text = String::new();
        let prompt_len = source.format.write(source.env, source.problem, trace, &mut text);
        Self { text, prompt_len, ..Self::default() }
    }

    /// Prompt and response.
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_at(self.prompt_len)
    }
}

/// A way to make training texts.
pub trait Transform<E: World>: Send + Sync {
    /// Makes a text. `rng` makes all choices.
    ///
    /// # Errors
    /// The trace does not allow it.
    fn apply(&self, source: &Source<'_, E>, rng: &mut ChaCha8Rng) -> Result<Sample, Skip>;

    /// Whether it keeps failed searches only, in a format that can tell them.
    fn keeps_failures(&self, _format: &dyn TraceFormat<E>) -> bool {
        false
    }

    /// How its texts are read and audited: as plain texts of their format where it does not say otherwise.
    fn reading(&self) -> Reading {
        Reading::default()
    }

    /// The formats whose texts it understands; `None` for all.
    fn formats(&self) -> Option<&'static [&'static str]> {
        None
    }
}

macro_rules! transforms {
    ($($name:literal => $build:expr),* $(,)?) => {
        /// The registered names, in order of registration.
        pub const NAMES: &[&str] = &[$($name),*];

        /// Makes the transform called `name`, for texts of the format called `format`.
        ///
        /// # Errors
        /// The name is not registered, it makes no sense for the format, or a setting is unknown or not allowed.
        pub fn build<E: World>(name: &str, format: &str, settings: &Settings) -> Result<Box<dyn Transform<E>>, SettingError> {
            let transform = match name {
                $($name => boxed::<E, _>(settings, $build)?,)*
                _ => return Err(SettingError::Value { name: "transform".into(), value: name.into(), expected: format!("one of {}", NAMES.join(", ")) }),
            };
            match transform.formats() {
                Some(formats) if !formats.contains(&format) => Err(SettingError::Value {
                    name: "transform".into(),
                    value: name.into(),
                    expected: format!("a transform of {format}; {name} is for {}", formats.join(", ")),
                }),
                _ => Ok(transform),
            }
        }
    };
}

fn boxed<E: World, T: Transform<E> + 'static>(
    settings: &Settings,
    build: impl FnOnce(&Settings) -> Result<T, SettingError>,
) -> Result<Box<dyn Transform<E>>, SettingError> {
    Ok(Box::new(build(settings)?))
}

transforms! {
    "retry" => retry::Retry::configure,
    "revision" => revision::Revision::configure,
    "thin" => thin::Thin::configure,
    "prune" => prune::Prune::configure,
    "shortest" => shortest::Shortest::configure,
    "conditioned" => conditioned::Conditioned::configure::<E>,
    "swap" => control::Control::configure_swap,
    "all-wrong" => control::Control::configure_all_wrong,
    "dialects" => dialects::Dialects::<E>::configure,
}

/// How the texts of a [`Label`] are read that stand in a format, given as a label too; as plain texts where there is none.
///
/// # Errors
/// What stands there is no transform of the format.
pub fn reading_of<E: World>(label: Option<&str>, format: &str) -> Result<Reading, SettingError> {
    match label.map(Label::read).transpose()?.flatten() {
        None => Ok(Reading::default()),
        Some(Label { name, settings }) => Ok(build::<E>(&name, Label::name_of(format), &settings)?.reading()),
    }
}

/// Formats that tell a solution step by step.
const STEP_FORMATS: &[&str] = &["cot", "table"];

/// Random legal play to the end of the problem: its actions, and whether it solved it.
fn random_play<E: World>(env: &E, problem: &E::Problem, depth: usize, rng: &mut ChaCha8Rng) -> (Vec<E::Action>, bool) {
    use rand::RngExt;
    let (mut state, mut played, mut actions) = (env.initial(problem), Vec::new(), Vec::new());
    for _ in 0..depth {
        actions.clear();
        env.actions(problem, &state, &mut actions);
        if actions.is_empty() {
            break;
        }
        let action = actions.swap_remove(rng.random_range(0..actions.len()));
        state = env.apply(problem, &state, &action).expect("`actions` lists legal actions only");
        played.push(action);
    }
    let is_solved = env.is_answer(problem, &played, &state);
    (played, is_solved)
}
