//! Sets of successive words by their min-hashes (Broder 1997), and a table that finds similar ones without comparing all pairs.
//!
//! Of each of 64 hash functions the least value over the set is kept, 16 bits of it; the share of equal values estimates the Jaccard
//! similarity. Sketches are compared only where one of 16 bands of 4 full values is equal: pairs of similarity 0.8 meet with probability
//! 0.9998, pairs of 0.5 with 0.64. Of the sketches that share a band the last 64 are looked at, so that a row costs a bounded amount of work.

use rustc_hash::FxHashMap;

use super::words::normalized;

const VALUES: usize = 64;
const BANDS: usize = 16;
const NONE: u32 = u32::MAX;
/// Sketches that are compared for each band.
const CANDIDATES: usize = 64;

/// The min-hashes of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sketch {
    values: [u16; VALUES],
    bands: [u64; BANDS],
}

impl Sketch {
    /// The sketch of the sets of `words` successive words of a text; of the whole text where it has fewer.
    pub fn of(text: &str, words: usize) -> Self {
        let text = normalized(text);
        let mut starts: Vec<usize> = vec![0];
        starts.extend(text.match_indices(' ').map(|(place, _)| place + 1));
        let mut least = [u64::MAX; VALUES];
        for first in 0..=starts.len().saturating_sub(words) {
            let end = starts.get(first + words).map_or(text.len(), |next| next - 1);
            let mut hash = fnv(&text.as_bytes()[starts[first]..end]);
            for value in &mut least {
                hash = mixed(hash);
                *value = (*value).min(hash);
            }
        }
        let bands = std::array::from_fn(|band| {
            let rows = &least[band * (VALUES / BANDS)..(band + 1) * (VALUES / BANDS)];
            rows.iter().fold(band as u64, |key, value| mixed(key ^ value))
        });
        Self { values: least.map(|value| value as u16), bands }
    }

    /// The estimated Jaccard similarity, in [0, 1].
    pub fn similarity(&self, other: &Self) -> f64 {
        share_of_equal(&self.values, &other.values)
    }
}

fn share_of_equal(one: &[u16; VALUES], other: &[u16; VALUES]) -> f64 {
    one.iter().zip(other).filter(|(one, other)| one == other).count() as f64 / VALUES as f64
}

fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The next of a chain of well-mixed values (SplitMix64): as many hash functions as are needed from one.
fn mixed(value: u64) -> u64 {
    let mut value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The sketches of kept rows.
pub(super) struct Sketches {
    similarity: f64,
    values: Vec<[u16; VALUES]>,
    /// Per sketch and band the sketch before with the same band.
    before: Vec<[u32; BANDS]>,
    /// The last sketch of each band.
    last: FxHashMap<u64, u32>,
}

impl Sketches {
    pub(super) fn new(similarity: f64) -> Self {
        Self { similarity, values: Vec::new(), before: Vec::new(), last: FxHashMap::default() }
    }

    pub(super) fn has_similar(&self, sketch: &Sketch) -> bool {
        sketch.bands.iter().enumerate().any(|(band, key)| {
            let mut at = self.last.get(key).copied().unwrap_or(NONE);
            for _ in 0..CANDIDATES {
                let Some(values) = self.values.get(at as usize) else { return false };
                if share_of_equal(values, &sketch.values) >= self.similarity {
                    return true;
                }
                at = self.before[at as usize][band];
            }
            false
        })
    }

    pub(super) fn add(&mut self, sketch: &Sketch) {
        let id = self.values.len() as u32;
        self.values.push(sketch.values);
        self.before.push(std::array::from_fn(|band| self.last.insert(sketch.bands[band], id).unwrap_or(NONE)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_follows_the_true_similarity() {
        let text = |changed: usize| (0..200).map(|word| if word < changed { format!("x{word}") } else { format!("w{word}") }).collect::<Vec<_>>().join(" ");
        let base = Sketch::of(&text(0), 3);
        assert_eq!(base.similarity(&Sketch::of(&text(0).to_uppercase(), 3)), 1.0);
        for changed in [10, 40, 100, 200] {
            // Of 198 triples all but the first `changed` are shared.
            let shared = 198_usize.saturating_sub(changed) as f64;
            let expected = shared / (2.0 * 198.0 - shared);
            let estimate = base.similarity(&Sketch::of(&text(changed), 3));
            assert!((estimate - expected).abs() < 0.2, "{changed}: {estimate} for {expected}");
        }
    }

    #[test]
    fn similar_texts_are_found_and_others_are_not() {
        let mut sketches = Sketches::new(0.8);
        let text = |name: &str, number: usize| {
            format!("{name} has {number} apples and gives a quarter of them away to each of two friends, then buys five more at the market. How many are left?")
        };
        for number in 0..200 {
            sketches.add(&Sketch::of(&format!("question {number} is about {} things of its own kind {}", number * 7, number * 13), 3));
        }
        assert!(!sketches.has_similar(&Sketch::of(&text("Ann", 12), 3)));
        sketches.add(&Sketch::of(&text("Ann", 12), 3));
        assert!(sketches.has_similar(&Sketch::of(&text("ann", 12), 3)));
        assert!(sketches.has_similar(&Sketch::of(&text("Bob", 12), 3)));
        assert!(!sketches.has_similar(&Sketch::of("", 3)) && !sketches.has_similar(&Sketch::of("one two", 3)));
    }
}
