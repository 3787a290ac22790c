//! The problem is one of those that must not be learned: it occurs, up to symmetry or up to the spelling of its question, in a corpus that
//! the funnel is given.

use metacot_envs::SettingError;
use rustc_hash::FxHashSet;

use super::{Kind, Mark, Row, Rule};

pub(super) const KIND: Kind = Kind {
    name: "leak",
    settings: &[],
    is_default: |context, _| context.leaks.is_some(),
    build: |context, _| match &context.leaks {
        Some(leaks) => Ok(Box::new(leaks.clone())),
        None => Err(SettingError::Value { name: "rules".into(), value: "leak".into(), expected: "a corpus to compare with: give --against".into() }),
    },
};

/// The problems that must not be learned; 16 bytes each.
#[derive(Clone, Debug, Default)]
pub struct Leaks {
    identities: FxHashSet<u128>,
}

impl Leaks {
    /// Adds the problem of a row.
    pub fn add(&mut self, row: &Row<'_>) {
        self.identities.insert(row.identity());
    }

    /// The number of different problems.
    pub fn len(&self) -> usize {
        self.identities.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
    }
}

impl Rule for Leaks {
    fn look(&self, row: &Row<'_>) -> Mark {
        if self.identities.contains(&row.identity()) { Mark::Drop } else { Mark::Pass }
    }
}
