//! Packing of documents into rows of bounded length.

use std::{cmp::Reverse, collections::BTreeSet};

/// How many documents are packed together; more pack tighter, and rows of documents that lie far apart in the order become likelier.
const WINDOW: usize = 4096;

/// Groups documents into rows of at most `capacity` tokens, each document whole, each exactly once.
///
/// Windows of the order are packed one after the other, each by best fit with the longest documents first. `lengths` gives each document's
/// length (at most `capacity`) and `order` the documents to pack; the result depends on nothing else.
pub fn pack(lengths: &[usize], order: &[usize], capacity: usize) -> Vec<Vec<usize>> {
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for window in order.chunks(WINDOW) {
        let mut window = window.to_vec();
        // A stable sort: documents of one length stay in their order.
        window.sort_by_key(|&document| Reverse(lengths[document]));
        // The rows of this window as (free tokens, row).
        let mut open = BTreeSet::new();
        for document in window {
            let length = lengths[document];
            let (free, row) = match open.range((length, 0)..).next().copied() {
                Some(fitting) => {
                    open.remove(&fitting);
                    fitting
                }
                None => {
                    rows.push(Vec::new());
                    (capacity, rows.len() - 1)
                }
            };
            rows[row].push(document);
            open.insert((free - length, row));
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_document_lies_in_one_row_that_holds_it(lengths in prop::collection::vec(1_usize..=20, 0..300)) {
            let order: Vec<usize> = (0..lengths.len()).rev().collect();
            let rows = pack(&lengths, &order, 20);
            let mut seen: Vec<usize> = rows.concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..lengths.len()).collect::<Vec<_>>());
            for row in rows {
                prop_assert!(row.iter().map(|&document| lengths[document]).sum::<usize>() <= 20);
            }
        }
    }

    #[test]
    fn short_documents_leave_little_of_a_row_empty() {
        let lengths: Vec<usize> = (0..2_000).map(|i| 40 + (i * 37) % 120).collect();
        let rows = pack(&lengths, &(0..2_000).collect::<Vec<_>>(), 256);
        let waste = 1.0 - lengths.iter().sum::<usize>() as f64 / (rows.len() * 256) as f64;
        assert!(waste < 0.05, "{waste}");
    }
}
