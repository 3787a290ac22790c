//! Python's arithmetic expressions: its tokens and its precedence, evaluated in whatever numbers the caller brings.
//!
//! Operators are `+ - * / // % **`, signs, and parentheses nested at most 200 deep, which is Python's own limit. Two stacks, no recursion.

/// A binary operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Subtract,
    Multiply,
    Divide,
    Floor,
    Modulo,
    Power,
}

/// The numbers of an evaluation. `None` stands for an exception, or for what is out of bounds.
pub(super) trait Numbers {
    type Value;
    /// The value of a numeric literal; `text` is a run of letters, digits, points and underscores, with signs behind an exponent's `e`.
    fn literal(&mut self, text: &str) -> Option<Self::Value>;
    fn negate(&mut self, value: Self::Value) -> Option<Self::Value>;
    fn apply(&mut self, op: Op, left: Self::Value, right: Self::Value) -> Option<Self::Value>;
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Waiting {
    Open,
    Plus,
    Minus,
    Binary(Op),
}

impl Waiting {
    /// How tightly it binds; a sign binds less than the power to its right.
    fn rank(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Binary(Op::Add | Op::Subtract) => 1,
            Self::Binary(Op::Multiply | Op::Divide | Op::Floor | Op::Modulo) => 2,
            Self::Plus | Self::Minus => 3,
            Self::Binary(Op::Power) => 4,
        }
    }
}

/// The most parentheses that Python lets stand open.
const MAX_OPEN: usize = 200;
/// About as many signs as Python's parser and compiler can follow.
const MAX_WAITING: usize = 2_500;

/// Evaluates an expression; `None` where Python would raise an exception or a bound is met.
pub(super) fn evaluate<N: Numbers>(text: &[u8], numbers: &mut N) -> Option<N::Value> {
    let (mut waiting, mut values) = (Vec::new(), Vec::new());
    let (mut place, mut open, mut wants_operand) = (0, 0_usize, true);
    while let Some(&byte) = text.get(place) {
        match byte {
            b' ' | b'\t' | 12 => place += 1,
            b'\n' | b'\r' if open > 0 || text[place..].trim_ascii().is_empty() || values.is_empty() && waiting.is_empty() => place += 1,
            b'#' => place += memchr::memchr(b'\n', &text[place..]).unwrap_or(text.len() - place),
            b'0'..=b'9' | b'.' if wants_operand => {
                let end = literal_end(text, place);
                values.push(numbers.literal(std::str::from_utf8(&text[place..end]).ok()?)?);
                (place, wants_operand) = (end, false);
            }
            b'(' if wants_operand && open < MAX_OPEN => {
                waiting.push(Waiting::Open);
                (open, place) = (open + 1, place + 1);
            }
            b'+' | b'-' if wants_operand && waiting.len() < MAX_WAITING => {
                waiting.push(if byte == b'+' { Waiting::Plus } else { Waiting::Minus });
                place += 1;
            }
            b')' if !wants_operand && open > 0 => {
                while let Some(top) = waiting.pop().filter(|top| *top != Waiting::Open) {
                    reduce(top, &mut values, numbers)?;
                }
                (open, place) = (open - 1, place + 1);
            }
            b'+' | b'-' | b'*' | b'/' | b'%' if !wants_operand => {
                let is_double = matches!(byte, b'*' | b'/') && text.get(place + 1) == Some(&byte);
                let op = match (byte, is_double) {
                    (b'+', _) => Op::Add,
                    (b'-', _) => Op::Subtract,
                    (b'*', false) => Op::Multiply,
                    (b'*', true) => Op::Power,
                    (b'/', false) => Op::Divide,
                    (b'/', true) => Op::Floor,
                    _ => Op::Modulo,
                };
                let rank = Waiting::Binary(op).rank();
                let goes_first = |top: &Waiting| top.rank() > rank || top.rank() == rank && op != Op::Power;
                while let Some(top) = waiting.last().copied().filter(|top| *top != Waiting::Open && goes_first(top)) {
                    waiting.pop();
                    reduce(top, &mut values, numbers)?;
                }
                if waiting.len() >= MAX_WAITING {
                    return None;
                }
                waiting.push(Waiting::Binary(op));
                (place, wants_operand) = (place + 1 + usize::from(is_double), true);
            }
            _ => return None,
        }
    }
    if wants_operand || open > 0 {
        return None;
    }
    while let Some(top) = waiting.pop() {
        reduce(top, &mut values, numbers)?;
    }
    values.pop()
}

fn reduce<N: Numbers>(top: Waiting, values: &mut Vec<N::Value>, numbers: &mut N) -> Option<()> {
    let right = values.pop()?;
    let value = match top {
        Waiting::Open => return None,
        Waiting::Plus => right,
        Waiting::Minus => numbers.negate(right)?,
        Waiting::Binary(op) => numbers.apply(op, values.pop()?, right)?,
    };
    values.push(value);
    Some(())
}

/// The end of the word at `start`: what Python would take as one number, or fail to.
fn literal_end(text: &[u8], start: usize) -> usize {
    let mut end = start;
    while let Some(&byte) = text.get(end) {
        let is_exponent_sign = matches!(byte, b'+' | b'-') && end > start && matches!(text[end - 1], b'e' | b'E') && !text[start..end].starts_with(b"0x");
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_') || is_exponent_sign) {
            break;
        }
        end += 1;
    }
    end
}

/// A literal of Python as text.
pub(super) enum Literal {
    /// A whole number in a base, underscores removed.
    Whole(String, u32),
    /// A decimal fraction, underscores removed.
    Decimal(String),
}

/// Python's integers are read from at most this many digits.
const MAX_DIGITS: usize = 4_300;

/// Reads a literal by Python's rules: `007` is none, `00` is 0, underscores stand between digits, `1.`, `.5` and `1e3` are floats.
pub(super) fn literal(text: &str) -> Option<Literal> {
    let bytes = text.as_bytes();
    let is_spaced = !bytes.starts_with(b"_")
        && !bytes.ends_with(b"_")
        && bytes
            .windows(2)
            .all(|pair| pair[0] != b'_' && pair[1] != b'_' || pair[0].is_ascii_hexdigit() && pair[1] == b'_' || pair[0] == b'_' && pair[1].is_ascii_hexdigit());
    if !is_spaced {
        return None;
    }
    let plain = text.replace('_', "");
    let lower = plain.to_ascii_lowercase();
    for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            let is_number = !digits.is_empty() && digits.len() <= MAX_DIGITS && digits.chars().all(|digit| digit.is_digit(base));
            return is_number.then(|| Literal::Whole(digits.into(), base));
        }
    }
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        let is_number = plain.len() <= MAX_DIGITS && (!plain.starts_with('0') || plain.bytes().all(|byte| byte == b'0'));
        return is_number.then_some(Literal::Whole(plain, 10));
    }
    let (mantissa, exponent) = lower.split_once('e').map_or((lower.as_str(), None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_exponent = exponent.is_none_or(|text| {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        !digits.is_empty() && are_digits(digits)
    });
    let is_number = are_digits(whole) && are_digits(fraction) && whole.len() + fraction.len() > 0 && is_exponent;
    is_number.then_some(Literal::Decimal(plain))
}
