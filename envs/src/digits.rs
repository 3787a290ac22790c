//! Decimal digits pushed by hand: formatting is most of the cost of writing a trace, and `write!` doubles it.

/// Appends the decimal form of `value`.
pub fn push_integer(out: &mut String, value: i64) {
    let mut buffer = [0_u8; 20];
    let mut start = buffer.len();
    let mut rest = value.unsigned_abs();
    loop {
        start -= 1;
        buffer[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        start -= 1;
        buffer[start] = b'-';
    }
    out.push_str(std::str::from_utf8(&buffer[start..]).expect("digits and a sign are ASCII"));
}

/// Reads a decimal integer as [`push_integer`] writes it: no plus sign, no leading zeros, no spaces.
pub fn read_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_canonical = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits.len() == 1 || !digits.starts_with('0'));
    if is_canonical && text != "-0" { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_formatter() {
        for value in [0, 7, 10, 99, 100, -1, -120, i64::MAX, i64::MIN] {
            let mut out = String::new();
            push_integer(&mut out, value);
            assert_eq!(out, value.to_string());
            assert_eq!(read_integer(&out), Some(value));
        }
    }

    #[test]
    fn only_canonical_integers_read() {
        for text in ["", "-", "007", "+5", " 5", "5 ", "-0", "1e3", "٣", "99999999999999999999"] {
            assert_eq!(read_integer(text), None, "{text:?}");
        }
    }
}
