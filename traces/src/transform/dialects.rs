//! A mixture of formats in one corpus: each record is told in one of several dialects, drawn per record.

use metacot_envs::{SettingError, Settings, World};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Sample, Skip, Source, Transform};
use crate::{TraceFormat, format};

/// Dialect mixing. Settings: `formats` (names with `+` between them, `sos+think+prose`).
pub struct Dialects<E: World> {
    formats: Vec<(String, Box<dyn TraceFormat<E>>)>,
}

impl<E: World> Dialects<E> {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown, or a format that is not registered or makes no sense for the environment.
    pub fn configure(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["formats"])?;
        let names = settings.get("formats").unwrap_or("sos+think+prose");
        let formats = names.split('+').map(|name| Ok((name.to_string(), format::build::<E>(name, &Settings::default())?)));
        Ok(Self { formats: formats.collect::<Result<_, SettingError>>()? })
    }
}

impl<E: World> Transform<E> for Dialects<E> {
    fn apply(&self, source: &Source<'_, E>, rng: &mut ChaCha8Rng) -> Result<Sample, Skip> {
        let (name, format) = &self.formats[rng.random_range(0..self.formats.len())];
        let source = Source { format: format.as_ref(), format_name: name, ..*source };
        if !source.format.can_write(source.trace) {
            return Err(Skip::Unsolved);
        }
        Ok(Sample { format: Some(name.clone()), ..Sample::plain(&source, source.trace) })
    }
}
