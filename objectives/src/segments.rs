//! Responses cut into consecutive pieces: trace lines (steps) or whole attempts (episodes).

use std::ops::Range;

/// The pieces of a response of `length` tokens that start at `starts`; without boundaries the response is one piece.
pub fn segments(starts: &[usize], length: usize) -> Vec<Range<usize>> {
    if starts.is_empty() {
        return std::iter::once(0..length).filter(|range| !range.is_empty()).collect();
    }
    starts.iter().enumerate().map(|(index, &start)| start..starts.get(index + 1).copied().unwrap_or(length)).collect()
}

/// Whether boundaries ascend strictly from zero and stay within a response of `length` tokens.
pub fn are_boundaries(starts: &[usize], length: usize) -> bool {
    starts.is_empty() || (starts[0] == 0 && starts.windows(2).all(|pair| pair[0] < pair[1]) && starts[starts.len() - 1] < length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_the_response() {
        assert_eq!(segments(&[0, 2, 3], 5), [0..2, 2..3, 3..5]);
        assert_eq!((segments(&[], 3).len(), segments(&[], 3)[0].clone()), (1, 0..3));
        assert!(segments(&[], 0).is_empty());
    }

    #[test]
    fn boundaries_ascend_from_zero() {
        assert!(are_boundaries(&[0, 1], 2) && are_boundaries(&[], 0));
        assert!(!are_boundaries(&[1], 2) && !are_boundaries(&[0, 0], 2) && !are_boundaries(&[0, 2], 2));
    }
}
