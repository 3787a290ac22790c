//! How far a run is, what came out, and where its files are.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::Summary;
use crate::{Error, Result, metrics::METRICS_FILE, report};

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
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        for (kind, words) in last_metrics(&folder.join(METRICS_FILE))? {
            summary.fact(format!("{name}, {kind}"), words);
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

/// The last line of each kind in the metrics of a training, in words; nothing where the file is missing. Supervised trainings write lines of
/// three kinds and do not name them, all others name theirs as `split`. A torn last line is left out.
fn last_metrics(path: &Path) -> Result<BTreeMap<String, String>> {
    let mut last = BTreeMap::new();
    if !path.exists() {
        return Ok(last);
    }
    let text = read(path)?;
    for (index, line) in text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n') && !line.trim().is_empty()) {
        let damaged = |reason: String| Error::data(path, format!("line {}: {reason}", index + 1));
        let mut row: Map<String, Value> = serde_json::from_str(line).map_err(|error| damaged(error.to_string()))?;
        let step = row.remove("step").and_then(|step| step.as_u64()).ok_or_else(|| damaged("no whole number `step`".into()))?;
        let kind = match row.remove("split") {
            Some(Value::String(split)) => split,
            _ if row.contains_key("validation_loss") => "val".into(),
            _ if row.contains_key("solve_rate") => "solve".into(),
            _ => "train".into(),
        };
        let values: Vec<String> =
            row.iter().map(|(name, value)| value.as_f64().map_or(format!("{name} {value}"), |value| format!("{name} {}", short(value)))).collect();
        last.insert(kind, format!("step {step}: {}", values.join(", ")));
    }
    Ok(last)
}

/// A number in a few digits: small ones such as learning rates with their exponent.
fn short(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        format!("{value:.0}")
    } else if value.abs() < 1e-3 {
        format!("{value:.3e}")
    } else {
        format!("{value:.4}")
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_every_kind_are_read_and_the_last_of_each_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(METRICS_FILE);
        assert!(last_metrics(&path).unwrap().is_empty());
        let lines = [
            r#"{"step":1,"tokens":372,"loss":4.8,"lr":0.00002,"grad_norm":3.7}"#,
            r#"{"step":2,"tokens":744,"loss":null,"lr":0.00002,"grad_norm":3.5}"#,
            r#"{"step":2,"validation_loss":3.25}"#,
            r#"{"step":2,"solve_rate":0.5,"valid_rate":0.25}"#,
            r#"{"step":7,"split":"distill","texts":329.0}"#,
            r#"{"step":8,"spl"#,
        ];
        fs::write(&path, lines.join("\n")).unwrap();
        let told: Vec<String> = last_metrics(&path).unwrap().into_iter().map(|(kind, words)| format!("{kind} {words}")).collect();
        assert_eq!(told.len(), 4);
        assert_eq!((told[0].as_str(), told[3].as_str()), ("distill step 7: texts 329", "val step 2: validation_loss 3.2500"));
        assert!(told[1] == "solve step 2: solve_rate 0.5000, valid_rate 0.2500", "{}", told[1]);
        assert!(told[2].starts_with("train step 2: ") && told[2].contains("lr 2.000e-5") && told[2].contains("tokens 744"), "{}", told[2]);
        fs::write(&path, "rubbish\n").unwrap();
        assert!(last_metrics(&path).unwrap_err().to_string().contains("line 1: "));
    }
}
