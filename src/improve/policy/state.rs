//! A checkpoint of a policy-gradient run: all that decides how it goes on, in one file that is either whole or ignored.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{Curriculum, replay::Replay};
use crate::{
    checkpoint::{Archive, Header, series::Series},
    error::{Error, Result},
    model::{ModelConfig, Weights},
    train::ActorState,
};

/// What a run is: two runs of equal identity are the same run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The settings as TOML, every default written out.
    pub config: String,
    /// The shape of the model.
    pub model: ModelConfig,
    /// Digest of the problems of the pool.
    pub pool: String,
    /// Digest of the weights it started from.
    pub initial: String,
    /// Longest response in tokens.
    pub max_new_tokens: usize,
}

/// Where a run stands, beside its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Steps done.
    pub step: usize,
    /// Tokens sampled.
    pub sampled_tokens: u64,
    /// Steps in a row without a positive reward.
    pub barren: usize,
    /// Bits of the KL weight in force (an `f64`).
    pub kl_bits: u64,
    /// Where the problems stand.
    pub curriculum: Curriculum,
    /// Groups that may be trained on again.
    pub replay: Replay,
    /// Whether the run is over.
    pub is_finished: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StateHeader {
    identity: Identity,
    position: Position,
    /// Optimizer steps done.
    updates: usize,
    has_values: bool,
    has_moments: bool,
    has_reference: bool,
    /// Optimizer steps before each of the weights that a lagging sampler reads.
    history: Vec<usize>,
}

impl Header for StateHeader {
    const FORMAT: &'static str = "metacot-policy";
    const VERSION: u32 = 1;
}

/// A run at rest.
#[derive(Clone, Debug)]
pub(super) struct RunState {
    pub position: Position,
    pub actor: ActorState,
    /// The reference policy, where it is no longer the one of the start.
    pub reference: Option<Weights>,
    /// Weights that a lagging sampler reads, with the optimizer steps before them.
    pub history: VecDeque<(usize, Weights)>,
}

impl RunState {
    /// Writes the state as the next checkpoint of a series.
    pub fn save(self, series: &mut Series, identity: &Identity) -> Result<()> {
        let ActorState { weights, value, moments, lora, updates } = self.actor;
        let width = identity.model.width;
        let header = StateHeader {
            identity: identity.clone(),
            updates,
            has_values: value.is_some(),
            has_moments: !moments.is_empty(),
            has_reference: self.reference.is_some(),
            history: self.history.iter().map(|(version, _)| *version).collect(),
            position: self.position,
        };
        let mut tensors = weights.into_named("weights.");
        let value_shape = ("value".to_owned(), vec![width]);
        let shapes = Weights::shapes(&identity.model).into_iter().chain(value.is_some().then(|| value_shape.clone()));
        for ((name, shape), [first, second]) in shapes.zip(moments) {
            tensors.insert(format!("first.{name}"), (shape.clone(), first));
            tensors.insert(format!("second.{name}"), (shape, second));
        }
        if let Some(value) = value {
            tensors.insert(value_shape.0, (value_shape.1, value));
        }
        for (index, (factors, moments)) in lora.into_iter().flat_map(|lora| lora.factors.into_iter().zip(lora.moments)).enumerate() {
            for ((side, factor), [first, second]) in ["a", "b"].into_iter().zip(factors).zip(moments) {
                for (name, numbers) in [("", factor), (".first", first), (".second", second)] {
                    tensors.insert(format!("lora.{index}.{side}{name}"), (vec![numbers.len()], numbers));
                }
            }
        }
        if let Some(reference) = self.reference {
            tensors.append(&mut reference.into_named("reference."));
        }
        for (index, (_, weights)) in self.history.into_iter().enumerate() {
            tensors.append(&mut weights.into_named(&format!("history.{index}.")));
        }
        series.write(header.position.step, &Archive { header, tensors })
    }

    /// Opens the checkpoints of a folder and loads the newest whole one; `None` where there is none. `fresh` is the actor at the start of the run.
    ///
    /// # Errors
    /// A checkpoint is of another version, or the newest whole one belongs to another run; the error names the first setting that differs.
    pub fn load(folder: &Path, identity: &Identity, fresh: &ActorState) -> Result<(Series, Option<Self>)> {
        let (series, found) = Series::open::<StateHeader>(folder)?;
        let Some((path, mut archive)) = found else { return Ok((series, None)) };
        let header = archive.header;
        if let Some(difference) = difference(&header.identity, identity) {
            return Err(Error::data(&path, difference));
        }
        let damaged = |reason: String| Error::data(&path, reason);
        let tensors = &mut archive.tensors;
        let weights = Weights::take(&identity.model, tensors, "weights.").map_err(damaged)?;
        let column = |name: &str, tensors: &mut BTreeMap<String, (Vec<usize>, Vec<f32>)>| {
            tensors
                .remove(name)
                .map(|(_, elements)| elements)
                .filter(|elements| elements.len() == identity.model.width)
                .ok_or_else(|| damaged(format!("has no {name}")))
        };
        let value = if header.has_values { Some(column("value", tensors)?) } else { None };
        let mut moments = Vec::new();
        if header.has_moments {
            let [first, second] = ["first.", "second."].map(|prefix| Weights::take(&identity.model, tensors, prefix));
            moments
                .extend(first.map_err(damaged)?.into_tensors().into_iter().zip(second.map_err(damaged)?.into_tensors()).map(|(first, second)| [first, second]));
            if header.has_values {
                moments.push([column("first.value", tensors)?, column("second.value", tensors)?]);
            }
        }
        let reference = if header.has_reference { Some(Weights::take(&identity.model, tensors, "reference.").map_err(damaged)?) } else { None };
        let history =
            header.history.iter().enumerate().map(|(index, version)| {
                Weights::take(&identity.model, tensors, &format!("history.{index}.")).map(|weights| (*version, weights)).map_err(damaged)
            });
        let history = history.collect::<Result<VecDeque<_>>>()?;
        let mut lora = fresh.lora.clone();
        for (index, (factors, moments)) in lora.iter_mut().flat_map(|lora| lora.factors.iter_mut().zip(&mut lora.moments)).enumerate() {
            for ((side, factor), [first, second]) in ["a", "b"].into_iter().zip(factors).zip(moments) {
                for (name, numbers) in [("", factor), (".first", first), (".second", second)] {
                    let name = format!("lora.{index}.{side}{name}");
                    let found = tensors.remove(&name).map(|(_, elements)| elements).filter(|elements| elements.len() == numbers.len());
                    *numbers = found.ok_or_else(|| damaged(format!("has no {name}")))?;
                }
            }
        }
        let actor = ActorState { weights, value, moments, lora, updates: header.updates };
        Ok((series, Some(Self { position: header.position, actor, reference, history })))
    }
}

/// The first thing in which two runs differ, as a sentence.
fn difference(there: &Identity, here: &Identity) -> Option<String> {
    if there == here {
        return None;
    }
    let lines = there.config.lines().zip(here.config.lines()).find(|(old, new)| old != new);
    let what = match lines {
        Some((old, new)) => format!("`{}`; this one has `{}`", old.trim(), new.trim()),
        None if there.model != here.model => "another model".into(),
        None if there.pool != here.pool => "other problems".into(),
        None if there.initial != here.initial => "other initial weights".into(),
        None if there.max_new_tokens != here.max_new_tokens => format!("max_new_tokens = {}; this one has {}", there.max_new_tokens, here.max_new_tokens),
        None => "other settings".into(),
    };
    Some(format!("belongs to a run with {what}"))
}
