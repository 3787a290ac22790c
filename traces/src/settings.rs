//! The settings of a command line, handed to whoever knows them: the environment, the search or the format.

use metacot_envs::{
    Difficulty, SettingError, Settings, World,
    registry::{self, EnvironmentVisitor},
};

use crate::{corpus::CorpusError, format, search};

/// The settings of a command line, given to those who know them.
pub struct Parts {
    /// For the environment.
    pub difficulty: Difficulty,
    /// For the search.
    pub search: Settings,
    /// For the format.
    pub format: Settings,
}

/// Gives every `--set` to the environment, the search or the format, whichever knows its name.
///
/// # Errors
/// A name that none of them knows.
pub fn share_out(env: &str, size: Option<&str>, search: &str, format: &str, settings: &Settings) -> Result<Parts, CorpusError> {
    registry::visit(env, ShareOut { size, search, format, settings }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

struct ShareOut<'a> {
    size: Option<&'a str>,
    search: &'a str,
    format: &'a str,
    settings: &'a Settings,
}

impl EnvironmentVisitor for ShareOut<'_> {
    type Output = Result<Parts, CorpusError>;

    fn visit<E: World>(self) -> Result<Parts, CorpusError> {
        let usage = |error: SettingError| CorpusError::Usage(error.to_string());
        let size = self.size.map(str::to_string);
        let mut parts = Parts { difficulty: Difficulty { size, settings: Settings::default() }, search: Settings::default(), format: Settings::default() };
        let plain = E::configure(&parts.difficulty).map_err(usage)?;
        for (name, value) in self.settings.iter() {
            let one = Settings::default().with(name, value);
            let difficulty = Difficulty { settings: one.clone(), ..parts.difficulty.clone() };
            let knows = |error: &SettingError| !matches!(error, SettingError::Unknown { .. });
            let env = E::configure(&difficulty).map(|_| ());
            let search = search::build::<E>(self.search, &plain, &one).map(|_| ());
            let format = format::build::<E>(self.format, &one).map(|_| ());
            match (&env, &search, &format) {
                (Err(a), Err(b), Err(c)) if !knows(a) && !knows(b) && !knows(c) => {
                    return Err(CorpusError::Usage(format!(
                        "unknown setting `{name}`: {} takes {}; {} takes {}",
                        E::NAME,
                        allowed(a),
                        self.search,
                        allowed(b)
                    )));
                }
                _ => {}
            }
            let is_known = |result: &std::result::Result<(), SettingError>| result.as_ref().err().is_none_or(knows);
            if is_known(&env) {
                parts.difficulty.settings.insert(name, value);
            } else if is_known(&search) {
                parts.search.insert(name, value);
            } else {
                parts.format.insert(name, value);
            }
        }
        E::configure(&parts.difficulty).map_err(usage)?;
        Ok(parts)
    }
}

fn allowed(error: &SettingError) -> String {
    match error {
        SettingError::Unknown { allowed, .. } => allowed.clone(),
        SettingError::Value { expected, .. } => expected.clone(),
    }
}
