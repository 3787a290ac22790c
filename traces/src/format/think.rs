//! Tagged thinking in the terms of Meta-CoT (Xiang et al. 2025): `<verify>`, `<backtrack>` and `<goal>` inside `<think>`, then the answer.

use metacot_envs::{SettingError, Settings, World};

use super::tale::{Book, Tale, read_line};

const BOOK: Book = Book {
    problem: ["<problem> ", " </problem>"],
    begin: "<think>",
    explore: ["#", " ", " -> ", ""],
    dead: ["<verify> ", " no"],
    goal: ["<goal> ", " yes"],
    enter: ["<enter> #", " ", ""],
    back: ["<backtrack> #", " ", ""],
    value: ["<value> #", " ", ""],
    won: ["<verify> ", " yes"],
    tally: ["<visits> #", " ", " ", ""],
    choose: ["<choose> #", " ", ""],
    give_up: "<give_up>",
    close: "</think>",
    answer: ["<answer> ", " </answer>"],
    no_answer: "<answer>none</answer>",
    separator: "; ",
};

/// Reads the settings of `think`: `values`.
///
/// # Errors
/// A setting that is unknown or not allowed.
pub fn configure<E: World>(settings: &Settings) -> Result<Tale, SettingError> {
    Tale::configure::<E>(&BOOK, |line| read_line(&BOOK, line), settings)
}
