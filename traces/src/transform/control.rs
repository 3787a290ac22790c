//! Controls: texts that are wrong on purpose, to tell what learning takes from their form alone.
//!
//! `swap` puts the search of another problem behind the prompt (Stechly et al. 2025, "Beyond Semantics"); `all-wrong` keeps failed searches,
//! or, in formats of solutions, tells a line of play that fails (Gandhi et al. 2025).

use metacot_envs::{SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

use super::{Base, Sample, Source, Transform, random_play};
use crate::{Recorder, Trace};

/// Random plays, or other problems, that are tried for one record.
const MAX_TRIES: usize = 50;

/// A control. No settings.
#[derive(Clone, Debug)]
pub struct Control {
    swaps: bool,
}

impl Control {
    /// Reads the settings of `swap`.
    ///
    /// # Errors
    /// A setting that is unknown.
    pub fn configure_swap(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[])?;
        Ok(Self { swaps: true })
    }

    /// Reads the settings of `all-wrong`.
    ///
    /// # Errors
    /// A setting that is unknown.
    pub fn configure_all_wrong(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&[])?;
        Ok(Self { swaps: false })
    }
}

impl<E: World> Transform<E> for Control {
    fn apply(&self, source: &Source<'_, E>, rng: &mut ChaCha8Rng) -> Option<Sample> {
        let mut prompt = String::new();
        source.format.write_prompt(source.env, source.problem, &mut prompt);
        if self.swaps {
            let mut recorder = Recorder::default();
            let (other, trace) = (0..MAX_TRIES).find_map(|_| {
                let other = source.env.generate(rng);
                source.search.run(source.env, &other, source.budget, rng, &mut recorder);
                let is_other = source.env.canonical_key(&other) != source.env.canonical_key(source.problem);
                (is_other && source.format.can_write(recorder.trace())).then(|| (other, recorder.trace().clone()))
            })?;
            let swapped = Sample::plain(&Source { problem: &other, trace: &trace, ..*source }, &trace);
            return Some(Sample { text: format!("{prompt}{}", swapped.parts().1), prompt_len: prompt.len(), ..Sample::default() });
        }
        let failed = Trace { goal: None, ..Trace::default() };
        if source.format.can_write(&failed) {
            return source.trace.goal.is_none().then(|| Sample::plain(source, source.trace));
        }
        let depth = source.trace.plan().map_or(20, |plan| plan.len());
        let wrong = (0..MAX_TRIES).map(|_| random_play(source.env, source.problem, depth, rng)).find(|(_, is_solved)| !is_solved)?.0;
        Some(Sample::plain(source, &Trace::of_plan(source.env, source.problem, &wrong)?))
    }

    fn base<'t>(&self, _source: &Source<'_, E>, _sample: &'t Sample) -> Base<'t> {
        Base::Control
    }
}
