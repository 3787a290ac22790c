//! Reads a finished corpus back, file by file, each checked against its digest.

use std::{fs, path::Path};

use super::{CorpusError, Layout, Manifest, Record};

/// Reads a corpus and hands every record to `take`, in order. One file is in memory at a time.
///
/// # Errors
/// No manifest, a file that is missing, damaged or truncated.
pub fn read(folder: &Path, mut take: impl FnMut(Record)) -> Result<Manifest, CorpusError> {
    let manifest = Manifest::load(folder)?;
    for entry in &manifest.files {
        let path = folder.join(&entry.name);
        let bytes = fs::read(&path).map_err(CorpusError::io("cannot read", &path))?;
        if bytes.len() as u64 != entry.bytes {
            let reason = format!("truncated or changed: {} bytes, where the manifest says {}; generate it again", bytes.len(), entry.bytes);
            return Err(CorpusError::data(&path, reason));
        }
        if blake3::hash(&bytes).to_hex().as_str() != entry.blake3 {
            return Err(CorpusError::data(&path, "changed: its BLAKE3 digest is not the manifest's; generate it again"));
        }
        let records = manifest.layout.decode(&path, &bytes)?;
        if records.len() as u64 != entry.records {
            return Err(CorpusError::data(&path, format!("{} records, where the manifest says {}", records.len(), entry.records)));
        }
        records.into_iter().for_each(&mut take);
    }
    Ok(manifest)
}

/// The records of one data file, whose extension says its layout; nothing is compared with a manifest.
///
/// # Errors
/// An unknown extension, or a file that cannot be read or is damaged.
pub fn read_file(path: &Path) -> Result<Vec<Record>, CorpusError> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let layout: Layout = extension.parse().map_err(|reason: String| CorpusError::data(path, reason))?;
    let bytes = fs::read(path).map_err(CorpusError::io("cannot read", path))?;
    layout.decode(path, &bytes)
}
