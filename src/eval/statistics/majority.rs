//! maj@k: the answer that most samples agree on.

use std::collections::BTreeMap;

/// The answer with the most votes among `answers`; of equally many, the one that was given first. `None` when nobody answered.
///
/// maj@k of a problem is whether this answer, of its first k samples in canonical form, is right. Samples without a readable answer
/// do not vote: leave them out.
///
/// ```
/// use metacot::eval::statistics::plurality;
/// assert_eq!(plurality(&["7", "24", "24"]), Some(&"24"));
/// assert_eq!(plurality(&["7", "24", "24", "7"]), Some(&"7"));
/// ```
pub fn plurality<A: Ord>(answers: &[A]) -> Option<&A> {
    let mut votes: BTreeMap<&A, usize> = BTreeMap::new();
    for answer in answers {
        *votes.entry(answer).or_default() += 1;
    }
    let most = votes.values().copied().max()?;
    answers.iter().find(|answer| votes[answer] == most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_given_wins_a_tie_and_silence_elects_nobody() {
        assert_eq!(plurality::<u8>(&[]), None);
        assert_eq!(plurality(&[3, 1, 1, 3, 2]), Some(&3));
        assert_eq!(plurality(&[3, 1, 1, 2]), Some(&1));
    }
}
