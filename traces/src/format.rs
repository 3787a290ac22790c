//! The contract of a text format and the list of formats: one line each.

pub mod answer;
pub mod cot;
pub mod prose;
pub mod searchformer;
pub mod sos;
pub mod table;
pub(crate) mod tale;
pub mod think;

use metacot_envs::{Language, Pattern, SettingError, Settings, World};

pub use crate::discourse::Parsed;
use crate::{
    Trace,
    discourse::{Reading, reading::Truth},
    label::Label,
};

/// A way to write traces and to read them back.
pub trait TraceFormat<E: World>: Send + Sync {
    /// Appends the text of a trace and returns the length in bytes of its prompt, which begins at the end of the former `out`.
    fn write(&self, env: &E, problem: &E::Problem, trace: &Trace<E>, out: &mut String) -> usize;

    /// Appends the prompt alone.
    fn write_prompt(&self, env: &E, problem: &E::Problem, out: &mut String);

    /// Appends a state as a problem of its own and says what stands around the next action; `None`, and nothing, where the format has no place
    /// for an action that is named before its effects. A policy over actions is read from such texts.
    fn write_turn(&self, _env: &E, _problem: &E::Problem, _state: &E::State, _out: &mut String) -> Option<Turn> {
        None
    }

    /// Whether the format can show this trace; those that show only solutions cannot show a failure.
    fn can_write(&self, _trace: &Trace<E>) -> bool {
        true
    }

    /// Reads any text: hostile input yields unreadable statements, never an error or a panic.
    fn parse<'t>(&self, text: &'t str) -> Parsed<'t>;

    /// The fixed pieces of text that [`write`](Self::write) uses around the environment's notation.
    fn phrases(&self) -> Vec<String>;

    /// Marks that its published models put before and after a text, and that a reader of prompts leaves out.
    fn marks(&self) -> &'static [&'static str] {
        &[]
    }

    /// How responses can be written, everything behind the prompt, around pieces of an environment's `notation`: what
    /// [`write`](Self::write) writes is of it, and so is what becomes of that by a transform whose texts are read by `reading`.
    fn grammar(&self, notation: &Language, reading: Reading) -> Pattern;

    /// The searches whose traces the format can tell; `None` for all.
    fn searches(&self) -> Option<&'static [&'static str]> {
        None
    }
}

/// How the responses to a problem can be written that are read by `reading`. A response that tells of another problem than the prompt asks for
/// may tell of any.
pub fn responses<E: World>(env: &E, format: &dyn TraceFormat<E>, problem: &E::Problem, reading: Reading) -> Pattern {
    let told = (reading.truth != Truth::Foreign).then_some(problem);
    format.grammar(&env.language(told), reading)
}

/// Numbers of steps and nodes, and costs.
fn number() -> Pattern {
    Pattern::integers(0..=u32::MAX.into())
}

/// What stands around the next action of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Between the prompt and the action.
    pub opening: String,
    /// Behind the action; empty where nothing tells its end.
    pub ending: &'static str,
    /// Whether opening and action are a whole answer, as a single move of a game is.
    pub is_whole: bool,
}

macro_rules! formats {
    ($($name:literal => $build:expr),* $(,)?) => {
        /// The registered names, in order of registration.
        pub const NAMES: &[&str] = &[$($name),*];

        fn build_plain<E: World>(name: &str, settings: &Settings) -> Result<Box<dyn TraceFormat<E>>, SettingError> {
            match name {
                $($name => boxed::<E, _>(settings, $build),)*
                _ => Err(SettingError::Value { name: "format".into(), value: name.into(), expected: format!("one of {}", NAMES.join(", ")) }),
            }
        }
    };
}

fn boxed<E: World, F: TraceFormat<E> + 'static>(
    settings: &Settings,
    build: impl FnOnce(&Settings) -> Result<F, SettingError>,
) -> Result<Box<dyn TraceFormat<E>>, SettingError> {
    Ok(Box::new(build(settings)?))
}

/// Makes the format called `name` with its settings; a name may carry settings too, as records write it (`sos compat=true`).
///
/// # Errors
/// The name is not registered, makes no sense for the environment, or a setting is unknown or not allowed.
pub fn build<E: World>(name: &str, settings: &Settings) -> Result<Box<dyn TraceFormat<E>>, SettingError> {
    if !name.contains(' ') {
        return build_plain::<E>(name, settings);
    }
    let refuse = || SettingError::Value { name: "format".into(), value: name.into(), expected: "a name and settings such as compat=true".into() };
    let Label { name: plain, settings: mut told } = Label::read(name).ok().flatten().ok_or_else(refuse)?;
    settings.iter().for_each(|(key, value)| told.insert(key, value));
    build_plain::<E>(&plain, &told)
}

/// Refuses an environment that a format has no words for.
fn only_worlds<E: World>(format: &str, worlds: &[&str]) -> Result<(), SettingError> {
    if worlds.contains(&E::NAME) {
        return Ok(());
    }
    Err(SettingError::Value {
        name: "format".into(),
        value: format.into(),
        expected: format!("a format for {}; {format} is for {}", E::NAME, worlds.join(", ")),
    })
}

/// Refuses games: the format has no words for an opponent.
fn one_player<E: World>(format: &str) -> Result<(), SettingError> {
    if !E::HAS_OPPONENT {
        return Ok(());
    }
    let expected = format!("a format for {}; {format} is for one player", E::NAME);
    Err(SettingError::Value { name: "format".into(), value: format.into(), expected })
}

/// Makes the format called `name` for texts of a search that is known: where that breaks ties in a fixed way, the audit asks for it unless
/// the settings say otherwise.
///
/// # Errors
/// As [`build`].
pub fn build_for<E: World>(search: &str, name: &str, settings: &Settings) -> Result<Box<dyn TraceFormat<E>>, SettingError> {
    if search == "astar" && name == "searchformer" && settings.get("ties").is_none() {
        return build::<E>(name, &settings.clone().with("ties", "fixed"));
    }
    build::<E>(name, settings)
}

/// Checks that a format can tell the traces of a search.
///
/// # Errors
/// It cannot, by name.
pub fn check_pair<E: World>(format: &dyn TraceFormat<E>, format_name: &str, search_name: &str) -> Result<(), SettingError> {
    match format.searches() {
        Some(searches) if !searches.contains(&search_name) => Err(SettingError::Value {
            name: "format".into(),
            value: format_name.into(),
            expected: format!("a format for search {search_name}; {format_name} tells {}", searches.join(", ")),
        }),
        _ => Ok(()),
    }
}

formats! {
    "sos" => |settings| one_player::<E>("sos").and_then(|()| sos::Sos::configure(settings)),
    "sos-plan" => |settings| one_player::<E>("sos-plan").and_then(|()| sos::Sos::configure_plan(settings)),
    "searchformer" => searchformer::Searchformer::configure::<E>,
    "searchformer-plan" => searchformer::Searchformer::configure_plan::<E>,
    "think" => think::configure::<E>,
    "prose" => prose::configure::<E>,
    "cot" => cot::configure,
    "answer" => answer::configure,
    "table" => table::configure::<E>,
}
