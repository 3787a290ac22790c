//! How numbers are written: fixed decimals, no negative zero, the same in every renderer.

use super::{Cell, Interval, Measure};

/// Stands for a number that was not measured.
pub(super) const MISSING: &str = "–";

/// `value` with `precision` decimals; a value that is not finite is missing, one too large to read is in scientific notation.
pub(super) fn text_of(value: f64, precision: u8) -> String {
    if !value.is_finite() {
        return MISSING.into();
    }
    let precision = usize::from(precision.min(12));
    if value.abs() >= 1e15 {
        return format!("{value:.precision$e}");
    }
    let text = format!("{value:.precision$}");
    // Rounding can leave a sign on nothing.
    if text.starts_with('-') && !text.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0') { text[1..].into() } else { text }
}

/// The value of a cell in words, without its interval, and the interval where there is one.
pub(super) fn cell_texts(cell: &Cell) -> (String, Option<String>) {
    match cell {
        Cell::Missing => (MISSING.into(), None),
        Cell::Text { text } => (text.clone(), None),
        Cell::Integer { value } => (value.to_string(), None),
        Cell::Percent { measure } => {
            let percent = |share: f64| text_of(share * 100.0, 1);
            (with_unit(percent(measure.value), "%"), interval_text(measure, percent))
        }
        Cell::Number { measure, precision, unit } => {
            let number = |value: f64| text_of(value, *precision);
            (with_unit(number(measure.value), unit), interval_text(measure, number))
        }
    }
}

/// A number that [`text_of`] wrote, as a page shows it: a true minus sign, and narrow spaces between groups of three digits where there
/// are five or more before the point.
pub(super) fn grouped(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let mut out = sign.to_owned();
    for (index, digit) in text[..digits].chars().enumerate() {
        if digits > 4 && index > 0 && (digits - index) % 3 == 0 {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out + &text[digits..]
}

/// Decimals that show three significant digits of `value`.
pub(super) fn decimals_for(value: f64) -> u8 {
    if value == 0.0 || !value.is_finite() || (value.fract() == 0.0 && value.abs() < 1e15) {
        return 0;
    }
    (2.0 - value.abs().log10().floor()).clamp(0.0, 12.0) as u8
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that divides `span` into at most `count` steps; 1 for a span of nothing.
pub(super) fn nice_step(span: f64, count: usize) -> f64 {
    // Halved first, because the span of two finite numbers may be infinite.
    let rough = if span.is_finite() { span / count.max(1) as f64 } else { f64::MAX / count.max(1) as f64 * 2.0 };
    if rough.is_nan() || rough < 1e-290 {
        return 1.0;
    }
    let power = 10f64.powi(rough.log10().floor().clamp(-290.0, 307.0) as i32);
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|&step| step >= rough * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

fn with_unit(number: String, unit: &str) -> String {
    if unit.is_empty() || number == MISSING { number } else { format!("{number} {unit}") }
}

fn interval_text(measure: &Measure, text: impl Fn(f64) -> String) -> Option<String> {
    let Interval { low, high } = measure.interval?;
    measure.value.is_finite().then(|| format!("[{}, {}]", text(low), text(high)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::statistics::Estimate;

    #[test]
    fn numbers_are_rounded_and_never_negative_zero() {
        assert_eq!(text_of(-0.04, 1), "0.0");
        assert_eq!(text_of(-0.06, 1), "-0.1");
        assert_eq!(text_of(f64::NAN, 1), "–");
        assert_eq!(text_of(1.5e300, 1), "1.5e300");
        assert_eq!(text_of(0.5, 255), "0.500000000000");
    }

    #[test]
    fn cells_carry_unit_and_interval() {
        let estimate = Estimate { value: 0.4125, low: 0.38, high: 0.4449 };
        assert_eq!(cell_texts(&Cell::percent(estimate)), ("41.2 %".into(), Some("[38.0, 44.5]".into())));
        assert_eq!(cell_texts(&Cell::number(512.4, 0, "tokens")), ("512 tokens".into(), None));
        let open = Estimate { value: 5000.0, low: 2245.0, high: f64::INFINITY };
        assert_eq!(cell_texts(&Cell::number(open, 0, "")).1.as_deref(), Some("[2245, –]"));
        assert_eq!(cell_texts(&Cell::percent(f64::NAN)).0, "–");
        assert_eq!(cell_texts(&Cell::integer(u64::MAX)).0, i64::MAX.to_string());
    }

    #[test]
    fn pages_group_digits_and_show_a_minus() {
        let texts: Vec<String> = ["1234", "-12345.678", "1234567 tokens", "–"].into_iter().map(grouped).collect();
        assert_eq!(texts, ["1234", "−12\u{202f}345.678", "1\u{202f}234\u{202f}567 tokens", "–"]);
    }

    #[test]
    fn steps_are_round_and_enough() {
        assert_eq!(nice_step(1.0, 5), 0.2);
        assert_eq!(nice_step(1.1, 5), 0.25);
        assert_eq!(nice_step(9000.0, 4), 2500.0);
        assert_eq!(nice_step(0.0, 5), 1.0);
        for span in [f64::NAN, f64::INFINITY, f64::MAX, f64::MIN_POSITIVE, -1.0] {
            assert!(nice_step(span, 5) > 0.0, "{span}");
        }
    }
}
