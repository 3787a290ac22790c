//! The language of a format's responses, as far as it is regular: what a sampler must know to choose only tokens that can go on.
//!
//! A format says in which order its phrases, numbers and pieces of the environment's notation stand; [`Automaton`] is the machine that reads
//! such texts byte by byte. Of the notation it knows the symbols alone, so it allows every text that the format can write and many that are
//! not true: truth is for the audit.

mod automaton;

pub use automaton::Automaton;

/// A regular language of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// This text.
    Text(String),
    /// A decimal integer without a sign.
    Integer,
    /// Symbols of the environment's notation, at least one.
    Notation,
    /// All of these, one behind the other; empty text where there are none.
    Sequence(Vec<Grammar>),
    /// Any one of these.
    Choice(Vec<Grammar>),
    /// This any number of times, also never.
    Many(Box<Grammar>),
}

impl Grammar {
    /// A fixed text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Parts one behind the other.
    pub fn sequence(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::Sequence(parts.into_iter().collect())
    }

    /// One of several.
    pub fn choice(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::Choice(parts.into_iter().collect())
    }

    /// This any number of times, also never.
    pub fn many(self) -> Self {
        Self::Many(Box::new(self))
    }

    /// This or nothing.
    pub fn optional(self) -> Self {
        Self::Choice(vec![Self::Sequence(Vec::new()), self])
    }

    /// This once or more often, parted by `separator`.
    pub fn parted(self, separator: &str) -> Self {
        let more = Self::sequence([Self::text(separator), self.clone()]).many();
        Self::sequence([self, more])
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
}
