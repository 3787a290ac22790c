//! How far a run is, what came out, and where its files are.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Summary;
use crate::{
    Error, Result,
    metrics::{METRICS_FILE, read_rows},
    report,
};

pub(super) fn summary(root: &Path) -> Result<Summary> {
    let mut summary = Summary { kind: "run", ..Summary::default() };
    summary.fact("run", root.display());
    let recipe = read(&root.join("recipe.resolved.toml"))?;
    summary.fact("state", if root.join("manifest.json").exists() { "finished" } else { "begun; `metacot run` with its recipe goes on" });
    for (stage, folder, mark) in
        [("corpora", "corpus", "manifest.json"), ("trainings", "checkpoints", "weights.safetensors"), ("rollouts", "rollouts", ""), ("evaluations", "eval", "")]
    {
        let names: Vec<String> = entries(&root.join(folder))?
            .into_iter()
            .map(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if mark.is_empty() || path.join(mark).exists() { name } else { format!("{name} (unfinished)") }
            })
            .collect();
        summary.fact(stage, if names.is_empty() { "none yet".into() } else { names.join(", ") });
    }
    for folder in entries(&root.join("checkpoints"))? {
        let metrics = folder.join(METRICS_FILE);
        let rows = if metrics.exists() { read_rows(&metrics)? } else { Vec::new() };
        for split in ["train", "val"] {
            if let Some(row) = rows.iter().rev().find(|row| row.split == split) {
                let values: Vec<String> = row.values.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
                let name = folder.file_name().unwrap_or_default().to_string_lossy();
                summary.fact(format!("{name}, {split}"), format!("step {}: {}", row.step, values.join(", ")));
            }
        }
    }
    let path = root.join("report.json");
    if path.exists() {
        let report = report::parse_json(&path, &read(&path)?)?;
        summary.fact("title", &report.title);
        if !report.summary.is_empty() {
            summary.fact("found", report.summary.trim());
        }
        for highlight in &report.highlights {
            let note = if highlight.note.is_empty() { String::new() } else { format!(" ({})", highlight.note) };
            summary.fact(&highlight.label, format!("{}{note}", highlight.value.words()));
        }
        summary.fact("report", root.join("report.html").display());
    }
    summary.listings.push(("resolved recipe".into(), recipe));
    Ok(summary)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(Error::io("cannot read", path))
}

/// What stands in a folder, sorted; nothing where it is missing. Hidden files are left out.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(folder).map_err(Error::io("cannot read", folder))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| !path.file_name().unwrap_or_default().to_string_lossy().starts_with('.'));
    paths.sort();
    Ok(paths)
}
