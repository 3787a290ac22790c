//! Decimal digits pushed by hand: formatting is most of the cost of writing a trace, and `write!` doubles it.

/// The decimal forms of 0 to 999, each filled up with spaces to [`CELL`] bytes: a copy of fixed length takes no call.
const SMALL: &str = match std::str::from_utf8(&SMALL_BYTES) {
    Ok(text) => text,
    Err(_) => panic!("digits are ASCII"),
};

const CELL: usize = 4;

const SMALL_BYTES: [u8; 1000 * CELL] = {
    let mut bytes = [b' '; 1000 * CELL];
    let mut value = 0;
    while value < 1000 {
        let digits = [b'0' + (value / 100) as u8, b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8];
        let skipped = 3 - length(value);
        let mut place = skipped;
        while place < 3 {
            bytes[CELL * value + place - skipped] = digits[place];
            place += 1;
        }
        value += 1;
    }
    bytes
};

/// The number of digits of a value below 1000.
#[inline]
const fn length(value: usize) -> usize {
    1 + (value >= 10) as usize + (value >= 100) as usize
}

/// Appends the decimal form of `value`.
#[inline]
pub fn push_integer(out: &mut String, value: i64) {
    if !(0..1000).contains(&value) {
        return push_large(out, value);
    }
    let (value, end) = (value as usize, out.len());
    out.push_str(&SMALL[CELL * value..CELL * value + CELL]);
    out.truncate(end + length(value));
}

#[cold]
fn push_large(out: &mut String, value: i64) {
    if value < 0 {
        out.push('-');
    }
    let magnitude = value.unsigned_abs();
    if magnitude < 1000 {
        return push_integer(out, magnitude as i64);
    }
    push_large_magnitude(out, magnitude);
}

fn push_large_magnitude(out: &mut String, magnitude: u64) {
    if magnitude < 1000 {
        return push_integer(out, magnitude as i64);
    }
    push_large_magnitude(out, magnitude / 1000);
    let rest = (magnitude % 1000) as usize;
    out.push_str(&"00"[length(rest) - 1..]);
    push_integer(out, rest as i64);
}

/// Whether `text` is exactly what [`push_integer`] writes of `value`.
#[inline]
pub fn is_integer(text: &str, value: u32) -> bool {
    if value >= 1000 {
        return read_integer(text) == Some(i64::from(value));
    }
    let (start, bytes) = (CELL * value as usize, text.as_bytes());
    bytes.len() == length(value as usize) && bytes.iter().zip(&SMALL_BYTES[start..start + CELL]).all(|(byte, digit)| byte == digit)
}

/// Reads a decimal integer as [`push_integer`] writes it: no plus sign, no leading zeros, no spaces.
#[inline]
pub fn read_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_canonical = digits.len() == 1 || !digits.starts_with('0');
    if digits.is_empty() || !is_canonical || text == "-0" {
        return None;
    }
    if digits.len() > 18 {
        return digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    }
    let mut value = 0;
    for byte in digits.bytes() {
        value = 10 * value + i64::from(byte.is_ascii_digit().then(|| byte - b'0')?);
    }
    Some(if digits.len() < text.len() { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_formatter() {
        for value in [0, 7, 10, 99, 100, 999, 1000, 1005, 12_000_345, -1, -120, -7000, i64::MAX, i64::MIN] {
            let mut out = String::new();
            push_integer(&mut out, value);
            assert_eq!(out, value.to_string());
            assert_eq!(read_integer(&out), Some(value));
        }
    }

    #[test]
    fn only_its_own_form_is_an_integer() {
        for value in [0_u32, 7, 10, 99, 100, 999, 1000, 12_000_345] {
            assert!(is_integer(&value.to_string(), value));
            for other in [format!("0{value}"), format!("{value} "), format!("{value}0"), format!("+{value}"), String::new(), (value + 1).to_string()] {
                assert!(!is_integer(&other, value), "{other:?} is not {value}");
            }
        }
    }

    #[test]
    fn only_canonical_integers_read() {
        for text in ["", "-", "007", "+5", " 5", "5 ", "-0", "1e3", "٣", "99999999999999999999"] {
            assert_eq!(read_integer(text), None, "{text:?}");
        }
    }
}
