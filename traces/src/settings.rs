//! The settings of a command line, handed to whoever knows them: the environment, the search or the format.

use metacot_envs::{
    Difficulty, SettingError, Settings, World,
    registry::{self, EnvironmentVisitor},
};

use crate::{corpus::CorpusError, format, generate::NO_TRANSFORM, search, transform};

/// Everything that a command line names, with one list of settings for all of it.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The environment.
    pub env: &'a str,
    /// Its size.
    pub size: Option<&'a str>,
    /// The search.
    pub search: &'a str,
    /// The format.
    pub format: &'a str,
    /// The transform; `none` where there is none.
    pub transform: &'a str,
}

/// The settings of a command line, each with those who know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// For the environment.
    pub difficulty: Difficulty,
    /// For the search.
    pub search: Settings,
    /// For the format.
    pub format: Settings,
    /// For the transform.
    pub transform: Settings,
}

/// Gives every setting to the environment, the search, the format and the transform, as many of them as know its name.
///
/// # Errors
/// A name that none of them knows, or a difficulty that is not allowed.
pub fn share_out(names: Names<'_>, settings: &Settings) -> Result<Parts, CorpusError> {
    let (parts, unknown) = share_known(names, settings)?;
    unknown.into_iter().next().map_or(Ok(parts), |(name, takers)| Err(CorpusError::Usage(format!("unknown setting `{name}`: {takers}"))))
}

/// As [`share_out`], with the names that nobody knows beside the parts, each with what is known instead.
///
/// # Errors
/// A difficulty that is not allowed.
pub fn share_known(names: Names<'_>, settings: &Settings) -> Result<(Parts, Vec<(String, String)>), CorpusError> {
    registry::visit(names.env, ShareOut { names, settings }).map_err(|error| CorpusError::Usage(error.to_string()))?
}

struct ShareOut<'a> {
    names: Names<'a>,
    settings: &'a Settings,
}

impl EnvironmentVisitor for ShareOut<'_> {
    type Output = Result<(Parts, Vec<(String, String)>), CorpusError>;

    fn visit<E: World>(self) -> Self::Output {
        let usage = |error: SettingError| CorpusError::Usage(error.to_string());
        let Names { size, search, format, transform, .. } = self.names;
        let plain = Difficulty { size: size.map(str::to_string), settings: Settings::default() };
        let env = E::configure(&plain).map_err(usage)?;
        let mut parts = Parts { difficulty: plain.clone(), ..Parts::default() };
        let mut unknown = Vec::new();
        for (name, value) in self.settings.iter() {
            let one = Settings::default().with(name, value);
            let takers = [
                (E::NAME, &mut parts.difficulty.settings, E::configure(&Difficulty { settings: one.clone(), ..plain.clone() }).err()),
                (search, &mut parts.search, search::build::<E>(search, &env, &one).err()),
                (format, &mut parts.format, format::build::<E>(format, &one).err()),
                (transform, &mut parts.transform, transform::build::<E>(transform, format, &one).err()),
            ];
            let mut refusals = Vec::new();
            let mut is_taken = false;
            for (who, settings, error) in takers.into_iter().filter(|(who, ..)| *who != NO_TRANSFORM) {
                if let Some(SettingError::Unknown { allowed, .. }) = error {
                    refusals.push(format!("{who} takes {allowed}"));
                } else {
                    settings.insert(name, value);
                    is_taken = true;
                }
            }
            if !is_taken {
                unknown.push((name.to_string(), refusals.join("; ")));
            }
        }
        E::configure(&parts.difficulty).map_err(usage)?;
        Ok((parts, unknown))
    }
}
