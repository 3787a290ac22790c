//! A kept row has the same text, byte for byte (question and answer in rows that are no records). 16 bytes are remembered per kept row.

use rustc_hash::FxHashSet;

use super::{Kind, Mark, Row, Rule, always, key_of};

pub(super) const KIND: Kind = Kind { name: "duplicate", settings: &[], is_default: always, build: |_, _| Ok(Box::<Duplicate>::default()) };

#[derive(Default)]
struct Duplicate {
    seen: FxHashSet<u128>,
}

impl Rule for Duplicate {
    fn look(&self, row: &Row<'_>) -> Mark {
        Mark::Keys(vec![key_of(&row.text)])
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
