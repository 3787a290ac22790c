//! Which of the named environments, searches, formats and transforms go together, and why the others do not.

use std::collections::BTreeSet;

use metacot_envs::{
    Settings, World,
    registry::{self, EnvironmentVisitor},
};

use super::{MixSpec, preset, room::Room};
use crate::{
    Budget, Trace,
    corpus::CorpusError,
    format,
    generate::{Maker, NO_TRANSFORM, Spec},
    search,
    settings::{Names, share_known},
    transform,
};

/// Transforms whose records are wrong on purpose: they make corpora of their own.
const CONTROLS: &[&str] = &["swap", "all-wrong"];

/// How many times the expansions of its preset a search has whose format tells solutions only.
const PATIENCE: u64 = 50;

/// A combination of a mixture.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    /// How often it occurs in a round.
    pub weight: u32,
    /// What its records are; `count` says nothing.
    pub spec: Spec,
}

/// A combination that does not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The environment.
    pub env: String,
    /// The search.
    pub search: String,
    /// The format.
    pub format: String,
    /// The transform.
    pub transform: String,
    /// Why not.
    pub reason: String,
}

/// Everything that a mixture is made of.
pub(super) struct Pool {
    pub combinations: Vec<Combination>,
    pub refusals: Vec<Refusal>,
    /// The makers, an entry per environment.
    pub rooms: Vec<Box<dyn Room>>,
    /// The room of each combination, and its place there.
    pub places: Vec<(usize, usize)>,
}

impl Pool {
    /// Tries every combination of the names of a spec.
    pub fn new(spec: &MixSpec) -> Result<Self, CorpusError> {
        let mut pool = Self { combinations: Vec::new(), refusals: Vec::new(), rooms: Vec::new(), places: Vec::new() };
        let transforms: Vec<&str> = std::iter::once(NO_TRANSFORM).chain(transform::NAMES.iter().copied().filter(|name| !CONTROLS.contains(name))).collect();
        let envs = names("environment", &spec.envs, registry::NAMES)?;
        let lists = [
            names("search", &spec.searches, search::NAMES)?,
            names("format", &spec.formats, format::NAMES)?,
            names("transform", &spec.transforms, &transforms)?,
        ];
        let mut known = BTreeSet::new();
        for env in envs {
            let room = registry::visit(env, Furnish { spec, lists: &lists, pool: &mut pool, known: &mut known });
            let room = room.map_err(|error| CorpusError::Usage(error.to_string()))??;
            pool.rooms.push(room);
        }
        if let Some((name, _)) = spec.settings.iter().find(|(name, _)| !known.contains(*name)) {
            return Err(CorpusError::Usage(format!("unknown setting `{name}`: no combination takes it")));
        }
        let is_named = |name: &String| pool.combinations.iter().any(|one| parts(&one.spec).contains(&name.as_str()));
        if let Some(name) = spec.weights.keys().find(|name| !is_named(name)) {
            return Err(CorpusError::Usage(format!("weight of `{name}`: no combination has it")));
        }
        if pool.combinations.iter().all(|one| one.weight == 0) {
            let reason = pool.refusals.first().map_or("all weights are 0", |refusal| refusal.reason.as_str());
            return Err(CorpusError::Usage(format!("no combination goes together: {reason}")));
        }
        Ok(pool)
    }
}

/// The names of a combination.
fn parts(spec: &Spec) -> [&str; 4] {
    [&spec.env, &spec.search, &spec.format, &spec.transform]
}

/// The names of a list in order, each once; `all` stands for every registered one.
fn names<'a>(what: &str, list: &'a [String], registered: &[&'a str]) -> Result<Vec<&'a str>, CorpusError> {
    if list.iter().any(|name| name == "all") {
        return Ok(registered.to_vec());
    }
    let mut names: Vec<&str> = Vec::new();
    for name in list {
        if !registered.contains(&name.as_str()) {
            return Err(CorpusError::Usage(format!("unknown {what} `{name}` in a mixture; allowed: all, {}", registered.join(", "))));
        }
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    if names.is_empty() { Err(CorpusError::Usage(format!("no {what} is named"))) } else { Ok(names) }
}

/// Makes the makers of one environment.
struct Furnish<'a> {
    spec: &'a MixSpec,
    lists: &'a [Vec<&'a str>; 3],
    pool: &'a mut Pool,
    /// The settings that some combination knows.
    known: &'a mut BTreeSet<String>,
}

impl EnvironmentVisitor for Furnish<'_> {
    type Output = Result<Box<dyn Room>, CorpusError>;

    fn visit<E: World>(self) -> Self::Output {
        let Self { spec, lists: [searches, formats, transforms], pool, known } = self;
        let mut makers: Vec<Maker<E>> = Vec::new();
        for search in searches {
            for format in formats {
                for transform in transforms {
                    let (mut one, taken) = of(spec, Names { env: E::NAME, size: None, search, format, transform })?;
                    if spec.expansions.is_none() && tells_solutions_only::<E>(format) {
                        one.budget.expansions *= PATIENCE;
                    }
                    match Maker::<E>::new(&one) {
                        Ok(maker) => {
                            let weight = parts(&one).iter().filter_map(|name| spec.weights.get(*name)).product();
                            pool.places.push((pool.rooms.len(), makers.len()));
                            pool.combinations.push(Combination { weight, spec: one });
                            makers.push(maker);
                            known.extend(taken);
                        }
                        Err(error) => pool.refusals.push(Refusal {
                            env: E::NAME.into(),
                            search: (*search).into(),
                            format: (*format).into(),
                            transform: (*transform).into(),
                            reason: error.to_string(),
                        }),
                    }
                }
            }
        }
        Ok(Box::new(makers))
    }
}

/// Whether a format cannot show a failed search; a longer search then makes no longer text.
fn tells_solutions_only<E: World>(format: &str) -> bool {
    format::build::<E>(format, &Settings::default()).is_ok_and(|format| !format.can_write(&Trace::default()))
}

/// The spec of a combination: the settings of the mixture that it knows, which are named beside it, over those of its presets.
fn of(mix: &MixSpec, names: Names<'_>) -> Result<(Spec, Vec<String>), CorpusError> {
    let preset = preset(names.env);
    let mut settings = Settings::default();
    for (for_search, name, value) in preset.settings {
        if for_search.is_empty() || *for_search == names.search {
            settings.insert(*name, *value);
        }
    }
    for (name, value) in mix.settings.iter() {
        settings.insert(name, value);
    }
    let (parts, unknown) = share_known(Names { size: mix.size.as_deref().or(preset.size), ..names }, &settings)?;
    let taken = mix.settings.iter().map(|(name, _)| name).filter(|name| unknown.iter().all(|(other, _)| other != name)).map(String::from);
    let spec = Spec {
        difficulty: parts.difficulty,
        search_settings: parts.search,
        format_settings: parts.format,
        transform: names.transform.into(),
        transform_settings: parts.transform,
        loss: mix.loss,
        budget: Budget { expansions: mix.expansions.unwrap_or(preset.expansions), ..Budget::default() },
        split: mix.split,
        shares: mix.shares,
        seed: mix.seed,
        ..Spec::new(names.env, names.search, names.format)
    };
    Ok((spec, taken.collect()))
}
