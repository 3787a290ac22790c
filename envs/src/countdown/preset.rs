//! Countdown under its own name and as the game of 24.

use super::{Countdown, NumbersGame, Problem, Rules, config};
use crate::{Difficulty, Oracle, SettingError};

/// What sets one registered number game apart from another: its name and how it reads a difficulty.
pub trait Preset: Sized + Clone + std::fmt::Debug + Send + Sync + 'static {
    /// The registered name.
    const NAME: &'static str;

    /// Makes the game of a difficulty.
    ///
    /// # Errors
    /// A size out of range, or a setting that is unknown or not allowed.
    fn configure(difficulty: &Difficulty) -> Result<NumbersGame<Self>, SettingError>;
}

/// The general game, with all settings.
#[derive(Clone, Copy, Debug)]
pub struct Standard;

impl Preset for Standard {
    const NAME: &'static str = "countdown";

    fn configure(difficulty: &Difficulty) -> Result<Countdown, SettingError> {
        config::configure(difficulty)
    }
}

/// Four numbers from 1 to 13 that make 24, any exact rational on the way; drawn uniformly from the solvable lists. No settings.
#[derive(Clone, Copy, Debug)]
pub struct TwentyFour;

impl Preset for TwentyFour {
    const NAME: &'static str = "game24";

    fn configure(difficulty: &Difficulty) -> Result<NumbersGame<Self>, SettingError> {
        difficulty.settings.only(&[])?;
        let size = difficulty.size_within(4..=4, 4)?;
        Ok(NumbersGame { size, max_number: 13, targets: vec![24], rules: Rules::Rational, preset: std::marker::PhantomData })
    }
}

/// The game of 24: [`NumbersGame`] under the preset [`TwentyFour`].
pub type Game24 = NumbersGame<TwentyFour>;

impl Game24 {
    /// Every puzzle with a solution, each multiset once with its numbers ascending: 1,362 of the 1,820.
    pub fn puzzles(&self) -> Vec<Problem> {
        let mut all = Vec::new();
        for a in 1..=13 {
            for b in a..=13 {
                for c in b..=13 {
                    all.extend((c..=13).map(|d| Problem { numbers: vec![a, b, c, d], target: 24, rules: Rules::Rational }));
                }
            }
        }
        all.retain(|problem| self.solvable(problem));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Status};

    #[test]
    fn the_suite_has_1362_puzzles() {
        let env = Game24::configure(&Difficulty::default()).unwrap();
        assert_eq!(env.puzzles().len(), 1362);
    }

    #[test]
    fn the_oracle_equals_exhaustive_play() {
        fn is_won(env: &Game24, problem: &Problem, state: &super::super::Numbers) -> bool {
            let mut actions = Vec::new();
            env.actions(problem, state, &mut actions);
            env.status(problem, state) == Status::Solved || actions.iter().any(|action| is_won(env, problem, &env.apply(problem, state, action).unwrap()))
        }
        let env = Game24::configure(&Difficulty::default()).unwrap();
        for numbers in [[3, 3, 8, 8], [1, 5, 5, 5], [1, 1, 1, 1], [1, 3, 4, 6], [13, 13, 13, 13], [1, 1, 11, 11], [2, 3, 5, 12], [5, 5, 7, 11]] {
            let problem = Problem { numbers: numbers.to_vec(), target: 24, rules: Rules::Rational };
            assert_eq!(env.solvable(&problem), is_won(&env, &problem, &env.initial(&problem)), "{numbers:?}");
            assert_eq!(env.solvable(&problem), !env.solutions(&problem).is_empty(), "{numbers:?}");
        }
    }

    #[test]
    fn nothing_can_be_set() {
        assert!(Game24::configure(&Difficulty::sized(5)).is_err());
        let mut difficulty = Difficulty::default();
        difficulty.settings.insert("rules", "sos");
        assert!(Game24::configure(&difficulty).is_err());
    }
}
