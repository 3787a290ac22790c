//! The little JSON that rows need at the speed of a pipe: spans of values, strings without their escapes, strings with them.

use memchr::memchr2;

/// Bytes of a string that are looked at one by one.
const NEAR: usize = 24;

/// The end of the string that begins behind the quote before `start`: the place of its closing quote, and whether it has escapes.
pub(crate) fn string_end(line: &[u8], start: usize) -> Option<(usize, bool)> {
    // Names and most values are short: a loop is done before the vector search has begun.
    let near = line.get(start..)?;
    for (step, byte) in near.iter().take(NEAR).enumerate() {
        match byte {
            b'"' => return Some((start + step, false)),
            b'\\' => break,
            _ => {}
        }
    }
    let (mut place, mut is_escaped) = (start, false);
    loop {
        place += memchr2(b'"', b'\\', line.get(place..)?)?;
        if line[place] == b'"' {
            return Some((place, is_escaped));
        }
        is_escaped = true;
        place += 2;
    }
}

/// The first place from `place` on that is no white space.
pub(crate) fn skip_space(line: &[u8], mut place: usize) -> usize {
    while matches!(line.get(place), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        place += 1;
    }
    place
}

/// The end of a number, `true`, `false` or `null` at `start`.
pub(crate) fn scalar_end(line: &[u8], start: usize) -> Option<usize> {
    for word in [&b"null"[..], b"true", b"false"] {
        if line[start..].starts_with(word) {
            return Some(start + word.len());
        }
    }
    let digits = start + usize::from(line.get(start) == Some(&b'-'));
    let mut end = digits;
    while line.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    let is_whole = end > digits && (end == digits + 1 || line[digits] != b'0');
    (is_whole && !matches!(line.get(end), Some(b'.' | b'e' | b'E'))).then_some(end)
}

/// The bytes that decide where an object ends.
const IS_MARK: [bool; 256] = {
    let (mut table, marks) = ([false; 256], b"\"{}[]");
    let mut index = 0;
    while index < marks.len() {
        table[marks[index] as usize] = true;
        index += 1;
    }
    table
};

/// The end of an object at `start`, by its brackets alone: whoever reads it checks the rest.
pub(crate) fn object_end(line: &[u8], start: usize) -> Option<usize> {
    let (mut place, mut depth) = (start, 0_usize);
    loop {
        // Most of an object is digits and commas.
        place += line.get(place..)?.iter().position(|byte| IS_MARK[usize::from(*byte)])?;
        match line[place] {
            b'"' => place = string_end(line, place + 1)?.0,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(place + 1);
                }
            }
            _ => {}
        }
        place += 1;
    }
}

/// Appends what a string between its quotes stands for; `None` for an escape that JSON does not have. Lone surrogates become U+FFFD.
pub(crate) fn unescape(raw: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = raw;
    while let Some(place) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..place]);
        let (&name, behind) = rest[place + 1..].split_first()?;
        rest = behind;
        out.push(match name {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'"' | b'\\' | b'/' => name,
            b'u' => {
                let mut unit = take_unit(&mut rest)?;
                if (0xd800..0xdc00).contains(&unit) && rest.starts_with(br"\u") {
                    let mut ahead = &rest[2..];
                    let low = take_unit(&mut ahead)?;
                    if (0xdc00..0xe000).contains(&low) {
                        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                        rest = ahead;
                    }
                }
                let symbol = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
                out.extend_from_slice(symbol.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        });
    }
    out.extend_from_slice(rest);
    Some(())
}

/// Four hexadecimal digits.
fn take_unit(rest: &mut &[u8]) -> Option<u32> {
    let (digits, behind) = rest.split_at_checked(4)?;
    *rest = behind;
    digits.iter().try_fold(0, |unit, digit| Some(16 * unit + char::from(*digit).to_digit(16)?))
}

/// Appends a text as a string with its quotes.
pub(crate) fn push_string(text: &str, out: &mut Vec<u8>) {
    if is_plain(text.as_bytes()) {
        return push_plain(text, out);
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut written = 0;
    for (place, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[written..place]);
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(br"\n"),
            b'\t' => out.extend_from_slice(br"\t"),
            b'\r' => out.extend_from_slice(br"\r"),
            _ => {
                let hex = |digit: u8| b"0123456789abcdef"[usize::from(digit)];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 15)]);
            }
        }
        written = place + 1;
    }
    out.extend_from_slice(&text.as_bytes()[written..]);
    out.push(b'"');
}

/// Whether a text stands in a string as it is. Eight bytes at a time, as most texts are a few words.
pub(crate) fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    // The highest bit of each byte that is zero; those behind such a byte may be set as well.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let (words, rest) = text.as_chunks::<8>();
    let marks = words.iter().fold(0, |marks, word| {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        marks | controls | zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')))
    });
    marks & (ONES * 0x80) == 0 && rest.iter().all(|byte| *byte >= 0x20 && *byte != b'"' && *byte != b'\\')
}

/// Appends a plain text as a string with its quotes.
pub(crate) fn push_plain(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Appends a number.
pub(crate) fn push_number(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_is_what_needs_no_escape() {
        for byte in 0..=255_u8 {
            for place in 0..20 {
                let mut text = [b'a'; 20];
                text[place] = byte;
                assert_eq!(is_plain(&text), byte >= 0x20 && byte != b'"' && byte != b'\\', "{byte} at {place}");
            }
        }
    }

    #[test]
    fn strings_come_back() {
        for text in ["", "plain", "a\"b\\c/\n\t\r\u{8}\u{c}\u{0}\u{1f}", "ü€😀", "\u{2028}"] {
            let mut ours = Vec::new();
            push_string(text, &mut ours);
            assert_eq!(serde_json::from_slice::<String>(&ours).unwrap(), text);
            let theirs = serde_json::to_string(text).unwrap();
            let mut back = Vec::new();
            unescape(&theirs.as_bytes()[1..theirs.len() - 1], &mut back).unwrap();
            assert_eq!(back, text.as_bytes());
        }
        for (raw, text) in [(r"\ud83d\ude00", "😀"), (r"\ud83d", "\u{fffd}"), (r"\ud83d\u0041", "\u{fffd}A"), (r"\u00e9\/", "é/")] {
            let mut back = Vec::new();
            unescape(raw.as_bytes(), &mut back).unwrap();
            assert_eq!(back, text.as_bytes(), "{raw}");
        }
        for raw in [r"\x41", r"\u12", r"\u12g4", "\\"] {
            assert_eq!(unescape(raw.as_bytes(), &mut Vec::new()), None, "{raw}");
        }
    }
}
