//! The dataset card: what a corpus holds, in Markdown, with the header by which Hugging Face `datasets` finds its files.

use super::{Layout, Manifest};

/// Name of the card in its folder.
pub const CARD: &str = "README.md";

/// The card of a corpus whose files begin with `split`.
pub(super) fn card(manifest: &Manifest, split: &str) -> String {
    let setting = |name: &str| manifest.config.get(name).and_then(serde_json::Value::as_str).unwrap_or("mixed").to_string();
    let count = |name: &str| manifest.counts.get(name).copied().unwrap_or(0);
    let mut text = String::from("---\n");
    if manifest.layout == Layout::Jsonl {
        text += &format!("configs:\n- config_name: default\n  data_files:\n  - split: {split}\n    path: \"{split}-*.jsonl\"\n");
    }
    text += "tags:\n- meta-cot\n- synthetic\n---\n\n";
    if manifest.config.get("rows").and_then(serde_json::Value::as_str) == Some("plain") {
        text += &format!("# Rows kept by a funnel\n\n{} rows, unchanged; what was dropped by which rule is in `funnel.json`.\n\n", count("records"));
        text += &format!("Digest (BLAKE3): `{}`. Files, sizes and SHA-256 sums are in `manifest.json`.\n", manifest.digest);
        return text;
    }
    text += &format!("# {} / {} / {}\n\n", setting("env"), setting("search"), setting("format"));
    text += &format!(
        "{} records ({} of them solved, {} bytes of text), split `{split}`. Every plan was replayed by the environment and every text was audited step by step before it was written{}.\n\n",
        count("records"),
        count("solved"),
        count("text_bytes"),
        if ["swap", "all-wrong"].contains(&setting("transform").as_str()) {
            ", except for the controls of this corpus, which are wrong on purpose"
        } else {
            ""
        },
    );
    let config = serde_json::to_string_pretty(&manifest.config).unwrap_or_default();
    text += &format!(
        "Made by metacot {} from this configuration; the same configuration gives the same bytes:\n\n```json\n{config}\n```\n\n",
        manifest.tool_version
    );
    text += &format!("Digest (BLAKE3): `{}`. Files, sizes and SHA-256 sums are in `manifest.json`.\n", manifest.digest);
    text
}
