//! The plan alone, as its actions: what is asked of a model that does not show its work.

use metacot_envs::{SettingError, Settings};

use super::cot::{Book, Solution, read_line};

const BOOK: Book = Book { problem: ["Problem: ", ""], headings: &[], step: None, answer: ["Answer: ", ""], separator: "; " };

/// Reads the settings of `answer`: none.
///
/// # Errors
/// A setting that is unknown.
pub fn configure(settings: &Settings) -> Result<Solution, SettingError> {
    Solution::new(&BOOK, |line| read_line(&BOOK, line), settings)
}
