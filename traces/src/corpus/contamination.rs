//! Whether corpora share problems: counts per pair, by canonical key, so that symmetric variants count as the same.

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, Serialize};

use super::{CorpusError, publish, read};

/// Name of the report in the folder of the first corpus.
pub const CONTAMINATION: &str = "contamination.json";

/// What two corpora share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// Name of the one corpus.
    pub one: String,
    /// Name of the other.
    pub other: String,
    /// Problems, up to symmetry, that both hold.
    pub shared_problems: u64,
    /// Texts that both hold.
    pub shared_texts: u64,
}

/// The contents of a contamination report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contamination {
    /// Records of each corpus whose problem an earlier record of it has.
    pub duplicates: Vec<(String, u64)>,
    /// Every pair.
    pub pairs: Vec<Overlap>,
}

impl Contamination {
    /// Whether no two corpora share a problem.
    pub fn is_clean(&self) -> bool {
        self.pairs.iter().all(|pair| pair.shared_problems == 0 && pair.shared_texts == 0)
    }

    /// The corpora that share a problem or a text with the corpus called `name`, each with how many problems.
    pub fn shared_with<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        let is_shared = |pair: &&Overlap| pair.shared_problems + pair.shared_texts > 0;
        self.pairs.iter().filter(is_shared).filter_map(move |pair| match (pair.one.as_str(), pair.other.as_str()) {
            (one, other) if one == name => Some((other, pair.shared_problems)),
            (one, other) if other == name => Some((one, pair.shared_problems)),
            _ => None,
        })
    }

    /// Publishes the report in `folder`.
    ///
    /// # Errors
    /// What the system refused.
    pub fn save(&self, folder: &Path) -> Result<(), CorpusError> {
        let mut text = serde_json::to_string_pretty(self).expect("a report is plain data");
        text.push('\n');
        publish(&folder.join(CONTAMINATION), text.as_bytes())
    }
}

type Digests = BTreeSet<[u8; 16]>;

fn digest(text: &str) -> [u8; 16] {
    let hash = blake3::hash(text.as_bytes());
    hash.as_bytes()[..16].try_into().expect("a digest has 32 bytes")
}

/// Compares corpora, given by name and folder; memory grows by 32 bytes and a tree node per record.
///
/// # Errors
/// A corpus that cannot be read.
pub fn contamination(corpora: &[(&str, &Path)]) -> Result<Contamination, CorpusError> {
    let mut report = Contamination::default();
    let mut seen: Vec<(Digests, Digests)> = Vec::new();
    for (index, (name, folder)) in corpora.iter().enumerate() {
        let (mut problems, mut texts, mut duplicates) = (Digests::new(), Digests::new(), 0);
        read(folder, |record| {
            duplicates += u64::from(!problems.insert(digest(&record.canonical_key)));
            texts.insert(digest(&record.text));
        })?;
        report.duplicates.push(((*name).into(), duplicates));
        for (other, (other_problems, other_texts)) in corpora[..index].iter().zip(&seen) {
            report.pairs.push(Overlap {
                one: other.0.into(),
                other: (*name).into(),
                shared_problems: problems.intersection(other_problems).count() as u64,
                shared_texts: texts.intersection(other_texts).count() as u64,
            });
        }
        seen.push((problems, texts));
    }
    Ok(report)
}
