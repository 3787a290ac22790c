//! Puts the shards of a run together: the same files, bytes and manifest as of the run made in one piece.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{CorpusError, Manifest, RECORDS_PER_FILE, Shard, Writer, WriterSpec, cut::pieces};

/// Merges the shards of one run, in any order, into a corpus in `out`; `progress` is told how many shards are done. One file is in memory at
/// a time.
///
/// # Errors
/// A folder that is no shard, shards of different runs, one that is missing or given twice, one that is damaged, or a folder that cannot be
/// written.
pub fn merge(folders: &[PathBuf], out: &Path, force: bool, progress: &mut dyn FnMut(u64, u64)) -> Result<Manifest, CorpusError> {
    let shards = in_order(folders)?;
    let Some((_, first)) = shards.first() else { return Err(CorpusError::Usage("no shard is given".into())) };
    let setting = |name: &str| first.config.get(name).cloned().unwrap_or_default();
    let Some(count) = setting("count").as_u64() else { return Err(CorpusError::Usage("the shards do not say how many records the run has".into())) };
    let out_place = fs::canonicalize(out).ok();
    for (folder, _) in &shards {
        let place = fs::canonicalize(folder).map_err(CorpusError::io("cannot read", folder))?;
        if out_place.as_ref().is_some_and(|out| place.starts_with(out)) {
            return Err(CorpusError::Usage(format!("{} lies in --out {}, which would be written over it", folder.display(), out.display())));
        }
    }
    let num_files = count.div_ceil(RECORDS_PER_FILE);
    let mut writer = Writer::create(WriterSpec {
        folder: out.into(),
        layout: first.layout,
        prefix: setting("split").as_str().unwrap_or("train").into(),
        files: 0..num_files,
        num_files,
        shard: Shard::WHOLE,
        config: first.config.clone(),
        force,
    })?;
    let num_shards = shards.len() as u64;
    for ((number, shard), (folder, manifest)) in (0..).map(|index| (index, Shard { index, count: num_shards })).zip(&shards) {
        let pieces: Vec<_> = pieces(shard.ids(count)?).collect();
        if pieces.len() != manifest.files.len() {
            return Err(CorpusError::data(folder, format!("{} files, where shard {shard} of {count} records has {}", manifest.files.len(), pieces.len())));
        }
        for (piece, entry) in pieces.into_iter().zip(&manifest.files) {
            let path = folder.join(&entry.name);
            let bytes = fs::read(&path).map_err(CorpusError::io("cannot read", &path))?;
            if blake3::hash(&bytes).to_hex().as_str() != entry.blake3 {
                return Err(CorpusError::data(&path, "truncated or changed: its BLAKE3 digest is not the manifest's; generate the shard again"));
            }
            let (header, footer) = (manifest.layout.header(), manifest.layout.footer(entry.records));
            let body = bytes.strip_prefix(header.as_slice()).and_then(|rest| rest.strip_suffix(footer.as_slice()));
            let body = body.ok_or_else(|| CorpusError::data(&path, "of another version of its layout; generate the shard again"))?;
            writer.append(body, entry.records)?;
            if piece.end == count || piece.end.is_multiple_of(RECORDS_PER_FILE) {
                writer.end_file()?;
            }
        }
        for (name, count) in &manifest.counts {
            writer.count(name, *count);
        }
        progress(number + 1, num_shards);
    }
    writer.finish()
}

/// The manifests of the shards of one run, in order.
fn in_order(folders: &[PathBuf]) -> Result<Vec<(PathBuf, Manifest)>, CorpusError> {
    let mut shards = Vec::new();
    for folder in folders {
        let manifest = Manifest::load(folder)?;
        let Some(shard) = manifest.shard else {
            return Err(CorpusError::Usage(format!("{} is no shard of a run: it was made in one piece", folder.display())));
        };
        shards.push((shard, folder.clone(), manifest));
    }
    shards.sort_by_key(|(shard, ..)| shard.index);
    if let [(one, first, kept), rest @ ..] = shards.as_slice() {
        for (other, folder, manifest) in rest {
            let same = |manifest: &Manifest| (manifest.config.clone(), manifest.layout, manifest.tool_version.clone());
            if one.count != other.count || same(kept) != same(manifest) {
                let reason = "are shards of different runs: settings, layout, version or number of shards differ";
                return Err(CorpusError::Usage(format!("{} and {} {reason}", first.display(), folder.display())));
            }
        }
    }
    let named: Vec<(Shard, &Path)> = shards.iter().map(|(shard, folder, _)| (*shard, folder.as_path())).collect();
    check_shards(&named)?;
    Ok(shards.into_iter().map(|(_, folder, manifest)| (folder, manifest)).collect())
}

/// Checks that the shards of one run, each with its folder, are all there, and each once.
///
/// # Errors
/// Which are missing or doubled.
pub fn check_shards(shards: &[(Shard, &Path)]) -> Result<(), CorpusError> {
    let mut folders = BTreeMap::new();
    for (shard, folder) in shards {
        if let Some(other) = folders.insert(shard.index, folder) {
            return Err(CorpusError::Usage(format!("{} and {} are both shard {shard}", other.display(), folder.display())));
        }
    }
    let Some((Shard { count, .. }, _)) = shards.first() else { return Ok(()) };
    let missing: Vec<String> = (0..*count).filter(|index| !folders.contains_key(index)).take(10).map(|index| format!("{index}/{count}")).collect();
    match *count - folders.len() as u64 {
        0 => Ok(()),
        number if number > 10 => Err(CorpusError::Usage(format!("{number} shards are missing: {} and others", missing.join(", ")))),
        number => Err(CorpusError::Usage(format!("{number} of the shards {} missing: {}", if number == 1 { "is" } else { "are" }, missing.join(", ")))),
    }
}
