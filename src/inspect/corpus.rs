//! What a corpus is made of, from its manifest and its first records.

use std::path::Path;

use metacot_traces::corpus::{Manifest, read_file};

use super::Summary;
use crate::Result;

/// Records that are shown, and lines of each.
const RECORDS: usize = 3;
const LINES: usize = 12;

pub(super) fn summary(folder: &Path) -> Result<Summary> {
    let manifest = Manifest::load(folder)?;
    let mut summary = Summary { kind: "corpus", ..Summary::default() };
    summary.fact("corpus", folder.display());
    summary.fact("digest", &manifest.digest);
    summary.fact("made by", format!("metacot {}, schema {}", manifest.tool_version, manifest.schema_version));
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    summary.fact("files", format!("{} {}, {bytes} bytes", manifest.files.len(), manifest.layout.name()));
    manifest.counts.iter().for_each(|(name, count)| summary.fact(name.replace('_', " "), count));
    // Nested settings are shown where there are any.
    for (name, value) in manifest.config.as_object().into_iter().flatten() {
        match value {
            serde_json::Value::String(text) => summary.fact(name.replace('_', " "), text),
            serde_json::Value::Object(fields) if fields.is_empty() => {}
            value => summary.fact(name.replace('_', " "), value),
        }
    }
    if let Some(file) = manifest.files.first() {
        for record in read_file(&folder.join(&file.name))?.into_iter().take(RECORDS) {
            let stop = serde_json::to_value(record.stop)?;
            let caption = format!("record {}: {}, {} expanded, {} generated", record.id, stop.as_str().unwrap_or_default(), record.expanded, record.generated);
            summary.listings.push((caption, shortened(&record.text)));
        }
    }
    Ok(summary)
}

pub(super) fn shortened(text: &str) -> String {
    let mut lines: Vec<String> = text
        .lines()
        .take(LINES)
        .map(|line| if line.chars().count() > 160 { line.chars().take(159).chain(['…']).collect() } else { line.to_string() })
        .collect();
    let rest = text.lines().count().saturating_sub(LINES);
    if rest > 0 {
        lines.push(format!("… and {rest} more lines"));
    }
    lines.join("\n")
}
