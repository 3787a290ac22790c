//! A kept row has the same problem up to the symmetries of its environment, whatever its trace; a question in prose counts as the same where
//! its words do, case, spacing and punctuation aside. 16 bytes are remembered per kept row.

use rustc_hash::FxHashSet;

use super::{Kind, Mark, Row, Rule, always};

pub(super) const KIND: Kind = Kind { name: "canonical-duplicate", settings: &[], is_default: always, build: |_, _| Ok(Box::<CanonicalDuplicate>::default()) };

#[derive(Default)]
struct CanonicalDuplicate {
    seen: FxHashSet<u128>,
}

impl Rule for CanonicalDuplicate {
    fn look(&self, row: &Row<'_>) -> Mark {
        Mark::Keys(vec![row.identity()])
    }

    fn has_seen(&self, mark: &Mark) -> bool {
        matches!(mark, Mark::Keys(keys) if keys.iter().any(|key| self.seen.contains(key)))
    }

    fn remember(&mut self, mark: &Mark) {
        if let Mark::Keys(keys) = mark {
            self.seen.extend(keys.first());
        }
    }
}
