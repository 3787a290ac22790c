//! Regular patterns of text, and how exactly an environment's notation can be written in them: what a sampler must know to say nothing that
//! does not read.
//!
//! A pattern is data: [`matches`](Pattern::matches) is there for checks, and whoever reads much compiles it first.

use std::{collections::BTreeSet, ops::RangeInclusive};

use crate::Symbols;

/// A set of texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// This text.
    Text(String),
    /// One of these ASCII characters.
    OneOf(String),
    /// All of these, one behind the other; empty text where there are none.
    Sequence(Vec<Self>),
    /// Any one of these; no text at all where there are none.
    Choice(Vec<Self>),
    /// This, one behind the other.
    Repeat {
        /// What repeats.
        pattern: Box<Self>,
        /// How often at least.
        least: u32,
        /// How often at most; `None` for any number of times.
        most: Option<u32>,
    },
}

impl Pattern {
    /// A fixed text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// One of some ASCII characters.
    pub fn one_of(characters: impl Into<String>) -> Self {
        Self::OneOf(characters.into())
    }

    /// Parts one behind the other.
    pub fn sequence(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::Sequence(parts.into_iter().collect())
    }

    /// One of several.
    pub fn choice(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::Choice(parts.into_iter().collect())
    }

    /// This or nothing.
    pub fn optional(self) -> Self {
        self.repeat(0, 1)
    }

    /// This any number of times, also never.
    pub fn many(self) -> Self {
        self.repeat(0, None)
    }

    /// This so many times.
    pub fn repeat(self, least: u32, most: impl Into<Option<u32>>) -> Self {
        Self::Repeat { pattern: Box::new(self), least, most: most.into() }
    }

    /// This once or more often, parted by `separator`, at most `most` times.
    pub fn list(self, separator: &str, most: impl Into<Option<u32>>) -> Self {
        let more = most.into().map(|most| most.saturating_sub(1));
        Self::sequence([self.clone(), Self::sequence([Self::text(separator), self]).repeat(0, more)])
    }

    /// Fixed texts and what stands between each two of them.
    ///
    /// # Panics
    /// Where there is not exactly one text more than parts.
    pub fn line(texts: &[&str], between: impl IntoIterator<Item = Self>) -> Self {
        let mut parts = vec![Self::text(texts[0])];
        let mut rest = texts[1..].iter();
        for part in between {
            parts.extend([part, Self::text(*rest.next().expect("a text stands behind every part"))]);
        }
        assert!(rest.next().is_none(), "a part stands between two texts");
        Self::Sequence(parts)
    }

    /// Integers as [`push_integer`](crate::digits::push_integer) writes them; the least is a digit.
    pub fn integers(range: RangeInclusive<u64>) -> Self {
        let (least, most) = (*range.start(), *range.end());
        debug_assert!(least < 10, "the least is a digit");
        if most < 10 {
            return Self::digit(least as u8, most as u8);
        }
        let written = most.to_string();
        let longest = written.len() as u32;
        let (first, any) = (|| Self::digit(1, 9), || Self::digit(0, 9));
        let longer = |digits: u32| Self::sequence([first(), any().repeat(1, digits - 1)]);
        let mut lengths = vec![Self::digit(least as u8, 9)];
        if written.bytes().all(|digit| digit == b'9') {
            lengths.push(longer(longest));
            return Self::Choice(lengths);
        }
        if longest > 2 {
            lengths.push(longer(longest - 1));
        }
        // Of the longest, those that first differ from the most at a place, where they are smaller.
        for (place, digit) in written.bytes().enumerate().map(|(place, digit)| (place, digit - b'0')) {
            let least = u8::from(place == 0);
            if digit > least {
                let rest = longest - 1 - place as u32;
                lengths.push(Self::sequence([Self::text(&written[..place]), Self::digit(least, digit - 1), any().repeat(rest, rest)]));
            }
        }
        lengths.push(Self::text(written));
        Self::Choice(lengths)
    }

    /// One decimal digit of a range.
    pub fn digit(least: u8, most: u8) -> Self {
        Self::OneOf((least..=most.min(9)).map(|digit| char::from(b'0' + digit)).collect())
    }

    /// Whether a text is one of the set.
    pub fn matches(&self, text: &str) -> bool {
        self.ends(text.as_bytes(), &BTreeSet::from([0])).contains(&text.len())
    }

