//! Texts of any environment and format through the audit to their forensics, types erased.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, RwLock},
};

use metacot_envs::{
    Difficulty, Settings, World,
    registry::{self, EnvironmentVisitor},
};
use serde::Deserialize as _;
use serde_json::Value;

use super::{Forensics, forensics, states};
use crate::{TraceFormat, audit, format, told::Prompts, transform::reading_of};

/// What a trace says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What it does.
    pub forensics: Forensics,
    /// Whether all of it is true. Forensics are of the part that is.
    pub is_clean: bool,
    /// Whether its plan solves the problem.
    pub is_solved: bool,
    /// Whether its transform made it wrong on purpose; clean is then what is wrong in no other way.
    pub is_control: bool,
    /// The identity of its problem up to symmetry.
    pub canonical_key: String,
    /// The states that it names, as [`states`]; empty where they were not asked for.
    pub states: Vec<u64>,
}

/// A text that tells a search.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// Name of the environment.
    pub env: &'a str,
    /// Name of the format.
    pub format: &'a str,
    /// The transform that made the text, as a [`Label`](crate::label::Label).
    pub transform: Option<&'a str>,
    /// The problem; the one that the text states where left out.
    pub problem: Option<&'a Value>,
    /// The text, with the prompt of its problem or without.
    pub text: &'a str,
}

/// The readers of environments and formats, each made when it is first needed; shared by threads.
#[derive(Default)]
pub struct Profilers {
    readers: RwLock<BTreeMap<(String, String), Arc<dyn Reader>>>,
}

impl Profilers {
    /// Audits a text and counts what its trace does.
    ///
    /// # Errors
    /// No such environment or format, a problem that does not read, or none at all.
    pub fn profile(&self, told: Told<'_>, wants_states: bool) -> Result<Profile, String> {
        let name = (told.env.to_string(), told.format.to_string());
        let known = self.readers.read().expect("readers do not panic").get(&name).cloned();
        let reader = match known {
            Some(reader) => reader,
            None => {
                let reader = registry::visit(told.env, Open { format: told.format }).map_err(|error| error.to_string())??;
                self.readers.write().expect("readers do not panic").entry(name).or_insert(reader).clone()
            }
        };
        reader.profile(told, wants_states)
    }
}

trait Reader: Send + Sync {
    fn profile(&self, told: Told<'_>, wants_states: bool) -> Result<Profile, String>;
}

struct Open<'a> {
    format: &'a str,
}

impl EnvironmentVisitor for Open<'_> {
    type Output = Result<Arc<dyn Reader>, String>;

    fn visit<E: World>(self) -> Self::Output {
        let env = E::configure(&Difficulty::default()).map_err(|error| error.to_string())?;
        let format = format::build::<E>(self.format, &Settings::default()).map_err(|error| error.to_string())?;
        Ok(Arc::new(Typed { env, format }))
    }
}

struct Typed<E: World> {
    env: E,
    format: Box<dyn TraceFormat<E>>,
}

impl<E: World> Reader for Typed<E> {
    fn profile(&self, told: Told<'_>, wants_states: bool) -> Result<Profile, String> {
        let (format, reading) = (self.format.as_ref(), reading_of::<E>(told.transform, told.format).map_err(|error| error.to_string())?);
        let prompts;
        let (problem, (env, text, reading)) = match told.problem {
            None => (None, (&self.env, Cow::Borrowed(told.text), reading)),
            Some(problem) => {
                let problem = E::Problem::deserialize(problem).map_err(|error| format!("not a problem of {}: {error}", E::NAME))?;
                self.env.validate(&problem)?;
                prompts = Prompts::new(&self.env, format, &problem);
                let whole = prompts.complete(&self.env, reading, told.text);
                (Some(problem), whole)
            }
        };
        let audit = audit(env, problem.as_ref(), &reading.parse(format, &text));
        let problem = audit.problem.as_ref().ok_or("the text states no problem, and none is given")?;
        let mut forensics = forensics(env, problem, &audit.trace);
        if audit.is_solved() && audit.trace.goal.is_none() {
            // An answer alone names no nodes; its actions are the plan.
            forensics.plan_length = audit.plan.as_ref().map_or(0, |plan| plan.len() as u64);
        }
        Ok(Profile {
            forensics,
            is_clean: audit.is_clean(),
            is_solved: audit.is_solved(),
            is_control: reading.is_control(),
            canonical_key: env.canonical_key(problem),
            states: if wants_states { states(&audit.trace) } else { Vec::new() },
        })
    }
}
