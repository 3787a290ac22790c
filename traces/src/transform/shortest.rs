//! The shortest of several runs of a search that draws its choices: the control that any claim of "shorter than A*" has to beat.

use metacot_envs::{SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

use super::{Sample, Skip, Source, Transform};
use crate::Recorder;

/// Best of N by length of text; ties go to the first. Settings: `runs` (8), the first included.
#[derive(Clone, Debug)]
pub struct Shortest {
    runs: u32,
}

impl Shortest {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["runs"])?;
        Ok(Self { runs: settings.number("runs", 1..=10_000, 8)? })
    }
}

impl<E: World> Transform<E> for Shortest {
    fn apply(&self, source: &Source<'_, E>, rng: &mut ChaCha8Rng) -> Result<Sample, Skip> {
        let mut best = Sample::plain(source, source.trace);
        let cost = source.trace.node(source.trace.goal.ok_or(Skip::Unsolved)?).cost;
        let mut recorder = Recorder::default();
        for _ in 1..self.runs {
            source.search.run(source.env, source.problem, source.budget, rng, &mut recorder);
            let trace = recorder.trace();
            if trace.goal.is_some_and(|goal| trace.node(goal).cost <= cost) {
                let sample = Sample::plain(source, trace);
                if sample.text.len() < best.text.len() {
                    best = sample;
                }
            }
        }
        Ok(best)
    }
}
