//! What a text says, before any of it is believed: three kinds of discourse, each with its own claims.
//!
//! Formats differ in wording, kinds of discourse in what can be said. A format reads its wording as claims; the
//! [audit](mod@crate::audit) of that kind checks each claim against the environment. Reading is lazy: a [`Parsed`] text is the text with the
//! way to read it, so that nothing is stored however long it is.

pub mod frontier;
pub mod reading;
pub mod steps;
pub mod tree;

pub use reading::Reading;

/// A text with the way to read it.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'t> {
    /// The whole text, prompt included.
    pub text: &'t str,
    /// How it is read.
    pub discourse: Discourse,
    /// What was done to it before it was written.
    pub reading: Reading,
}

impl<'t> Parsed<'t> {
    /// A plain text.
    pub fn plain(text: &'t str, discourse: Discourse) -> Self {
        Self { text, discourse, reading: Reading::default() }
    }
}

/// A kind of discourse with the wording of a format.
#[derive(Clone, Copy, Debug)]
pub enum Discourse {
    /// A search told node by node.
    Tree(tree::Dialect),
    /// Nodes that enter and leave a frontier with their costs.
    Frontier(frontier::Dialect),
    /// The steps of a solution.
    Steps(steps::Dialect),
}

/// The lines of a text with their byte offsets; an empty last line is none.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0;
    let mut ends = memchr::memchr_iter(b'\n', text.as_bytes());
    std::iter::from_fn(move || {
        let end = ends.next().unwrap_or(text.len());
        let line = text.get(start..end).filter(|_| start < text.len())?;
        let at = std::mem::replace(&mut start, end + 1);
        Some((at, line))
    })
}

/// `text` before and after the first `phrase`, which is found by its byte `mark`: quicker than a general substring search where that byte
/// is rare.
#[inline(always)]
pub(crate) fn split_at_mark<'t>(text: &'t str, phrase: &str, mark: usize) -> Option<(&'t str, &'t str)> {
    let (bytes, wanted) = (text.as_bytes(), phrase.as_bytes());
    let byte = *wanted.get(mark)?;
    let mut from = mark;
    while let Some(offset) = bytes.get(from..)?.iter().position(|other| *other == byte) {
        let at = from + offset - mark;
        if bytes[at..].starts_with(wanted) {
            return Some((text.get(..at)?, text.get(at + wanted.len()..)?));
        }
        from += offset + 1;
    }
    None
}

/// [`split_at_mark`] by the first byte.
#[inline(always)]
pub(crate) fn split_at_phrase<'t>(text: &'t str, phrase: &str) -> Option<(&'t str, &'t str)> {
    split_at_mark(text, phrase, 0)
}
