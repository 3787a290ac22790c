//! Revision chains (Snell et al. 2024; Meta-CoT §4.2.2): some wrong attempts in the context, then the right one, which alone is learned.

use metacot_envs::{SettingError, Settings, World};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{STEP_FORMATS, Sample, Skip, Source, Transform, random_play};
use crate::{
    Trace,
    discourse::{Reading, reading::Retakes, steps::Retake},
};

/// Random plays tried for one wrong attempt.
const MAX_PLAYS: usize = 20;

/// Revision chains. Settings: `attempts` (most wrong attempts, 0 to 7; their number is uniform, 7).
#[derive(Clone, Debug)]
pub struct Revision {
    max_attempts: u32,
}

impl Revision {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["attempts"])?;
        Ok(Self { max_attempts: settings.number("attempts", 0..=7, 7)? })
    }
}

impl<E: World> Transform<E> for Revision {
    fn apply(&self, source: &Source<'_, E>, rng: &mut ChaCha8Rng) -> Result<Sample, Skip> {
        let depth = source.trace.plan().ok_or(Skip::Unsolved)?.len();
        let plain = Sample::plain(source, source.trace);
        let (prompt, response) = plain.parts();
        let mut text = prompt.to_string();
        for _ in 0..rng.random_range(0..=self.max_attempts) {
            let failed = (0..MAX_PLAYS).map(|_| random_play(source.env, source.problem, depth, rng)).find(|(_, is_solved)| !is_solved);
            let Some((actions, _)) = failed else { break };
            text.push_str(Sample::plain(source, &Trace::of_plan(source.env, source.problem, &actions).ok_or(Skip::Untransformed)?).parts().1);
            text.push('\n');
            text.push_str(Retake::Attempt.line());
            text.push('\n');
        }
        let masked = if text.len() > prompt.len() { vec![(prompt.len() as u64, text.len() as u64)] } else { Vec::new() };
        text.push_str(response);
        Ok(Sample { text, masked, ..plain })
    }

    fn reading(&self) -> Reading {
        Reading { retakes: Retakes { marks: &[Retake::Attempt], are_early: false }, ..Reading::default() }
    }

    fn formats(&self) -> Option<&'static [&'static str]> {
        Some(STEP_FORMATS)
    }
}
