//! Text made safe for HTML and Markdown. Nothing that a model writes may become markup, or change how the text around it is read.

/// `text` for HTML content and quoted attributes.
pub(super) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars().map(visible) {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            character => out.push(character),
        }
    }
    out
}

/// `text` for a line of Markdown of its own: one line, no markup, no list and no heading.
pub(super) fn markdown(text: &str) -> String {
    let inline = markdown_inline(text.trim_start());
    let digits = inline.bytes().take_while(u8::is_ascii_digit).count();
    let marker = match inline.as_bytes().get(digits) {
        Some(b'#' | b'+' | b'-' | b'=') if digits == 0 => true,
        Some(b'.' | b')') => digits > 0,
        _ => false,
    };
    if marker { format!("{}\\{}", &inline[..digits], &inline[digits..]) } else { inline }
}

/// `text` within a line of Markdown, such as a cell of a table: one line, no markup.
pub(super) fn markdown_inline(text: &str) -> String {
    let characters: Vec<char> = text.chars().map(visible).collect();
    let mut out = String::with_capacity(text.len());
    for (index, &character) in characters.iter().enumerate() {
        let is_inside_word = |index: usize| characters.get(index).is_some_and(|character| character.is_alphanumeric());
        match character {
            '\n' | '\t' => out.push(' '),
            '_' if index > 0 && is_inside_word(index - 1) && is_inside_word(index + 1) => out.push('_'),
            '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '|' | '&' | '~' | '$' => out.extend(['\\', character]),
            character => out.push(character),
        }
    }
    out
}

/// `text` as a fenced block of Markdown, with a fence that it does not contain.
pub(super) fn fenced(text: &str) -> String {
    let text: String = text.chars().map(visible).collect();
    let mut longest = 2;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence}text\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// Control characters, and those that turn the direction of writing, become the replacement character; line ends and tabs stay.
pub(crate) fn visible(character: char) -> char {
    match character {
        '\n' | '\t' => character,
        '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        character if character.is_control() => '\u{fffd}',
        character => character,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_has_no_markup_left() {
        assert_eq!(html("<script>alert('x&y')</script>\""), "&lt;script&gt;alert(&#39;x&amp;y&#39;)&lt;/script&gt;&quot;");
        assert_eq!(html("a\0b\u{202e}c\n"), "a\u{fffd}b\u{fffd}c\n");
    }

    #[test]
    fn markdown_has_no_markup_left_and_words_stay_readable() {
        assert_eq!(markdown("sos_plan | a_b* `x`\n# no"), "sos_plan \\| a_b\\* \\`x\\` # no");
        assert_eq!(markdown("<b>_x_</b>"), "\\<b\\>\\_x\\_\\</b\\>");
        assert_eq!(markdown("# head"), "\\# head");
        assert_eq!(markdown("12. item"), "12\\. item");
        assert_eq!(markdown("12.5 items"), "12\\.5 items");
        assert_eq!(markdown_inline("- 1"), "- 1");
    }

    #[test]
    fn a_fence_is_longer_than_any_run_of_ticks() {
        assert_eq!(fenced("a ```` b\n"), "`````text\na ```` b\n`````");
    }
}
