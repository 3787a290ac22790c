//! The words of a puzzle, the order in which letters are assigned, and the check of columns.

use serde::{Deserialize, Serialize};

/// One letter for each digit.
pub const MAX_LETTERS: usize = 10;
/// The most addends.
pub const MAX_ADDENDS: usize = 4;
/// The longest word.
pub const MAX_WORD: usize = 8;

/// Addends and their sum: `{"words":["SEND","MORE"],"result":"MONEY"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Plain", into = "Plain")]
pub struct Problem {
    words: Vec<String>,
    result: String,
    letters: Vec<char>,
    /// Per letter: whether a longer word begins with it.
    leads: Vec<bool>,
    /// Per column from the right: the places of the addends' letters, and the result's.
    columns: Vec<(Vec<u8>, Option<u8>)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    words: Vec<String>,
    result: String,
}

impl TryFrom<Plain> for Problem {
    type Error = String;

    fn try_from(plain: Plain) -> Result<Self, String> {
        Self::new(plain.words, plain.result)
    }
}

impl From<Problem> for Plain {
    fn from(problem: Problem) -> Self {
        Self { words: problem.words, result: problem.result }
    }
}

impl Problem {
    /// Makes a puzzle.
    ///
    /// # Errors
    /// Fewer than two or more than [`MAX_ADDENDS`] words, a word that is not of 1 to [`MAX_WORD`] capital letters, or more than ten letters.
    pub fn new(words: Vec<String>, result: String) -> Result<Self, String> {
        if !(2..=MAX_ADDENDS).contains(&words.len()) {
            return Err(format!("{} addends are not allowed; expected 2 to {MAX_ADDENDS}", words.len()));
        }
        let is_word = |word: &str| (1..=MAX_WORD).contains(&word.len()) && word.bytes().all(|letter| letter.is_ascii_uppercase());
        if let Some(word) = words.iter().chain([&result]).find(|word| !is_word(word)) {
            return Err(format!("word `{word}` is not allowed; expected 1 to {MAX_WORD} letters from A to Z"));
        }
        let width = words.iter().chain([&result]).map(String::len).max().unwrap_or(0);
        let letter = |word: &str, column: usize| word.len().checked_sub(column + 1).map(|place| char::from(word.as_bytes()[place]));
        let mut letters = Vec::new();
        let mut columns = Vec::with_capacity(width);
        let mut place = |letter: char| {
            let known = letters.iter().position(|other| *other == letter);
            known.unwrap_or_else(|| {
                letters.push(letter);
                letters.len() - 1
            }) as u8
        };
        for column in 0..width {
            let addends = words.iter().filter_map(|word| letter(word, column)).map(&mut place).collect();
            columns.push((addends, letter(&result, column).map(&mut place)));
        }
        if letters.len() > MAX_LETTERS {
            return Err(format!("{} different letters are not allowed; expected at most {MAX_LETTERS}", letters.len()));
        }
        let leads = letters.iter().map(|letter| words.iter().chain([&result]).any(|word| word.len() > 1 && word.starts_with(*letter))).collect();
        Ok(Self { words, result, letters, leads, columns })
    }

    /// The letters in the order in which they are assigned.
    pub fn letters(&self) -> &[char] {
        &self.letters
    }

    /// Per column from the right: the places of the addends' letters, and the result's.
    pub(super) fn columns(&self) -> &[(Vec<u8>, Option<u8>)] {
        &self.columns
    }

    /// Whether two letters can be exchanged in any solution, since they have the same weight and both or neither may be 0.
    pub(super) fn has_twins(&self) -> bool {
        let weight = |place: usize| {
            let count = |column: &(Vec<u8>, Option<u8>)| {
                let addends = column.0.iter().filter(|other| usize::from(**other) == place).count() as i64;
                addends - i64::from(column.1.map(usize::from) == Some(place))
            };
            self.columns.iter().rev().fold(0, |weight, column| weight * 10 + count(column))
        };
        let traits: Vec<(i64, bool)> = (0..self.letters.len()).map(|place| (weight(place), self.leads[place])).collect();
        traits.iter().enumerate().any(|(place, one)| traits[..place].contains(one))
    }

    /// Whether the next letter may have a digit.
    pub(super) fn allows(&self, digits: &[u8], digit: u8) -> bool {
        let is_leading_zero = digit == 0 && self.leads.get(digits.len()).copied().unwrap_or(false);
        digit < 10 && !is_leading_zero && !digits.contains(&digit)
    }

