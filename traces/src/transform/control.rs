//! Controls: texts that are wrong on purpose, to tell what learning takes from their form alone.
//!
//! `swap` puts the search of another problem behind the prompt (Stechly et al. 2025, "Beyond Semantics"); `all-wrong` keeps failed searches,
//! or, in formats of solutions, tells a line of play that fails (Gandhi et al. 2025).

use metacot_envs::{SettingError, Settings, World};
use rand_chacha::ChaCha8Rng;

use super::{Sample, Skip, Source, Transform, random_play};
use crate::{
    Recorder, Trace, TraceFormat, audit,
    discourse::{Reading, reading::Truth},
};

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
    fn apply(&self, source: &Source<'_, E>, rng: &mut ChaCha8Rng) -> Result<Sample, Skip> {
        if self.swaps {
            return swapped(source, rng).ok_or(Skip::Untransformed);
        }
        if Transform::<E>::keeps_failures(self, source.format) {
            return if source.trace.goal.is_none() { Ok(Sample::plain(source, source.trace)) } else { Err(Skip::Solved) };
        }
        let depth = source.trace.plan().map_or(20, |plan| plan.len());
        let mut plays = (0..MAX_TRIES).map(|_| random_play(source.env, source.problem, depth, rng));
        let (wrong, _) = plays.find(|(_, is_solved)| !is_solved).ok_or(Skip::Untransformed)?;
        let trace = Trace::of_plan(source.env, source.problem, &wrong).ok_or(Skip::Untransformed)?;
        Ok(Sample::plain(source, &trace))
    }

    fn keeps_failures(&self, format: &dyn TraceFormat<E>) -> bool {
        !self.swaps && format.can_write(&Trace { goal: None, ..Trace::default() })
    }

    /// Only where a line of play that fails, or a search that fails, can be told truly.
    fn formats(&self) -> Option<&'static [&'static str]> {
        if self.swaps { None } else { Some(&["sos", "think", "prose", "cot", "answer", "table"]) }
    }

    fn reading(&self) -> Reading {
        Reading { truth: if self.swaps { Truth::Foreign } else { Truth::Unsolved }, ..Reading::default() }
    }
}

/// The text of the search of another problem behind the prompt; `None` where none is found whose text does not solve this one as well.
fn swapped<E: World>(source: &Source<'_, E>, rng: &mut ChaCha8Rng) -> Option<Sample> {
    let mut prompt = String::new();
    source.format.write_prompt(source.env, source.problem, &mut prompt);
    let key = source.env.canonical_key(source.problem);
    let mut recorder = Recorder::default();
    (0..MAX_TRIES).find_map(|_| {
        let other = source.env.generate(rng);
        source.search.run(source.env, &other, source.budget, rng, &mut recorder);
        let trace = recorder.trace();
        if source.env.canonical_key(&other) == key || !source.format.can_write(trace) {
            return None;
        }
        let swapped = Sample::plain(&Source { problem: &other, trace, ..*source }, trace);
        let text = format!("{prompt}{}", swapped.parts().1);
        let is_solved = audit(source.env, Some(source.problem), &source.format.parse(&text)).is_solved();
        (!is_solved).then(|| Sample { text, prompt_len: prompt.len(), ..Sample::default() })
    })
}
