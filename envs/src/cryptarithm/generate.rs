//! Settings of cryptarithms and the draw of a puzzle: random numbers whose digits become letters, kept if no other digits fit.

use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{Cryptarithm, MAX_ADDENDS, Problem};
use crate::{Difficulty, SeedTree, SettingError};

/// Puzzles tried before the draw falls back to SEND + MORE = MONEY; [`configure`] refuses settings that come near.
const PUZZLES: usize = 20_000;
/// Of this many puzzles of a fixed sample at least one must have a unique solution.
const SAMPLE: u64 = 1_000;

pub(super) fn configure(difficulty: &Difficulty) -> Result<Cryptarithm, SettingError> {
    difficulty.settings.only(&["addends"])?;
    let length = difficulty.size_within(2..=6, 3)?;
    let addends = difficulty.settings.number("addends", 2..=MAX_ADDENDS, 2)?;
    let env = Cryptarithm { length, addends };
    let seeds = SeedTree::root(0).child("cryptarithm feasibility");
    if !(0..SAMPLE).any(|index| draw(&env, &mut seeds.stream(index)).is_some()) {
        return Err(SettingError::Value {
            name: "addends".into(),
            value: addends.to_string(),
            expected: format!("words of {length} letters of which one puzzle in {SAMPLE} has a unique solution"),
        });
    }
    Ok(env)
}

pub(super) fn generate(env: &Cryptarithm, rng: &mut ChaCha8Rng) -> Problem {
    (0..PUZZLES)
        .find_map(|_| draw(env, rng))
        .unwrap_or_else(|| Problem::new(vec!["SEND".into(), "MORE".into()], "MONEY".into()).expect("a well-known puzzle is one"))
}

/// The first addend has the full length, the others may be one digit shorter.
fn draw(env: &Cryptarithm, rng: &mut ChaCha8Rng) -> Option<Problem> {
    let mut letters: Vec<char> = ('A'..='Z').collect();
    let (letters, _) = letters.partial_shuffle(rng, 10);
    let mut sum = 0;
    let mut words = Vec::with_capacity(env.addends);
    let spell = |number: u64| number.to_string().bytes().map(|digit| letters[usize::from(digit - b'0')]).collect::<String>();
    for index in 0..env.addends {
        let digits = if index == 0 { env.length } else { rng.random_range(env.length - 1..=env.length) } as u32;
        let number = rng.random_range(10_u64.pow(digits - 1)..10_u64.pow(digits));
        sum += number;
        words.push(spell(number));
    }
    let problem = Problem::new(words, spell(sum)).ok()?;
    (!problem.has_twins() && env.solutions(&problem, 2) == 1).then_some(problem)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Environment;

    #[test]
    fn puzzles_have_one_solution() {
        let seeds = SeedTree::root(6);
        for length in 2..=5 {
            let env = Cryptarithm::configure(&Difficulty::sized(length)).unwrap();
            for index in 0..10 {
                let problem = env.generate(&mut seeds.stream(index));
                assert_eq!(env.solutions(&problem, 2), 1, "{problem:?}");
            }
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for (size, addends) in [("1", "2"), ("7", "2"), ("3", "1"), ("3", "5")] {
            let mut difficulty = Difficulty { size: Some(size.into()), ..Difficulty::default() };
            difficulty.settings.insert("addends", addends);
            assert!(Cryptarithm::configure(&difficulty).is_err(), "{size} {addends}");
        }
    }
}
