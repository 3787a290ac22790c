//! A search tree told as reasoning in the first person, with reflections where it turns back (as ASTRO, Kim et al. 2025, does).

use metacot_envs::{SettingError, Settings, World};

use super::tale::{Book, Tale, read_line};

const BOOK: Book = Book {
    problem: ["Problem: ", ""],
    begin: "Let me think this through step by step.",
    explore: ["Idea ", ": ", " would give me ", "."],
    dead: ["Let me check: ", " is a dead end."],
    goal: ["Let me check: ", " is exactly the goal!"],
    enter: ["I like idea ", ", so I go on from ", "."],
    back: ["Wait, this is not leading anywhere. Let me go back to idea ", " and ", "."],
    value: ["I would say that idea ", " is worth ", "."],
    won: ["Let me check: ", " is won."],
    tally: ["I looked into idea ", " in ", " lines, worth ", " each on average."],
    choose: ["I choose idea ", ", which leads to ", "."],
    give_up: "I have tried everything and found nothing that works.",
    close: "That settles it.",
    answer: ["The answer is: ", "."],
    no_answer: "There is no answer.",
    separator: "; ",
};

/// Reads the settings of `prose`: `values`.
///
/// # Errors
/// A setting that is unknown or not allowed.
pub fn configure<E: World>(settings: &Settings) -> Result<Tale, SettingError> {
    Tale::configure::<E>(&BOOK, |line| read_line(&BOOK, line), settings)
}
