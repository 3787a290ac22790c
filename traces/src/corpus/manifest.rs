//! The manifest: what a corpus is, how to make it again, and the digest of every file. Written last; without it a folder is unfinished.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use super::{CorpusError, Layout, Shard, publish};

/// Name of the manifest in its folder.
pub const MANIFEST: &str = "manifest.json";
/// Version of the manifest and record schema.
pub const SCHEMA_VERSION: u32 = 1;

/// One data file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Name within the folder.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Number of records.
    pub records: u64,
    /// BLAKE3 digest, hexadecimal.
    pub blake3: String,
    /// SHA-256 digest, hexadecimal, for `sha256sum -c`.
    pub sha256: String,
}

/// The description of a finished corpus.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA_VERSION`] when it was written.
    pub schema_version: u32,
    /// Version of the tool.
    pub tool_version: String,
    /// Everything that decides the bytes: environment, search, format, settings, seed, count.
    pub config: serde_json::Value,
    /// Which part of a run this is; absent where it is all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Layout of the data files.
    pub layout: Layout,
    /// The data files in order.
    pub files: Vec<FileEntry>,
    /// Totals by name, such as `records`, `solved`, `text_bytes`.
    pub counts: BTreeMap<String, u64>,
    /// BLAKE3 over the digests of all files in order: one number for the whole corpus.
    pub digest: String,
}

impl Manifest {
    /// The digest of a list of files.
    pub fn digest_of(files: &[FileEntry]) -> String {
        let mut hasher = blake3::Hasher::new();
        for file in files {
            hasher.update(file.blake3.as_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Publishes the manifest in `folder`.
    ///
    /// # Errors
    /// What the system refused.
    pub fn save(&self, folder: &Path) -> Result<(), CorpusError> {
        let mut text = serde_json::to_string_pretty(self).expect("a manifest is plain data");
        text.push('\n');
        publish(&folder.join(MANIFEST), text.as_bytes())
    }

    /// Reads the manifest of `folder`.
    ///
    /// # Errors
    /// There is none, so that the corpus is unfinished or no corpus; or it is damaged or of another schema.
    pub fn load(folder: &Path) -> Result<Self, CorpusError> {
        let path = folder.join(MANIFEST);
        if !path.exists() {
            return Err(CorpusError::data(folder, format!("no {MANIFEST}: not a finished corpus; generate it with `metacot generate --out`")));
        }
        let text = fs::read_to_string(&path).map_err(CorpusError::io("cannot read", &path))?;
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| CorpusError::data(&path, format!("damaged: {error}")))?;
        let version = value.get("schema_version").and_then(serde_json::Value::as_u64);
        if version != Some(u64::from(SCHEMA_VERSION)) {
            return Err(CorpusError::data(&path, format!("schema version {version:?} is not supported; this build reads {SCHEMA_VERSION}")));
        }
        if let Some(layout) = value.get("layout").and_then(serde_json::Value::as_str)
            && layout.parse::<Layout>().is_err()
        {
            let reason = format!("layout `{layout}` is for other tools; `metacot convert` writes a corpus as jsonl or shard, which this reads");
            return Err(CorpusError::data(&path, reason));
        }
        serde_json::from_value(value).map_err(|error| CorpusError::data(&path, format!("damaged: {error}")))
    }
}
