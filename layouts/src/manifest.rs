//! The manifest of a laid-out corpus: that of a corpus, with any layout. Written last; without it a folder is unfinished.

use std::{collections::BTreeMap, fs, path::Path};

use metacot_traces::corpus::{CorpusError, FileEntry, MANIFEST, SCHEMA_VERSION, Shard, publish};
use serde::{Deserialize, Serialize};

/// What a folder holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the manifest and record schema.
    pub schema_version: u32,
    /// Version of the tool.
    pub tool_version: String,
    /// Everything that decides the bytes.
    pub config: serde_json::Value,
    /// Which part of a run this is; absent where it is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Name of the layout.
    pub layout: String,
    /// The data files in order.
    pub files: Vec<FileEntry>,
    /// Totals by name.
    pub counts: BTreeMap<String, u64>,
    /// BLAKE3 over the digests of all files in order.
    pub digest: String,
}

impl Manifest {
    /// Publishes the manifest in `folder`.
    ///
    /// # Errors
    /// What the system refused.
    pub fn save(&self, folder: &Path) -> Result<(), CorpusError> {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        text.push('\n');
        publish(&folder.join(MANIFEST), text.as_bytes())
    }

    /// Reads the manifest of `folder`, of a corpus as well.
    ///
    /// # Errors
    /// There is none, or it is damaged or of another schema, or names files outside of its folder.
    pub fn load(folder: &Path) -> Result<Self, CorpusError> {
        let path = folder.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(CorpusError::data(folder, format!("no {MANIFEST}: not a finished corpus")));
            }
            read => read.map_err(CorpusError::io("cannot read", &path))?,
        };
        let manifest: Self = serde_json::from_str(&text).map_err(|error| CorpusError::data(&path, format!("damaged: {error}")))?;
        if manifest.schema_version != SCHEMA_VERSION {
            let reason = format!("schema version {} is not supported; this build reads {SCHEMA_VERSION}", manifest.schema_version);
            return Err(CorpusError::data(&path, reason));
        }
        let is_inside = |name: &str| Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        match manifest.files.iter().find(|file| !is_inside(&file.name)) {
            Some(file) => Err(CorpusError::data(&path, format!("names `{}`, which is no file of the folder", file.name))),
            None => Ok(manifest),
        }
    }
}
