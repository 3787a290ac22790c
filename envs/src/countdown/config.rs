//! Settings of Countdown and the draw of a problem.

use std::marker::PhantomData;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{MAX_INPUT, MAX_NUMBERS, MAX_TARGET, NumbersGame, Preset, Problem, Rules};
use crate::{Difficulty, Oracle, SeedTree, SettingError};

/// Draws of the numbers for one target before another target is drawn.
const DRAWS_PER_TARGET: usize = 10_000;

pub(super) fn configure<P: Preset>(difficulty: &Difficulty) -> Result<NumbersGame<P>, SettingError> {
    let settings = &difficulty.settings;
    settings.only(&["rules", "max_number", "min_target", "max_target", "exclude_targets", "only_targets"])?;
    let rules = Rules::from_name(settings.choice("rules", &Rules::NAMES, Rules::NAMES[0])?).unwrap_or_default();
    let size = difficulty.size_within(3..=MAX_NUMBERS, 4)?;
    let max_number = settings.number("max_number", 1..=MAX_INPUT, 99)?;
    let min_target = settings.number("min_target", 0..=MAX_TARGET, 10)?;
    let max_target = settings.number("max_target", min_target..=MAX_TARGET, min_target.max(100))?;
    let mut targets = match target_list(difficulty, "only_targets")? {
        Some(only) => only,
        None => (min_target..=max_target).collect(),
    };
    if let Some(excluded) = target_list(difficulty, "exclude_targets")? {
        targets.retain(|target| excluded.binary_search(target).is_err());
    }
    let env = NumbersGame { size, max_number, targets, rules, preset: PhantomData };
    if env.targets.is_empty() || !has_solvable_draw(&env) {
        return Err(SettingError::Value {
            name: "targets".into(),
            value: format!("{min_target}..={max_target}"),
            expected: format!("targets that {size} numbers from 1 to {max_number} can reach, not all excluded"),
        });
    }
    Ok(env)
}

/// Draws the target first and then numbers until they solve it, as Stream of Search does; a target that resists is drawn anew.
pub(super) fn generate<P: Preset>(env: &NumbersGame<P>, rng: &mut ChaCha8Rng) -> Problem {
    loop {
        let mut problem = Problem { numbers: vec![0; env.size], target: 0, rules: env.rules };
        problem.target = env.targets[rng.random_range(0..env.targets.len())];
        for _ in 0..DRAWS_PER_TARGET {
            problem.numbers.fill_with(|| rng.random_range(1..=env.max_number));
            if env.solvable(&problem) {
                return problem;
            }
        }
    }
}

/// Whether a fixed sample of draws holds a solvable problem, so that [`generate`] ends.
fn has_solvable_draw<P: Preset>(env: &NumbersGame<P>) -> bool {
    let mut rng = SeedTree::root(0).child("countdown feasibility").stream(0);
    (0..20 * DRAWS_PER_TARGET).any(|_| {
        let target = env.targets[rng.random_range(0..env.targets.len())];
        let numbers = (0..env.size).map(|_| rng.random_range(1..=env.max_number)).collect();
        env.solvable(&Problem { numbers, target, rules: env.rules })
    })
}

/// A comma-separated setting of targets, sorted.
fn target_list(difficulty: &Difficulty, name: &str) -> Result<Option<Vec<u32>>, SettingError> {
    let Some(text) = difficulty.settings.get(name) else { return Ok(None) };
    let parsed: Result<Vec<u32>, _> = text.split(',').filter(|part| !part.is_empty()).map(|part| part.trim().parse::<u32>()).collect();
    match parsed {
        Ok(mut targets) if targets.iter().all(|target| *target <= MAX_TARGET) => {
            targets.sort_unstable();
            targets.dedup();
            Ok(Some(targets))
        }
        _ => Err(SettingError::Value { name: name.into(), value: text.into(), expected: format!("targets up to {MAX_TARGET}, comma-separated") }),
    }
}