    /// Where a text of the set can end that begins at one of `starts`.
    fn ends(&self, text: &[u8], starts: &BTreeSet<usize>) -> BTreeSet<usize> {
        match self {
            Self::Text(part) => starts.iter().filter(|start| text[**start..].starts_with(part.as_bytes())).map(|start| start + part.len()).collect(),
            Self::OneOf(characters) => {
                let is_one = |start: &&usize| text.get(**start).is_some_and(|byte| characters.as_bytes().contains(byte));
                starts.iter().filter(is_one).map(|start| start + 1).collect()
            }
            Self::Sequence(parts) => parts.iter().fold(starts.clone(), |starts, part| part.ends(text, &starts)),
            Self::Choice(parts) => parts.iter().flat_map(|part| part.ends(text, starts)).collect(),
            Self::Repeat { pattern, least, most } => {
                let (mut at, mut count) = (starts.clone(), 0);
                let mut found = if *least == 0 { starts.clone() } else { BTreeSet::new() };
                while !at.is_empty() && most.is_none_or(|most| count < most) {
                    at = pattern.ends(text, &at);
                    count += 1;
                    if count >= *least {
                        // What was reached with fewer repetitions can do all that it can with more.
                        at.retain(|end| found.insert(*end));
                    }
                }
                found
            }
        }
    }
}

/// The most digits that bound a value: one bound for all problems whose values are about as large, so that their languages are one.
pub(crate) fn largest_of_digits(digits: u32) -> u64 {
    10_u64.checked_pow(digits).map_or(i64::MAX as u64, |power| (power - 1).min(i64::MAX as u64))
}

/// How the pieces of a notation can be written: the patterns of the texts that [`Notation`](crate::Notation) writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Language {
    /// An action with its effect.
    pub action: Pattern,
    /// The whole of a state together with its problem's goal.
    pub state: Pattern,
    /// The state alone.
    pub successor: Pattern,
    /// The part of a state by which a plan names it.
    pub place: Pattern,
    /// A state that ends a branch, compared with the goal.
    pub comparison: Pattern,
}

impl Language {
    /// Any sequence of a notation's symbols in every place: the language of a notation of which nothing more is known.
    pub fn of_symbols(symbols: &Symbols) -> Self {
        let phrases = symbols.phrases.iter().map(Pattern::text);
        let digits = symbols.has_integers.then(|| Pattern::digit(0, 9));
        let any = Pattern::choice(phrases.chain(digits)).repeat(1, None);
        Self { action: any.clone(), state: any.clone(), successor: any.clone(), place: any.clone(), comparison: any }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_those_of_the_range_as_they_are_written() {
        for (least, most) in [(0, 0), (0, 7), (1, 9), (0, 10), (1, 39), (2, 99), (0, 100), (1, 305), (0, 999), (0, 1000)] {
            let pattern = Pattern::integers(least..=most);
            for value in 0..1200 {
                assert_eq!(pattern.matches(&value.to_string()), (least..=most).contains(&value), "{value} of {least} to {most}");
                assert!(!pattern.matches(&format!("0{value}")) && !pattern.matches(&format!("{value} ")));
            }
            assert!(!pattern.matches(""));
        }
        let all = Pattern::integers(0..=i64::MAX as u64);
        for (text, is_one) in [("9223372036854775807", true), ("9223372036854775808", false), ("999999999999999999", true), ("10000000000000000000", false)] {
            assert_eq!(all.matches(text), is_one, "{text}");
        }
    }

    #[test]
    fn repetitions_are_counted() {
        let words = Pattern::choice([Pattern::text("a"), Pattern::text("ab")]).list(", ", 3);
        for (text, is_one) in [("a", true), ("ab, a", true), ("a, ab, a", true), ("a, a, a, a", false), ("", false), ("a, ", false), ("aa", false)] {
            assert_eq!(words.matches(text), is_one, "{text}");
        }
        let twice = Pattern::one_of("xy").optional().repeat(2, 2);
        assert!(["", "x", "xy"].iter().all(|text| twice.matches(text)) && !twice.matches("xyx"));
        let nothing = Pattern::choice([]);
        assert!(!nothing.matches("") && nothing.many().matches(""));
    }

    #[test]
    fn what_stands_between_texts_is_a_line() {
        let line = Pattern::line(&["<", " -> ", ">"], [Pattern::integers(0..=9), Pattern::one_of("ab").many()]);
        assert!(line.matches("<3 -> abba>") && line.matches("<0 -> >"));
        assert!(!line.matches("<10 -> a>") && !line.matches("<3 -> a> "));
    }

    #[test]
    fn bounds_by_digits_fit_signed_integers() {
        assert_eq!([1, 3, 18].map(largest_of_digits), [9, 999, 999_999_999_999_999_999]);
        assert_eq!([19, 20, 40].map(largest_of_digits), [i64::MAX as u64; 3]);
    }
}
