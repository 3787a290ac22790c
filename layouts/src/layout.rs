//! A layout is a row shape in a container: `trl.jsonl.zst` is the shape `trl` in JSON lines with zstd. Most are named by one of the two.

use std::sync::Arc;

use crate::{
    container::{self, Container, Encoder},
    shape::{self, Shape, TruthStyle},
};

/// How a corpus is laid out on disk.
pub struct Layout {
    pub(crate) name: String,
    pub(crate) shape: &'static dyn Shape,
    pub(crate) container: Box<dyn Container>,
    /// Files in a folder per configuration, several configurations beside each other.
    pub(crate) is_hub: bool,
    pub(crate) truth: TruthStyle,
}

/// The layouts that are more than a shape or a container: name, shape, container.
const NAMED: [(&str, &str, &str); 2] = [("tokens", "text", "bin"), ("hf", WHOLE, "parquet")];
/// The shape of our own corpora.
pub(crate) const WHOLE: &str = "record";

impl Layout {
    /// Reads the name of a layout: a container (`jsonl`, `jsonl.zst`, `jsonl.gz`, `parquet`) for whole records, a shape (`trl`, `verl`, …) in
    /// the container its readers expect, a shape with another container (`trl.jsonl`), `tokens` or `hf`.
    ///
    /// # Errors
    /// An unknown name, or a way to write the ground truth that the shape does not have.
    pub fn parse(name: &str, truth: Option<&str>, encoder: &Arc<dyn Encoder>) -> Result<Self, String> {
        let unknown = || format!("unknown layout `{name}`; allowed: {}", Self::names().join(", "));
        let plain = name.strip_prefix('.').unwrap_or(name);
        let (shape_name, container_name) = match NAMED.iter().find(|(named, ..)| *named == plain) {
            Some((_, shape, container)) => (*shape, *container),
            None if container::NAMES.contains(&plain) && plain != "bin" => (WHOLE, plain),
            None => match plain.split_once('.') {
                // Tokens are of texts alone, and shards of whole records.
                Some((shape, container)) if !["bin", "shard"].contains(&container) => (shape, container),
                Some(_) => return Err(unknown()),
                None => (plain, shape::find(plain).ok_or_else(unknown)?.container()),
            },
        };
        let shape = shape::find(shape_name).ok_or_else(unknown)?;
        let container = container::find(container_name, encoder).ok_or_else(unknown)?;
        let truths = shape.truths();
        let truth = match truth {
            None => truths.first().copied().unwrap_or(TruthStyle::Json),
            Some(wanted) => *truths.iter().find(|style| style.name() == wanted).ok_or_else(|| {
                let allowed: Vec<&str> = truths.iter().map(|style| style.name()).collect();
                let allowed = if allowed.is_empty() { "none: it has no ground truth".to_string() } else { allowed.join(", ") };
                format!("ground truth as `{wanted}` is not allowed in layout `{name}`; allowed: {allowed}")
            })?,
        };
        Ok(Self { name: plain.into(), shape, container, is_hub: plain == "hf", truth })
    }

    /// Every name that stands alone, with the two layouts that only our own corpora have.
    pub fn names() -> Vec<&'static str> {
        let containers = container::NAMES.iter().filter(|name| **name != "bin");
        let shapes = shape::NAMES.iter().filter(|name| **name != WHOLE);
        containers.chain(&NAMED.map(|(name, ..)| name)).chain(shapes).copied().collect()
    }

    /// The name as it goes into a manifest.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a layout of this name holds whole records, so that it can be read back.
    pub fn is_whole(name: &str) -> bool {
        name == "hf" || name.split_once('.').is_some_and(|(shape, _)| shape == WHOLE) || container::NAMES.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::container::Bytes;

    fn parse(name: &str, truth: Option<&str>) -> Result<(String, &'static str, bool), String> {
        let encoder: Arc<dyn Encoder> = Arc::new(Bytes);
        Layout::parse(name, truth, &encoder).map(|layout| (layout.name, layout.container.extension(), layout.truth == TruthStyle::Struct))
    }

    #[test]
    fn names_are_shapes_containers_or_both() {
        for (name, extension, is_struct) in [
            ("jsonl", "jsonl", false),
            (".jsonl.zst", "jsonl.zst", false),
            ("parquet", "parquet", false),
            ("hf", "parquet", false),
            ("tokens", "bin", false),
            ("verl", "parquet", true),
            ("trl", "parquet", false),
            ("trl.jsonl.gz", "jsonl.gz", false),
            ("openai-rft", "jsonl", true),
        ] {
            assert_eq!(parse(name, None).map(|(_, extension, is_struct)| (extension, is_struct)), Ok((extension, is_struct)), "{name}");
        }
        for name in ["", ".", "bin", "trl.bin", "trl.", ".trl.x", "csv", "record.csv"] {
            assert!(parse(name, None).unwrap_err().contains("unknown layout"), "{name}");
        }
        assert!(parse("verl", Some("json")).is_ok_and(|(.., is_struct)| !is_struct));
        assert!(parse("openrlhf", Some("struct")).unwrap_err().contains("allowed: json"));
        assert!(parse("text", Some("json")).unwrap_err().contains("no ground truth"));
    }
}
