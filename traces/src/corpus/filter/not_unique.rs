//! The problem has more than one answer, by the environment's exact oracle: expressions up to the order of operands, filled grids,
//! assignments, ways to set brackets, shortest plans.
//!
//! Asked only by name, since most problems of some environments have several. A problem that the oracle does not settle is not judged.

use super::{Kind, Mark, Row, Rule};

pub(super) const KIND: Kind = Kind { name: "not-unique", settings: &[], is_default: |_, _| false, build: |_, _| Ok(Box::new(NotUnique)) };

struct NotUnique;

impl Rule for NotUnique {
    fn look(&self, row: &Row<'_>) -> Mark {
        match row.puzzle.as_ref().and_then(|puzzle| puzzle.num_answers(2)) {
            None => Mark::NotApplicable,
            Some(0 | 1) => Mark::Pass,
            Some(_) => Mark::Drop,
        }
    }
}
