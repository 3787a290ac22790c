//! The contract of a text format, what parsing yields, and the list of formats: one line each.

pub mod sos;

use metacot_envs::{SettingError, Settings, World};

use crate::Trace;

/// One statement of a text, as it stands there: nothing is believed yet. The [audit](mod@crate::audit) checks each against the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim<'t> {
    /// The search stands at a state that was reached by these actions.
    At {
        /// The state with its problem's goal.
        state: &'t str,
        /// The actions from the start.
        history: Vec<&'t str>,
    },
    /// An action of the state where the search stands, and what it leads to.
    Explore {
        /// The action.
        action: &'t str,
        /// The state it leads to.
        successor: &'t str,
    },
    /// The explored state gets a name and will be searched.
    Name {
        /// Its id.
        id: &'t str,
        /// The state with its problem's goal.
        state: &'t str,
        /// The action again.
        action: &'t str,
    },
    /// The explored state ends its branch.
    Ending {
        /// The state compared with the goal.
        comparison: &'t str,
        /// Whether it is claimed to be the goal.
        is_goal: bool,
    },
    /// The search turns to a named state.
    Move {
        /// Its id.
        id: &'t str,
    },
    /// The search gives up.
    GiveUp,
    /// Something that is no statement of the format.
    Unreadable,
}

/// A claim and the bytes where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement<'t> {
    /// Byte range in the parsed text.
    pub span: std::ops::Range<usize>,
    /// What is said there.
    pub claim: Claim<'t>,
}

/// What a format understood of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed<'t> {
    /// All statements in order.
    pub statements: Vec<Statement<'t>>,
    /// The actions of the claimed plan; `None` where the text claims no solution.
    pub plan: Option<Vec<&'t str>>,
    /// Whether the text stops in the middle of a statement.
    pub is_cut: bool,
}

/// A way to write traces and to read them back.
pub trait TraceFormat<E: World>: Send + Sync {
    /// Appends the text of a trace and returns the length in bytes of its prompt, which begins at the end of the former `out`.
    fn write(&self, env: &E, problem: &E::Problem, trace: &Trace<E>, out: &mut String) -> usize;

    /// Appends the prompt alone.
    fn write_prompt(&self, env: &E, problem: &E::Problem, out: &mut String);

    /// Whether the format can show this trace; those that show only solutions cannot show a failure.
    fn can_write(&self, _trace: &Trace<E>) -> bool {
        true
    }

    /// Reads any text: hostile input yields unreadable statements, never an error or a panic.
    fn parse<'t>(&self, text: &'t str) -> Parsed<'t>;

    /// The fixed pieces of text that [`write`](Self::write) uses around the environment's notation.
    fn phrases(&self) -> Vec<String>;
}

macro_rules! formats {
    ($($name:literal => $build:path),* $(,)?) => {
        /// The registered names, in order of registration.
        pub const NAMES: &[&str] = &[$($name),*];

        /// Makes the format called `name` with its settings.
        ///
        /// # Errors
        /// The name is not registered, or a setting is unknown or not allowed.
        pub fn build<E: World>(name: &str, settings: &Settings) -> Result<Box<dyn TraceFormat<E>>, SettingError> {
            match name {
                $($name => Ok(Box::new($build(settings)?)),)*
                _ => Err(SettingError::Value { name: "format".into(), value: name.into(), expected: format!("one of {}", NAMES.join(", ")) }),
            }
        }
    };
}

formats! {
    "sos" => sos::Sos::configure,
    "sos-plan" => sos::Sos::configure_plan,
}
