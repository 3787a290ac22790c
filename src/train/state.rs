//! A checkpoint of a training: weights, moments, position and configuration in one file that is either whole or ignored.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::TrainConfig;
use crate::{
    checkpoint::{Archive, Header, series::Series},
    error::{Error, Result},
    model::{ModelConfig, Weights},
};

/// What a training is: two runs of equal identity are the same run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The settings.
    pub train: TrainConfig,
    /// The shape of the model.
    pub model: ModelConfig,
    /// Digest of the examples.
    pub examples: String,
    /// Digest of the validation examples.
    pub validation: String,
    /// Digest of the weights it started from.
    pub initial: String,
    /// Rows that are worked on at once, where several devices share a batch and the sums of a step are other ones for it; `None` where it is the
    /// batches of the settings, and the number of devices changes no bit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_rows: Option<usize>,
    /// Digest of the problems that the solve rate is measured on; empty where it is not.
    #[serde(default)]
    pub problems: String,
}

/// Where a training stands, beside its tensors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Steps done.
    pub step: usize,
    /// Positions that held a document, since the start.
    pub tokens: u64,
    /// Bits of the best value of what patience looks at (an `f64`), so that no digit is lost: the lowest validation loss, or the smallest share
    /// of unsolved problems.
    pub best_loss: u64,
    /// Measurements since the best.
    pub without_improvement: usize,
    /// Whether the training is over.
    pub is_finished: bool,
}

impl Position {
    /// The start of a training.
    pub fn start() -> Self {
        Self { step: 0, tokens: 0, best_loss: f64::INFINITY.to_bits(), without_improvement: 0, is_finished: false }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StateHeader {
    identity: Identity,
    position: Position,
}

impl Header for StateHeader {
    const FORMAT: &'static str = "metacot-training";
    const VERSION: u32 = 1;
}

/// A training at rest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TrainState {
    pub position: Position,
    pub weights: Weights,
    /// First and second moment by parameter; empty before the first step.
    pub moments: Vec<[Vec<f32>; 2]>,
    /// Moving average of the weights.
    pub average: Option<Weights>,
}

impl TrainState {
    /// Writes the state as the next checkpoint of a series.
    pub fn save(self, series: &mut Series, identity: &Identity) -> Result<()> {
        let mut tensors = self.weights.into_named("weights.");
        for ((parameter, shape), [first, second]) in Weights::shapes(&identity.model).into_iter().zip(self.moments) {
            tensors.insert(format!("first.{parameter}"), (shape.clone(), first));
            tensors.insert(format!("second.{parameter}"), (shape, second));
        }
        if let Some(average) = self.average {
            tensors.append(&mut average.into_named("average."));
        }
        let step = self.position.step;
        let header = StateHeader { identity: identity.clone(), position: self.position };
        series.write(step, &Archive { header, tensors })
    }

    /// Opens the checkpoints of a folder and loads the newest whole one; `None` where there is none.
    ///
    /// A file that is cut short or altered is passed over: the one before it stands.
    ///
    /// # Errors
    /// A checkpoint is of another version, or the newest whole one belongs to another training; the error names the first setting that differs.
    pub fn load(folder: &Path, identity: &Identity) -> Result<(Series, Option<Self>)> {
        let (series, found) = Series::open::<StateHeader>(folder)?;
        let Some((path, mut archive)) = found else { return Ok((series, None)) };
        if let Some(difference) = difference(&archive.header.identity, identity) {
            return Err(Error::data(&path, difference));
        }
        let mut take = |prefix: &str| Weights::take(&identity.model, &mut archive.tensors, prefix).map_err(|reason| Error::data(&path, reason));
        let weights = take("weights.")?;
        let moments = match archive.header.position.step {
            0 => Vec::new(),
            _ => {
                let [first, second] = [take("first.")?, take("second.")?];
                first.into_tensors().into_iter().zip(second.into_tensors()).map(|(first, second)| [first, second]).collect()
            }
        };
        let average = identity.train.ema_decay.map(|_| take("average.")).transpose()?;
        Ok((series, Some(Self { position: archive.header.position, weights, moments, average })))
    }
}

/// The first setting in which two trainings differ, as a sentence.
fn difference(there: &Identity, here: &Identity) -> Option<String> {
    if there == here {
        return None;
    }
    if there.part_rows != here.part_rows {
        let [then, now] = [there, here].map(|identity| identity.part_rows.unwrap_or(identity.train.rows));
        return Some(format!(
            "belongs to a training that cut its batches into parts of {then} rows, by the number of its devices; this one has parts of {now}: expected as \
             many devices as then"
        ));
    }
    let [there, here] = [there, here].map(|identity| {
        let mut flat = Vec::new();
        flatten("", &serde_json::to_value(identity).unwrap_or_default(), &mut flat);
        flat
    });
    let first = there.iter().chain(&here).find(|entry| !(there.contains(entry) && here.contains(entry)));
    let key = first.map_or("a setting", |(key, _)| key.as_str());
    let value_of = |entries: &[(String, String)]| entries.iter().find(|(name, _)| name == key).map_or_else(|| "none".to_owned(), |(_, value)| value.clone());
    Some(format!("belongs to a training with {key} = {}; this one has {}", value_of(&there), value_of(&here)))
}

/// The leaves of a JSON value with their dotted paths.
fn flatten(path: &str, value: &serde_json::Value, into: &mut Vec<(String, String)>) {
    match value {
        serde_json::Value::Object(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, into);
            }
        }
        leaf => into.push((path.to_owned(), leaf.to_string())),
    }
}
