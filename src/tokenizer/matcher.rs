//! Longest-match search over a fixed set of phrases: a trie whose nodes are rows of a dense table, over the bytes that occur in phrases.

/// No transition; also the class of bytes that occur in no phrase.
const NONE: u32 = 0;

/// Finds the longest phrase at the beginning of a text.
#[derive(Clone, Debug)]
pub(super) struct PhraseMatcher {
    /// Column of each byte; `NONE` for bytes outside all phrases.
    classes: [u8; 256],
    num_classes: usize,
    /// `[nodes, classes]`: the next node, where 0 (the root, which nothing leads back to) means that there is none.
    next: Vec<u32>,
    /// The id of the phrase that ends at each node, plus one; 0 where none does.
    accepted: Vec<u32>,
}

impl PhraseMatcher {
    /// A matcher in which the `i`th phrase has the id `first_id + i`.
    pub(super) fn new(phrases: &[String], first_id: u32) -> Self {
        let mut occurs = [false; 256];
        phrases.iter().flat_map(|phrase| phrase.bytes()).for_each(|byte| occurs[usize::from(byte)] = true);
        let mut classes = [NONE as u8; 256];
        let mut num_classes = 1;
        // UTF-8 never has the bytes 0xF8 to 0xFF, so the count fits a byte.
        for byte in (0..256).filter(|byte| occurs[*byte]) {
            classes[byte] = num_classes as u8;
            num_classes += 1;
        }
        let mut matcher = Self { classes, num_classes, next: vec![NONE; num_classes], accepted: vec![0] };
        for (id, phrase) in (first_id..).zip(phrases) {
            matcher.insert(phrase.as_bytes(), id);
        }
        matcher
    }

    fn insert(&mut self, phrase: &[u8], id: u32) {
        let mut node = 0;
        for &byte in phrase {
            let cell = node * self.num_classes + usize::from(self.classes[usize::from(byte)]);
            if self.next[cell] == NONE {
                self.next[cell] = self.accepted.len() as u32;
                self.accepted.push(0);
                self.next.resize(self.next.len() + self.num_classes, NONE);
            }
            node = self.next[cell] as usize;
        }
        self.accepted[node] = id + 1;
    }

    /// The id and the length in bytes of the longest phrase that `text` begins with.
    pub(super) fn longest(&self, text: &[u8]) -> Option<(u32, usize)> {
        let mut best = None;
        let mut node = 0;
        for (position, &byte) in text.iter().enumerate() {
            // Column 0 holds no transitions, so a byte outside all phrases leads nowhere.
            node = self.next[node * self.num_classes + usize::from(self.classes[usize::from(byte)])] as usize;
            if node == 0 {
                break;
            }
            if self.accepted[node] != 0 {
                best = Some((self.accepted[node] - 1, position + 1));
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_of_nested_phrases_is_found_even_after_a_dead_end() {
        let phrases: Vec<String> = ["a", "ab", "abcd"].map(String::from).to_vec();
        let matcher = PhraseMatcher::new(&phrases, 10);
        assert_eq!(matcher.longest(b"abcx"), Some((11, 2)));
        assert_eq!(matcher.longest(b"abcd"), Some((12, 4)));
        assert_eq!(matcher.longest(b"x"), None);
        assert_eq!(matcher.longest(b""), None);
    }
}
