//! What a file of tensors is: configuration, parameters, step, digest.

use std::path::{Path, PathBuf};

use super::Summary;
use crate::{Error, Result, checkpoint::describe};

/// The file to look at in the folder of a training: its weights, else its newest state; `None` where it is no such folder.
pub(super) fn newest(folder: &Path) -> Result<Option<PathBuf>> {
    let weights = folder.join("weights.safetensors");
    if weights.exists() {
        return Ok(Some(weights));
    }
    Ok(states(folder)?.pop())
}

/// The states of an unfinished or finished training in a folder, oldest first.
fn states(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(Error::io("cannot read", folder))?;
    let mut states: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_state(path)).collect();
    states.sort();
    Ok(states)
}

fn is_state(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("step-") && name.ends_with(".safetensors"))
}

pub(super) fn summary(path: &Path) -> Result<Summary> {
    let found = describe(path)?;
    let mut summary = Summary { kind: "checkpoint", ..Summary::default() };
    summary.fact("checkpoint", path.display());
    summary.fact("format", format!("{} version {}", found.format, found.version));
    summary.fact("digest", found.digest);
    summary.fact(
        "tensors",
        format!("{}, {} numbers in all", found.tensors.len(), found.tensors.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum::<usize>()),
    );
    let model = found.header.pointer("/identity/model").unwrap_or(&found.header);
    if let Ok(config) = serde_json::from_value::<crate::model::ModelConfig>(model.clone()) {
        match config.validate() {
            Ok(()) => summary.fact("parameters", config.num_parameters()),
            Err(reason) => summary.fact("cannot be used", reason),
        }
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let states: Vec<String> = states(folder)?.iter().filter_map(|state| Some(state.file_stem()?.to_string_lossy().into_owned())).collect();
    if !states.is_empty() {
        summary.fact("states to resume from", states.join(", "));
    }
    for (name, value) in found.header.pointer("/position").and_then(|position| position.as_object()).into_iter().flatten() {
        if name != "best_loss" {
            summary.fact(name.replace('_', " "), value);
        }
    }
    if let Some(bits) = found.header.pointer("/position/best_loss").and_then(serde_json::Value::as_u64) {
        summary.fact("best loss", f64::from_bits(bits));
    }
    for (name, value) in model.as_object().into_iter().flatten() {
        summary.fact(name.replace('_', " "), value);
    }
    let shapes: Vec<String> = found.tensors.iter().map(|(name, shape)| format!("{name:<40} {shape:?}")).collect();
    summary.listings.push(("tensors".into(), shapes.join("\n")));
    Ok(summary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ModelConfig;

    #[test]
    fn a_configuration_that_cannot_be_is_described_and_not_computed_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let config = r#"{"vocab_size":4,"width":4,"layers":1,"heads":0,"kv_heads":1,"hidden":4,"context":8,"rope_theta":10000.0,"norm_epsilon":1e-5,"tied_embeddings":true}"#;
        let config: ModelConfig = serde_json::from_str(config).unwrap();
        crate::checkpoint::write(&path, &config, &Default::default()).unwrap();
        let facts = summary(&path).unwrap().facts;
        assert!(facts.contains(&("cannot be used".into(), "model.heads = 0 is not allowed; expected at least 1".into())), "{facts:?}");
    }
}
