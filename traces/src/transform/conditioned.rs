//! Texts that begin with how good they are, so that a learner can be asked for the best (`0.87->`).

use metacot_envs::{SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

use super::{Sample, Skip, Source, Transform};
use crate::discourse::{Reading, reading::Rating};

/// Return-conditioned prefix. Settings: `rating` (`share`: the share of the generated nodes that the plan needed; or `sos`, for Countdown: one
/// minus the generated nodes over the nodes of the whole tree, as Stream of Search rates its traces; both 0 where the search failed).
#[derive(Clone, Debug)]
pub struct Conditioned {
    rating: Rating,
}

impl Conditioned {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure<E: World>(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["rating"])?;
        // The size of the whole tree is that of numbers that are combined pair by pair.
        let allowed: &[&str] = if E::NAME == "countdown" { &["share", "sos"] } else { &["share"] };
        let rating = if settings.choice("rating", allowed, "share")? == "sos" { Rating::Sos } else { Rating::Share };
        Ok(Self { rating })
    }
}

impl<E: World> Transform<E> for Conditioned {
    fn apply(&self, source: &Source<'_, E>, _rng: &mut ChaCha8Rng) -> Result<Sample, Skip> {
        let plain = Sample::plain(source, source.trace);
        let prefix = self.rating.write(source.problem, source.trace);
        Ok(Sample { text: format!("{prefix}{}", plain.text), prompt_len: prefix.len() + plain.prompt_len, ..plain })
    }

    fn reading(&self) -> Reading {
        Reading { rating: Some(self.rating), ..Reading::default() }
    }
}
