//! Where in a completion the final answer stands.
//!
//! Works on bytes: a completion may be cut inside a character. Every rule looks at each byte a bounded number of times.

use memchr::{memchr2, memmem};

/// Which rule finds the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extraction {
    /// Behind the assistant's mark if there is one: the last answer tag, else the last box, else all of it.
    #[default]
    Auto,
    /// What the last `<answer>` that is closed holds.
    Tag,
    /// What the last `\boxed{…}` holds, braces balanced.
    Boxed,
    /// All that follows the first `Assistant:` or `<|im_start|>assistant`.
    Assistant,
    /// The whole text.
    Plain,
}

impl Extraction {
    /// The rules by name.
    pub const NAMES: [&str; 5] = ["auto", "answer", "boxed", "assistant", "plain"];

    /// The rule of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|known| *known == name)?;
        Some([Self::Auto, Self::Tag, Self::Boxed, Self::Assistant, Self::Plain][place])
    }
}

/// The answer that a completion gives, without white space at its ends; `None` where the rule finds none.
///
/// ```
/// use metacot_grade::{Extraction, extract};
/// let text = br"User: say <answer>1</answer> Assistant: <think>2?</think> <answer> 1/2 </answer>";
/// assert_eq!(extract(text, Extraction::Auto), Some(&b"1/2"[..]));
/// assert_eq!(extract(br"so \boxed{\frac{1}{2}}.", Extraction::Boxed), Some(&br"\frac{1}{2}"[..]));
/// ```
pub fn extract(text: &[u8], rule: Extraction) -> Option<&[u8]> {
    let found = match rule {
        Extraction::Auto => {
            let text = after_assistant(text).unwrap_or(text);
            Some(last_tag(text).or_else(|| last_box(text)).unwrap_or(text))
        }
        Extraction::Tag => last_tag(text),
        Extraction::Boxed => last_box(text),
        Extraction::Assistant => after_assistant(text),
        Extraction::Plain => Some(text),
    };
    found.map(<[u8]>::trim_ascii)
}

/// All behind the first mark of the assistant's turn.
pub(crate) fn after_assistant(text: &[u8]) -> Option<&[u8]> {
    [&b"Assistant:"[..], b"<|im_start|>assistant"].into_iter().find_map(|mark| memmem::find(text, mark).map(|start| &text[start + mark.len()..]))
}

/// What the last closed tag holds, the innermost one where tags are nested.
fn last_tag(text: &[u8]) -> Option<&[u8]> {
    let end = memmem::rfind(text, b"</answer>")?;
    let start = memmem::rfind(&text[..end], b"<answer>")? + b"<answer>".len();
    Some(&text[start..end])
}

/// What the last box holds.
fn last_box(text: &[u8]) -> Option<&[u8]> {
    let inner = &text[memmem::rfind(text, br"\boxed{")? + br"\boxed{".len()..];
    let (mut depth, mut place) = (1_u32, 0);
    while let Some(step) = memchr2(b'{', b'}', &inner[place..]) {
        place += step;
        let is_escaped = place > 0 && inner[place - 1] == b'\\';
        match inner[place] {
            _ if is_escaped => {}
            b'{' => depth += 1,
            _ if depth == 1 => return Some(&inner[..place]),
            _ => depth -= 1,
        }
        place += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_closed_tag_wins() {
        for (text, answer) in [
            ("<answer>1</answer> <answer>2</answer>", Some("2")),
            ("<answer>1</answer> <answer>2", Some("1")),
            ("<answer>a <answer>b</answer>", Some("b")),
            ("<answer>\n 3 + 4\n</answer> and so on", Some("3 + 4")),
            ("<answer></answer>", Some("")),
            ("</answer><answer>", None),
            ("<ANSWER>1</ANSWER>", None),
        ] {
            assert_eq!(extract(text.as_bytes(), Extraction::Tag), answer.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn boxes_keep_their_braces() {
        for (text, answer) in [
            (r"\boxed{1}", Some("1")),
            (r"\boxed{ \frac{1}{20} } \boxed{2}", Some("2")),
            (r"\boxed{\frac{1}{20}}", Some(r"\frac{1}{20}")),
            (r"\boxed{\{1\}}", Some(r"\{1\}")),
            (r"\boxed{1", None),
            ("boxed{1}", None),
        ] {
            assert_eq!(extract(text.as_bytes(), Extraction::Boxed), answer.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn an_example_in_the_prompt_is_no_answer() {
        assert_eq!(extract(b"for example <answer>1</answer>\nAssistant: I do not know", Extraction::Auto), Some(&b"I do not know"[..]));
    }

    #[test]
    fn a_million_marks_take_no_longer_than_their_length() {
        for unit in ["<answer>", r"\boxed{", "</answer>", "Assistant:", "{", "}"] {
            let text = unit.repeat(1_000_000 / unit.len());
            for name in Extraction::NAMES {
                let _ = extract(text.as_bytes(), Extraction::from_name(name).unwrap());
            }
        }
    }
}
