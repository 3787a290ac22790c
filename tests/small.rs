//! Sizes at which searches of few expansions solve problems; shared by the tests of several packages.

use metacot_envs::Difficulty;

/// The difficulty of the environment called `env` at a small size; that which it has by itself where it knows no size.
pub fn difficulty(env: &str) -> Difficulty {
    let size = match env {
        "countdown" | "arithmetic" => Some("3"),
        "maze" => Some("5"),
        "sudoku" => Some("4"),
        "cryptarithm" => Some("2"),
        "connect4" => Some("4x4"),
        "hex" => Some("3"),
        _ => None,
    };
    Difficulty { size: size.map(String::from), ..Difficulty::default() }
}
