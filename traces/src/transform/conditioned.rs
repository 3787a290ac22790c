//! Texts that begin with how good they are, so that a learner can be asked for the best (`0.87->`).

use metacot_envs::{SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

use super::{Base, Sample, Source, Transform};
use crate::Trace;

const ARROW: &str = "->";

/// Return-conditioned prefix: the share of the generated nodes that the plan needed, 0 where the search failed. No settings.
#[derive(Clone, Debug)]
pub struct Conditioned;

impl Conditioned {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown.
    pub fn configure(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[])?;
        Ok(Self)
    }
}

fn prefix<E: World>(trace: &Trace<E>) -> String {
    let needed = trace.goal.map_or(0.0, |goal| f64::from(trace.node(goal).depth + 1));
    format!("{:.2}{ARROW}", needed / trace.nodes.len().max(1) as f64)
}

impl<E: World> Transform<E> for Conditioned {
    fn apply(&self, source: &Source<'_, E>, _rng: &mut ChaCha8Rng) -> Option<Sample> {
        let plain = Sample::plain(source, source.trace);
        let prefix = prefix(source.trace);
        Some(Sample { text: format!("{prefix}{}", plain.text), prompt_len: prefix.len() + plain.prompt_len, ..plain })
    }

    fn base<'t>(&self, source: &Source<'_, E>, sample: &'t Sample) -> Base<'t> {
        // A prefix that does not say the truth stays, and fails the audit.
        let text = sample.text.strip_prefix(&prefix(source.trace)).unwrap_or(&sample.text);
        Base::Honest(text.into())
    }
}
