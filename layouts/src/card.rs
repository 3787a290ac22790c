//! The dataset card: Markdown for people, headed by the YAML from which Hugging Face `datasets` takes configurations, splits and columns.

use std::fmt::Write as _;

use crate::{
    cell::{Field, Kind},
    manifest::Manifest,
};

/// Name of the configuration where there is only one.
pub(crate) const DEFAULT_CONFIG: &str = "default";

/// The files of one split of one configuration.
pub(crate) struct Part {
    pub(crate) config: String,
    pub(crate) split: &'static str,
    pub(crate) fields: Vec<Field>,
    pub(crate) files: Vec<String>,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

impl Part {
    /// The split as `datasets` lets it be called: without hyphens.
    fn split_name(&self) -> String {
        self.split.replace('-', "_")
    }
}

/// The card of a folder; parts of the same configuration stand beside each other.
pub(crate) fn card(manifest: &Manifest, parts: &[Part]) -> String {
    let mut text = String::from("---\n");
    if !parts.is_empty() {
        let size_of = |name: &str| manifest.files.iter().find(|file| file.name == name).map_or(0, |file| file.bytes);
        let _ = writeln!(text, "configs:");
        for parts in parts.chunk_by(|one, other| one.config == other.config) {
            let _ = writeln!(text, "- config_name: {}\n  data_files:", parts[0].config);
            for part in parts {
                let _ = writeln!(text, "  - split: {}\n    path:", part.split_name());
                part.files.iter().for_each(|file| writeln!(text, "    - {file}").unwrap_or_default());
            }
        }
        let _ = writeln!(text, "dataset_info:");
        for parts in parts.chunk_by(|one, other| one.config == other.config) {
            let _ = writeln!(text, "- config_name: {}\n  features:", parts[0].config);
            features(&parts[0].fields, "  ", &mut text);
            let _ = writeln!(text, "  splits:");
            for part in parts {
                let _ = writeln!(text, "  - name: {}\n    num_bytes: {}\n    num_examples: {}", part.split_name(), part.bytes, part.records);
            }
            let download: u64 = parts.iter().flat_map(|part| &part.files).map(|file| size_of(file)).sum();
            let _ = writeln!(text, "  download_size: {download}\n  dataset_size: {}", parts.iter().map(|part| part.bytes).sum::<u64>());
        }
    }
    text += "tags:\n- meta-cot\n- synthetic\n---\n\n";
    let count = |name: &str| manifest.counts.get(name).copied().unwrap_or(0);
    let _ = writeln!(text, "# Search traces, layout `{}`\n", manifest.layout);
    let _ = writeln!(text, "{} records ({} of them solved, {} bytes of text).\n", count("records"), count("solved"), count("text_bytes"));
    for part in parts {
        let _ = writeln!(text, "- `{}`, split `{}`: {} records", part.config, part.split_name(), part.records);
    }
    let config = serde_json::to_string_pretty(&manifest.config).unwrap_or_default();
    let _ = writeln!(text, "\nMade by metacot {} from this configuration:\n\n```json\n{config}\n```\n", manifest.tool_version);
    let _ = writeln!(text, "Digest (BLAKE3): `{}`. Files, sizes and SHA-256 sums are in `manifest.json`.", manifest.digest);
    text
}

fn features(fields: &[Field], indent: &str, text: &mut String) {
    for field in fields {
        let _ = writeln!(text, "{indent}- name: {}", field.name);
        feature(&field.kind, &format!("{indent}  "), text);
    }
}

/// The lines that say what a feature holds, below its name.
fn feature(kind: &Kind, indent: &str, text: &mut String) {
    let _ = match kind {
        Kind::Bool => writeln!(text, "{indent}dtype: bool"),
        Kind::Int => writeln!(text, "{indent}dtype: int64"),
        Kind::Text | Kind::Json => writeln!(text, "{indent}dtype: string"),
        Kind::List(element) => match element.as_ref() {
            Kind::Bool => writeln!(text, "{indent}list: bool"),
            Kind::Int => writeln!(text, "{indent}list: int64"),
            Kind::Text | Kind::Json => writeln!(text, "{indent}list: string"),
            Kind::Struct(fields) => {
                let _ = writeln!(text, "{indent}list:");
                return features(fields, indent, text);
            }
            nested @ Kind::List(_) => {
                let _ = writeln!(text, "{indent}list:");
                return feature(nested, &format!("{indent}  "), text);
            }
        },
        Kind::Struct(fields) => {
            let _ = writeln!(text, "{indent}struct:");
            return features(fields, indent, text);
        }
    };
}
