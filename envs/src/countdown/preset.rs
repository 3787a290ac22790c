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

/// Lists of numbers times targets that are looked at one by one; beyond, problems are drawn.
const MOST_LISTED: u64 = 2_000_000;

/// Every solvable problem of a game, the numbers ascending: 1,362 of the 1,820 of the game of 24. `None` where there are too many to look at.
pub(super) fn problems<P: Preset>(env: &NumbersGame<P>) -> Option<Vec<Problem>> {
    let mut lists: Vec<Vec<u32>> = vec![Vec::new()];
    for _ in 0..env.size {
        let longer =
            |list: &Vec<u32>| (list.last().copied().unwrap_or(1)..=env.max_number).map(|number| [list.as_slice(), &[number]].concat()).collect::<Vec<_>>();
        // Lists only grow in number, so that the bound ends this early.
        let num_next: u64 = lists.iter().map(|list| u64::from(env.max_number - list.last().copied().unwrap_or(1) + 1)).sum();
        if num_next.saturating_mul(env.targets.len() as u64) > MOST_LISTED {
            return None;
        }
        lists = lists.iter().flat_map(longer).collect();
    }
    let all = lists.iter().flat_map(|numbers| env.targets.iter().map(|&target| Problem { numbers: numbers.clone(), target, rules: env.rules }));
    Some(all.filter(|problem| env.solvable(problem)).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Canonical, Environment, SeedTree, Settings, Status};

    #[test]
    fn the_suite_has_1362_puzzles() {
        let env = Game24::configure(&Difficulty::default()).unwrap();
        let puzzles = env.problems().unwrap();
        let keys: BTreeSet<String> = puzzles.iter().map(|puzzle| env.canonical_key(puzzle)).collect();
        assert_eq!((puzzles.len(), keys.len()), (1362, 1362));
        assert!(puzzles.iter().any(|puzzle| puzzle.numbers == [4, 4, 4, 4]), "what is drawn once in 28,561 times is listed");
    }

    #[test]
    fn small_games_are_listed_and_draws_are_among_what_is_listed() {
        let difficulty = Difficulty { size: Some("3".into()), settings: Settings::default().with("max_number", 5).with("max_target", 14) };
        let env = Countdown::configure(&difficulty).unwrap();
        let listed: BTreeSet<String> = env.problems().unwrap().iter().map(|problem| env.canonical_key(problem)).collect();
        let seeds = SeedTree::root(1);
        let drawn: BTreeSet<String> = (0..5000).map(|index| env.canonical_key(&env.generate(&mut seeds.stream(index)))).collect();
        assert_eq!(listed, drawn);
        assert!(Countdown::configure(&Difficulty::default()).unwrap().problems().is_none(), "4 numbers up to 99 are too many");
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
