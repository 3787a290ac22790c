//! What `metacot generate --against` proves: that the new corpus shares no problem with the others.

use std::path::{Path, PathBuf};

use metacot_traces::corpus::{CONTAMINATION, Contamination, contamination, read};

use crate::{Error, Result};

/// Reads every folder through, before any work is done: what is damaged is refused now and not after hours. Twice the same folder is once.
pub(super) fn readable(against: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let (mut folders, mut places) = (Vec::new(), Vec::new());
    for folder in against {
        read(folder, drop)?;
        let place = std::fs::canonicalize(folder).map_err(Error::io("cannot read", folder))?;
        if !places.contains(&place) {
            places.push(place);
            folders.push(folder.clone());
        }
    }
    Ok(folders)
}

/// Compares a finished corpus with others by canonical key; leaves `contamination.json` beside it, with what the others share among
/// themselves, which is no failure.
///
/// # Errors
/// A corpus that does not read, or a problem that the finished one shares with another.
pub(super) fn check(out: &Path, against: &[PathBuf]) -> Result<()> {
    if against.is_empty() {
        return Ok(());
    }
    let folders: Vec<&Path> = [out].into_iter().chain(against.iter().map(PathBuf::as_path)).collect();
    let names: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    let corpora: Vec<(&str, &Path)> = names.iter().map(String::as_str).zip(folders).collect();
    let report: Contamination = contamination(&corpora)?;
    report.save(out)?;
    let shared: Vec<String> = report.shared_with(&names[0]).map(|(other, problems)| format!("{problems} with {other}")).collect();
    if !shared.is_empty() {
        let reason = format!("problems are shared: {}; see {}", shared.join(", "), out.join(CONTAMINATION).display());
        return Err(Error::data(out, reason));
    }
    eprintln!("no problem is shared with {} {}", against.len(), if against.len() == 1 { "corpus" } else { "corpora" });
    Ok(())
}
