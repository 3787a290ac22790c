//! Rows on stdin, verdict rows on stdout: `grade ENV [MODE [FORMAT [THREADS]]]`.

use std::{io, process::ExitCode};

use metacot_grade::{Config, Grader, Mode, grade_stream};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |index: usize| words.get(index).map(String::as_str).filter(|word| *word != "-");
    let mode = Mode::from_name(word(1).unwrap_or("strict")).unwrap_or_default();
    let config = Config { mode, format: word(2).map(String::from), ..Config::new(word(0).unwrap_or("countdown")) };
    let threads = word(3).and_then(|word| word.parse().ok()).unwrap_or(2);
    let outcome = Grader::new(config).map_err(io::Error::other).and_then(|grader| grade_stream(&grader, io::stdin(), &mut io::stdout().lock(), threads));
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
