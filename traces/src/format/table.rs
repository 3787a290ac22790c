//! The steps of a calculation as rows of a table: the scratchpad of arithmetic worlds (Nye et al. 2021).

use metacot_envs::{SettingError, Settings, World};

use super::{
    cot::{Book, Solution, read_line},
    only_worlds,
};

/// The worlds whose steps are calculations.
const WORLDS: &[&str] = &["arithmetic", "countdown", "game24"];

const BOOK: Book = Book {
    problem: ["Problem: ", ""],
    headings: &["| step | do | left |", "| --- | --- | --- |"],
    step: Some(["| ", " | ", " | ", " |"]),
    answer: ["Answer: ", ""],
    separator: "; ",
};

/// Reads the settings of `table`: none.
///
/// # Errors
/// A setting that is unknown, or an environment whose steps are no calculations.
pub fn configure<E: World>(settings: &Settings) -> Result<Solution, SettingError> {
    only_worlds::<E>("table", WORLDS)?;
    Solution::new(&BOOK, |line| read_line(&BOOK, line), settings)
}
