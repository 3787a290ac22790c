//! What is graded, and how.

use metacot_envs::{Difficulty, Settings, registry};

use crate::{Extraction, graders::Spec};

/// Whose number a row gets beside the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The truth alone.
    #[default]
    Strict,
    /// reasoning-gym 0.1.25: `countdown`, `puzzle24` for game24, `shortest_path` for mazes, `sokoban`.
    ReasoningGym,
    /// TinyZero's Countdown score of 0, 0.1 or 1.
    TinyZero,
    /// Stream of Search's rating of a Countdown trace.
    Sos,
    /// Whether Searchformer's check of plans would count a maze or Sokoban response as solved.
    Searchformer,
}

impl Mode {
    /// The modes by name.
    pub const NAMES: [&str; 5] = ["strict", "compat-reasoning-gym", "compat-tinyzero", "compat-sos", "compat-searchformer"];

    /// The mode of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        Some([Self::Strict, Self::ReasoningGym, Self::TinyZero, Self::Sos, Self::Searchformer][place])
    }

    /// The name.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The environments that the mode has numbers for.
    pub fn environments(self) -> &'static [&'static str] {
        match self {
            Self::Strict => registry::NAMES,
            Self::ReasoningGym => &["countdown", "game24", "maze", "sokoban"],
            Self::TinyZero => &["countdown", "game24"],
            Self::Sos => &["countdown"],
            Self::Searchformer => &["maze", "sokoban"],
        }
    }
}

/// How rows are graded.
#[derive(Clone, Debug)]
pub struct Config {
    /// Registered name of the environment.
    pub env: String,
    /// Its difficulty; matters where a format leaves out what the difficulty says.
    pub difficulty: Difficulty,
    /// Registered name of the format of responses; without one their final answers are graded.
    pub format: Option<String>,
    /// Its settings.
    pub format_settings: Settings,
    /// Whose score is added.
    pub mode: Mode,
    /// Where the answer of a response stands.
    pub extraction: Extraction,
    /// A grader that gives the score instead of a peer.
    pub grader: Option<Spec>,
    /// Asks the oracle for the least cost wherever it is not plain; slow in Sokoban.
    pub asks_oracle: bool,
}

impl Config {
    /// Strict grading of an environment.
    pub fn new(env: impl Into<String>) -> Self {
        Self {
            env: env.into(),
            difficulty: Difficulty::default(),
            format: None,
            format_settings: Settings::default(),
            mode: Mode::Strict,
            extraction: Extraction::Auto,
            grader: None,
            asks_oracle: false,
        }
    }
}

/// A configuration that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No such environment.
    #[error(transparent)]
    Environment(#[from] registry::UnknownEnvironment),
    /// The mode has no numbers for the environment.
    #[error("mode `{mode}` does not score {env}; it scores {}", .allowed.join(", "))]
    Mode {
        /// The mode.
        mode: &'static str,
        /// The environment.
        env: String,
        /// What it scores.
        allowed: &'static [&'static str],
    },
    /// A setting, a format or a grader that is not allowed, in words.
    #[error("{0}")]
    Setting(String),
}
