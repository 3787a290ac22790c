//! One value for the many ways to write a rational number, so that `.05`, `1/20`, `5E-02`, `5 x 10^-2` and `\frac{1}{20}` are equal.
//!
//! Understood are signs, decimal integers and fractions, groups of thousands (`1,000`), scientific notation in both spellings, quotients of
//! two of these, LaTeX fractions and a trailing percent sign; around them white space, `$`, `\(` `\)`, and `\,`. A number of more than 36
//! digits before or behind the point is none: nothing grows with an exponent.

/// An exact rational number in lowest terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rational {
    num: i128,
    den: i128,
}

/// Ten to this power is the largest denominator of a decimal fraction, and bounds its numerator.
const MAX_POWER: i32 = 36;

impl Rational {
    /// A whole number.
    pub const fn whole(num: i64) -> Self {
        Self { num: num as i128, den: 1 }
    }

    /// Reads a number; `None` for all that is not plainly one.
    ///
    /// ```
    /// use metacot_grade::Rational;
    /// let twentieth = Rational::read(b".05");
    /// for text in [&b"1/20"[..], b"5E-02", b"5 x 10^-2", br"\frac{1}{20}", b"5%"] {
    ///     assert_eq!(Rational::read(text), twentieth);
    /// }
    /// assert_ne!(Rational::read(br"\frac{1}{2}"), twentieth);
    /// ```
    pub fn read(text: &[u8]) -> Option<Self> {
        let mut reader = Reader { rest: unwrapped(text) };
        let value = reader.number()?;
        reader.space();
        let is_percent = reader.take(br"\%") || reader.take(b"%");
        reader.space();
        let value = if is_percent { value.divided(Self::whole(100))? } else { value };
        reader.rest.is_empty().then_some(value)
    }

    /// Numerator and denominator in lowest terms; the denominator is positive.
    pub fn parts(self) -> (i128, i128) {
        (self.num, self.den)
    }

    /// The nearest float.
    pub fn to_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }

    fn new(num: i128, den: i128) -> Option<Self> {
        let (mut a, mut b) = (num.checked_abs()?, den.checked_abs()?);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let divisor = a * den.signum();
        (den != 0).then(|| Self { num: num / divisor, den: den / divisor })
    }

    fn divided(self, by: Self) -> Option<Self> {
        // Crosswise first, so that what cancels does not overflow.
        let (one, other) = (Self::new(self.num, by.num)?, Self::new(by.den, self.den)?);
        Self::new(one.num.checked_mul(other.num)?, one.den.checked_mul(other.den)?)
    }
}

