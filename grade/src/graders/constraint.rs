//! Limits that an answer has to keep.

use serde::{Deserialize, Serialize};

use super::Sample;

/// Limits; those left out hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Constraint {
    /// The most tokens: words, numbers, and single other characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// Each given number stands in the answer exactly as often as it is given; the goal behind a last `=` aside.
    pub uses_each_number_once: bool,
    /// The last number of the answer is the goal.
    pub ends_with_goal: bool,
}

impl Constraint {
    /// Whether all limits hold. Without a problem of numbers, limits about numbers do not.
    pub fn holds(&self, sample: &Sample<'_>) -> bool {
        let text = sample.output;
        let is_short = self.max_tokens.is_none_or(|most| tokens(text).take(most.saturating_add(1)).count() <= most);
        let uses = || {
            let (given, goal) = sample.numbers?;
            let claimed = memchr::memrchr(b'=', text).filter(|place| number(text[place + 1..].trim_ascii()) == Some(u64::from(goal)));
            let mut left: Vec<u64> = given.iter().copied().map(u64::from).collect();
            for found in numbers(&text[..claimed.unwrap_or(text.len())]) {
                let place = left.iter().position(|number| Some(*number) == found)?;
                left.swap_remove(place);
            }
            Some(left.is_empty())
        };
        let ends = || Some(numbers(text.trim_ascii_end()).last()?? == u64::from(sample.numbers?.1) && text.trim_ascii_end().last()?.is_ascii_digit());
        is_short && (!self.uses_each_number_once || uses() == Some(true)) && (!self.ends_with_goal || ends() == Some(true))
    }
}

/// Runs of letters, runs of digits, and other characters one by one.
fn tokens(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let kind = |byte: u8| match byte {
        b'0'..=b'9' => 1,
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.. => 2,
        _ => 3,
    };
    text.chunk_by(move |a, b| kind(*a) == kind(*b) && kind(*a) != 3).filter(|token| !token.trim_ascii().is_empty())
}

fn numbers(text: &[u8]) -> impl Iterator<Item = Option<u64>> {
    text.split(|byte| !byte.is_ascii_digit()).filter(|run| !run.is_empty()).map(number)
}

/// The value of digits, `None` where it is not one or too large for any problem.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 18 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |value, digit| 10 * value + u64::from(digit - b'0')))
}
