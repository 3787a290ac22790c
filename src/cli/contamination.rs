//! What `metacot generate --against` proves: that corpora share no problem.

use std::path::{Path, PathBuf};

use metacot_traces::corpus::{CONTAMINATION, Contamination, Manifest, contamination};

use crate::{Error, Result};

/// Checks, before any work is done, that there is a corpus in every folder.
pub(super) fn readable(against: &[PathBuf]) -> Result<()> {
    against.iter().try_for_each(|folder| Ok(Manifest::load(folder).map(drop)?))
}

/// Compares a finished corpus with others, and them with each other, by canonical key; leaves `contamination.json` beside it.
///
/// # Errors
/// A corpus that does not read, or a problem that two of them share.
pub(super) fn check(out: &Path, against: &[PathBuf]) -> Result<()> {
    if against.is_empty() {
        return Ok(());
    }
    let folders: Vec<&Path> = [out].into_iter().chain(against.iter().map(PathBuf::as_path)).collect();
    let names: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let corpora: Vec<(&str, &Path)> = names.iter().map(String::as_str).zip(folders).collect();
    let report: Contamination = contamination(&corpora)?;
    report.save(out)?;
    let shared: u64 = report.pairs.iter().map(|pair| pair.shared_problems).sum();
    if !report.is_clean() {
        let reason = format!("{shared} problems are shared by two of the corpora; see {}", out.join(CONTAMINATION).display());
        return Err(Error::data(out, reason));
    }
    eprintln!("no problem is shared by {} corpora", corpora.len());
    Ok(())
}
