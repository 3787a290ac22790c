//! How alike two texts are.

/// Texts beyond this many bytes are compared by their ends only as far as they agree there: the edit distance is quadratic.
const MAX_MIDDLE: usize = 2_000;

/// One less the Levenshtein distance of the bytes as a share of the longer text.
///
/// Common ends are cut off first. Middles of more than 2000 bytes count as wholly different, which is the least similarity they can have.
pub(super) fn similarity(one: &[u8], other: &[u8]) -> f64 {
    let longest = one.len().max(other.len());
    if longest == 0 {
        return 1.0;
    }
    let head = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[head..], &other[head..]);
    let tail = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[..one.len() - tail], &other[..other.len() - tail]);
    let distance = if one.len().max(other.len()) > MAX_MIDDLE { one.len().max(other.len()) } else { edits(one, other) };
    1.0 - distance as f64 / longest as f64
}

fn edits(one: &[u8], other: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