    /// The first column from the right that is finished and wrong: the last digit of its sum and the digit of the result, or the carry that
    /// the last column leaves and 0.
    pub(super) fn mismatch(&self, digits: &[u8]) -> Option<(u64, u64)> {
        let mut carry = 0;
        for (addends, result) in &self.columns {
            let value = |place: &u8| digits.get(usize::from(*place)).map(|digit| u64::from(*digit));
            let mut sum = carry;
            for place in addends {
                sum += value(place)?;
            }
            let wanted = result.as_ref().map_or(Some(0), value)?;
            if sum % 10 != wanted {
                return Some((sum % 10, wanted));
            }
            carry = sum / 10;
        }
        (carry > 0).then_some((carry, 0))
    }

    /// The sum of the addends and the result under a full assignment.
    pub(super) fn values(&self, digits: &[u8]) -> (u64, u64) {
        let digit = |letter: char| self.letters.iter().position(|other| *other == letter).and_then(|place| digits.get(place)).copied().unwrap_or(0);
        let value = |word: &String| word.chars().fold(0, |value, letter| value * 10 + u64::from(digit(letter)));
        (self.words.iter().map(value).sum(), value(&self.result))
    }

    /// Appends `SEND+MORE=MONEY`.
    pub(super) fn write(&self, out: &mut String) {
        out.push_str(&self.words.join("+"));
        out.push('=');
        out.push_str(&self.result);
    }

    /// The letters of the result, renamed to A, B, C … in the order in which they appear in it.
    pub(super) fn result_pattern(&self) -> String {
        let mut seen = String::new();
        let rename = |letter| {
            let place = seen.find(letter).unwrap_or_else(|| {
                seen.push(letter);
                seen.len() - 1
            });
            char::from(b'A' + place as u8)
        };
        self.result.chars().map(rename).collect()
    }

    /// The number of letters of the longest addend.
    pub(super) fn longest_addend(&self) -> usize {
        self.words.iter().map(String::len).max().unwrap_or(0)
    }

    /// The puzzle with its addends in every order.
    pub(super) fn arrangements(&self) -> Vec<Self> {
        let mut orders = vec![Vec::new()];
        for _ in 0..self.words.len() {
            let longer = |order: &Vec<usize>| {
                let order = order.clone();
                (0..self.words.len()).filter(|place| !order.contains(place)).map(|place| [order.as_slice(), &[place]].concat()).collect::<Vec<_>>()
            };
            orders = orders.iter().flat_map(longer).collect();
        }
        let arrange = |order: Vec<usize>| order.into_iter().map(|place| self.words[place].clone()).collect();
        orders.into_iter().filter_map(|order| Self::new(arrange(order), self.result.clone()).ok()).collect()
    }

    /// The puzzle with its letters renamed to A, B, C … in the order in which they appear in the text.
    pub(super) fn renamed(&self) -> Self {
        let mut seen = String::new();
        for letter in self.words.iter().chain([&self.result]).flat_map(|word| word.chars()) {
            if !seen.contains(letter) {
                seen.push(letter);
            }
        }
        let rename = |word: &String| word.chars().map(|letter| char::from(b'A' + seen.find(letter).unwrap_or(0) as u8)).collect::<String>();
        Self::new(self.words.iter().map(rename).collect(), rename(&self.result)).expect("renaming keeps lengths and the number of letters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_puzzles_are_refused() {
        for text in [
            r#"{"words":[],"result":"A"}"#,
            r#"{"words":["A"],"result":"A"}"#,
            r#"{"words":["A","B","C","D","E"],"result":"A"}"#,
            r#"{"words":["","B"],"result":"A"}"#,
            r#"{"words":["a","B"],"result":"A"}"#,
            r#"{"words":["É","B"],"result":"A"}"#,
            r#"{"words":["ABCDEFGHI","B"],"result":"A"}"#,
            r#"{"words":["ABCDEF","GHIJK"],"result":"A"}"#,
        ] {
            assert!(serde_json::from_str::<Problem>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_short_result_is_a_mismatch() {
        let problem = Problem::new(vec!["AB".into(), "C".into()], "D".into()).unwrap();
        assert_eq!(problem.letters().iter().collect::<String>(), "BCDA");
        assert_eq!(problem.mismatch(&[1, 2, 3]), None);
        assert_eq!(problem.mismatch(&[1, 2, 3, 4]), Some((4, 0)));
    }
}
