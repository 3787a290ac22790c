//! What a text says, before any of it is believed: three kinds of discourse, each with its own claims.
//!
//! Formats differ in wording, kinds of discourse in what can be said. A format reads its wording as claims; the
//! [audit](mod@crate::audit) of that kind checks each claim against the environment. Reading is lazy: a [`Parsed`] text is the text with the
//! way to read it, so that nothing is stored however long it is.

pub mod frontier;
pub mod steps;
pub mod tree;

/// A text with the way to read it.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'t> {
    /// The whole text, prompt included.
    pub text: &'t str,
    /// How it is read.
    pub discourse: Discourse,
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
    std::iter::from_fn(move || {
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.find('\n').unwrap_or(rest.len());
        let line = (start, &rest[..length]);
        start += length + 1;
        Some(line)
    })
}

/// `text` before and after the first `phrase`; quicker than a general substring search for phrases that begin with a rare character.
pub(crate) fn split_at_phrase<'t>(text: &'t str, phrase: &str) -> Option<(&'t str, &'t str)> {
    let first = *phrase.as_bytes().first()?;
    let bytes = text.as_bytes();
    let mut from = 0;
    while let Some(offset) = bytes[from..].iter().position(|byte| *byte == first) {
        let at = from + offset;
        if bytes[at..].starts_with(phrase.as_bytes()) {
            return Some((text.get(..at)?, text.get(at + phrase.len()..)?));
        }
        from = at + 1;
    }
    None
}