/// The text without what only sets it in type.
fn unwrapped(text: &[u8]) -> &[u8] {
    let text = text.trim_ascii();
    for (open, close) in [(&b"$$"[..], &b"$$"[..]), (b"$", b"$"), (br"\(", br"\)"), (br"\[", br"\]")] {
        if let Some(inner) = text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)) {
            return inner.trim_ascii();
        }
    }
    text
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    /// A decimal or a LaTeX fraction, or a quotient of two such.
    fn number(&mut self) -> Option<Rational> {
        let value = self.term()?;
        self.space();
        if !self.take(b"/") {
            return Some(value);
        }
        value.divided(self.term()?)
    }

    fn term(&mut self) -> Option<Rational> {
        self.space();
        let is_negative = self.take(b"-") || self.take("\u{2212}".as_bytes());
        if !is_negative {
            self.take(b"+");
        }
        self.space();
        let value = if [&br"\frac"[..], br"\dfrac", br"\tfrac"].into_iter().any(|name| self.take(name)) { self.fraction()? } else { self.decimal()? };
        Some(Rational { num: if is_negative { -value.num } else { value.num }, ..value })
    }

    /// The two arguments of `\frac`: in braces, or one digit each.
    fn fraction(&mut self) -> Option<Rational> {
        let mut part = || {
            self.space();
            if !self.take(b"{") {
                let (digit, rest) = self.rest.split_first().filter(|(digit, _)| digit.is_ascii_digit())?;
                self.rest = rest;
                return Some(Rational::whole(i64::from(digit - b'0')));
            }
            let is_negative = self.take(b"-");
            let value = self.decimal()?;
            self.space();
            self.take(b"}").then_some(Rational { num: if is_negative { -value.num } else { value.num }, ..value })
        };
        let num = part()?;
        num.divided(part()?)
    }

    /// `1,234.5`, with `e-2`, `x 10^-2`, `* 10**-2` or `\times 10^{-2}` behind it.
    fn decimal(&mut self) -> Option<Rational> {
        let mut digits = Digits::default();
        let mut group = None;
        while let Some((&byte, rest)) = self.rest.split_first() {
            match byte {
                b'0'..=b'9' => {
                    digits.push(byte, false)?;
                    group = group.map(|length| length + 1);
                }
                b',' if digits.count > 0 && group.is_none_or(|length| length == 3) && (group.is_some() || digits.count <= 3) => {
                    group = Some(0);
                }
                _ => break,
            }
            self.rest = rest;
        }
        if group.is_some_and(|length| length != 3) {
            return None;
        }
        if self.take(b".") {
            while let Some((&byte, rest)) = self.rest.split_first().filter(|(byte, _)| byte.is_ascii_digit()) {
                digits.push(byte, true)?;
                self.rest = rest;
            }
        }
        if digits.count == 0 {
            return None;
        }
        let power = self.exponent()?;
        digits.value(power)
    }

    /// The power of ten behind a decimal, 0 where there is none.
    fn exponent(&mut self) -> Option<i32> {
        let before = self.rest;
        if self.take(b"e") || self.take(b"E") {
            return self.power();
        }
        self.space();
        if [&br"\times"[..], br"\cdot", "\u{d7}".as_bytes(), b"x", b"X", b"*"].into_iter().any(|sign| self.take(sign)) {
            self.space();
            let is_power = self.take(b"10") && (self.take(b"^") || self.take(b"**"));
            return if is_power { self.power() } else { None };
        }
        self.rest = before;
        Some(0)
    }

    fn power(&mut self) -> Option<i32> {
        let in_braces = self.take(b"{");
        let in_parentheses = !in_braces && self.take(b"(");
        let is_negative = self.take(b"-") || self.take("\u{2212}".as_bytes());
        if !is_negative {
            self.take(b"+");
        }
        let (mut power, mut count) = (0_i32, 0);
        while let Some((&byte, rest)) = self.rest.split_first().filter(|(byte, _)| byte.is_ascii_digit()) {
            power = power.saturating_mul(10).saturating_add(i32::from(byte - b'0')).min(1_000_000);
            (self.rest, count) = (rest, count + 1);
        }
        let is_closed = (!in_braces || self.take(b"}")) && (!in_parentheses || self.take(b")"));
        (count > 0 && is_closed).then_some(if is_negative { -power } else { power })
    }

    fn space(&mut self) {
        loop {
            self.rest = self.rest.trim_ascii_start();
            if !(self.take(br"\,") || self.take(br"\ ") || self.take(br"\!")) {
                return;
            }
        }
    }

    fn take(&mut self, mark: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

/// Digits on both sides of a point, without the zeros that change nothing.
#[derive(Default)]
struct Digits {
    count: usize,
    value: i128,
    /// How far the value is to be moved: it times ten to this power.
    shift: i32,
    /// Zeros that were read and matter only if another digit follows.
    zeros: i32,
}

impl Digits {
    fn push(&mut self, digit: u8, is_behind: bool) -> Option<()> {
        self.count += 1;
        self.shift = self.shift.checked_sub(i32::from(is_behind))?;
        if digit == b'0' {
            self.zeros = self.zeros.checked_add(i32::from(self.value != 0))?;
            return Some(());
        }
        let scale = 10_i128.checked_pow(self.zeros as u32 + 1)?;
        self.value = self.value.checked_mul(scale)?.checked_add(i128::from(digit - b'0'))?;
        self.zeros = 0;
        Some(())
    }

    fn value(self, power: i32) -> Option<Rational> {
        if self.value == 0 {
            return Some(Rational::whole(0));
        }
        let power = self.shift.checked_add(self.zeros)?.checked_add(power)?;
        if power.abs() > MAX_POWER {
            return None;
        }
        let scale = 10_i128.pow(power.unsigned_abs());
        if power >= 0 { Some(Rational { num: self.value.checked_mul(scale)?, den: 1 }) } else { Rational::new(self.value, scale) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_are_equal() {
        let classes: [&[&str]; 5] = [
            &[
                ".05",
                "0.05",
                "1/20",
                "5E-02",
                "5e-2",
                "5 x 10^-2",
                "5*10^{-2}",
                r"5 \times 10^{-2}",
                "5 × 10^(-2)",
                r"\frac{1}{20}",
                r"\dfrac{1}{20}",
                "5%",
                r"5\%",
                "$1/20$",
                r"\( .05 \)",
                "2/40",
                "+0.0500",
                "0.5/10",
                r"\frac{0.5}{10}",
                "50/1,000",
            ],
            &["1/2", r"\frac{1}{2}", r"\frac12", "0.5", "50%"],
            &["1000", "1,000", "1e3", "10^3 ".trim_end(), "1 x 10^3", "1000.", "1000.000", "1,000.0"],
            &["-3", "−3", "- 3", "-3.0", "-6/2", "6/-2", r"-\frac{6}{2}", r"\frac{-6}{2}"],
            &["0", "-0", "0.000", "0e999999999999", "0/5"],
        ];
        for (index, class) in classes.iter().enumerate() {
            let first = Rational::read(class[0].as_bytes());
            assert!(first.is_some(), "{}", class[0]);
            for text in class.iter().filter(|text| **text != "10^3") {
                assert_eq!(Rational::read(text.as_bytes()), first, "{text}");
            }
            for other in &classes[index + 1..] {
                assert_ne!(Rational::read(other[0].as_bytes()), first);
            }
        }
    }

    #[test]
    fn what_is_not_plainly_a_number_is_none() {
        for text in [
            "",
            " ",
            "-",
            ".",
            "e5",
            "1e",
            "1/0",
            "1//2",
            "1/2/3",
            "1 2",
            "0x10",
            "1_000",
            "1,00",
            "1,0000",
            ",100",
            "12,34,567",
            "nan",
            "inf",
            "٣",
            "1e99999999999",
            "1e40",
            "1e-40",
            "½",
            r"\frac{1}{0}",
            r"\frac{1}",
            r"\frac{1}{2",
            "5 x 10",
            "5 x 10^",
            "1+1",
            "(1)",
            "1%%",
        ] {
            assert_eq!(Rational::read(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Rational::read("1".repeat(1_000_000).as_bytes()), None);
        assert_eq!(Rational::read(["1", &"0".repeat(1_000_000)].concat().as_bytes()), None);
        assert_eq!(Rational::read(["0.1", &"0".repeat(1_000_000)].concat().as_bytes()), Rational::read(b".1"));
        assert_eq!(Rational::read(&[b'1', 0xff]), None);
    }
}
