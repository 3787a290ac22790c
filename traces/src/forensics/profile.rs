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
use crate::{TraceFormat, audit, format, told::Prompts};

/// What a trace says of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What it does.
    pub forensics: Forensics,
    /// Whether all of it is true. Forensics are of the part that is.
    pub is_clean: bool,
    /// Whether its plan solves the problem.
    pub is_solved: bool,
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
        let format = &self.format;
        let mut text = Cow::Borrowed(told.text);
        let (env, prompts);
        let problem = match told.problem {
            None => {
                env = &self.env;
                None
            }
            Some(problem) => {
                let problem = E::Problem::deserialize(problem).map_err(|error| format!("not a problem of {}: {error}", E::NAME))?;
                self.env.validate(&problem)?;
                prompts = Prompts::new(&self.env, format.as_ref(), &problem);
                let (reader, prompt, is_there) = prompts.reader(&self.env, told.text);
                env = reader;
                if !is_there {
                    text = Cow::Owned([prompt, told.text].concat());
                }
                Some(problem)
            }
        };
        let audit = audit(env, problem.as_ref(), &format.parse(&text));
        let problem = audit.problem.as_ref().ok_or("the text states no problem, and none is given")?;
        Ok(Profile {
            forensics: forensics(env, problem, &audit.trace),
            is_clean: audit.is_clean(),
            is_solved: audit.is_solved(),
            canonical_key: env.canonical_key(problem),
            states: if wants_states { states(&audit.trace) } else { Vec::new() },
        })
    }
}
