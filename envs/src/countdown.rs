//! Countdown: combine numbers with `+ - * /` until the target is reached.
//!
//! A state is a list of numbers; an action replaces two of them by the result of one operation, appended at the end. Under the
//! default rules (`sos`, those of Stream of Search) every number must be used, subtraction is larger minus smaller, division must be
//! exact with a divisor other than 0, and so every intermediate value is a non-negative integer; 0 is allowed. Children come in
//! Stream of Search's order: pairs `i < j`, and per pair `+`, `*`, `-`, `/`. Under `rational` any exact fraction may occur, negative ones
//! too, and both orders of `-` and `/` are children; under `subset` the arithmetic is that of `sos` and numbers may be left out.

mod config;
mod label;
mod notation;
mod numbers;
mod oracle;
mod preset;
mod value;

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use rand_chacha::ChaCha8Rng;

use crate::{Canonical, Difficulty, Environment, Facet, Heuristic, IllegalAction, SettingError, Status};
pub use numbers::{Combine, Numbers, Op};
pub use oracle::ReachableSets;
pub use preset::{Game24, Preset, Standard, TwentyFour};
pub use value::Value;

/// The most numbers of a problem.
pub const MAX_NUMBERS: usize = 6;
/// The largest input number; the product of [`MAX_NUMBERS`] of them still fits an `i64`.
pub const MAX_INPUT: u32 = 999;
/// The largest target.
pub const MAX_TARGET: u32 = 1_000_000;

/// Which operations are legal and which numbers must be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rules {
    /// Stream of Search: every number used once, larger minus smaller, exact division, non-negative integers.
    #[default]
    Sos,
    /// Reasoning-gym and TinyZero: every number used once, any exact rational on the way.
    Rational,
    /// As `sos`, and numbers may be left out: the target anywhere in the state solves.
    Subset,
}

impl Rules {
    /// The rule sets by name, the default first.
    pub const NAMES: [&str; 3] = ["sos", "rational", "subset"];

    /// The name that `--set rules=` takes.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The rule set of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Sos, Self::Rational, Self::Subset].into_iter().find(|rules| rules.name() == name)
    }

    /// `left op right`; `None` where it is not allowed.
    #[inline]
    pub fn apply(self, op: Op, left: Value, right: Value) -> Option<Value> {
        match self {
            Self::Rational => left.apply(op, right),
            Self::Sos | Self::Subset => op.apply(left.num, right.num).map(Value::whole),
        }
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Numbers and the target to make of them: `{"numbers":[3,5,9],"target":24}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// One to six inputs, each at most [`MAX_INPUT`].
    pub numbers: Vec<u32>,
    /// The value to reach.
    pub target: u32,
    /// The rule set; left out where it is the default.
    #[serde(default, skip_serializing_if = "Rules::is_default")]
    pub rules: Rules,
}

/// A family of number games; made by [`Environment::configure`].
///
/// Settings of [`Countdown`]: `rules` (`sos`, `rational`, `subset`), `max_number` (99), `min_target` (10), `max_target` (100),
/// `exclude_targets` and `only_targets` (comma-separated). The size is how many numbers there are, 3 to 6 (4).
#[derive(Clone, Debug)]
pub struct NumbersGame<P> {
    size: usize,
    max_number: u32,
    targets: Vec<u32>,
    rules: Rules,
    preset: PhantomData<P>,
}

/// The environment `countdown`.
pub type Countdown = NumbersGame<Standard>;

const HEURISTICS: &[Heuristic] =
    &[Heuristic { name: "sum", is_admissible: false }, Heuristic { name: "mult", is_admissible: false }, Heuristic { name: "steps", is_admissible: true }];

impl<P: Preset> Environment for NumbersGame<P> {
    type Problem = Problem;
    type State = Numbers;
    type Action = Combine;

    const NAME: &'static str = P::NAME;

    fn configure(difficulty: &Difficulty) -> Result<Self, SettingError> {
        P::configure(difficulty)
    }

    /// Texts of an environment leave its own rules unsaid.
    fn at(&self, problem: &Problem) -> Option<Self> {
        (problem.rules != self.rules).then(|| Self {
            size: self.size,
            max_number: self.max_number,
            targets: self.targets.clone(),
            rules: problem.rules,
            preset: PhantomData,
        })
    }

    fn problems(&self) -> Option<Vec<Problem>> {
        preset::problems(self)
    }

    fn validate(&self, problem: &Problem) -> Result<(), String> {
        if problem.numbers.is_empty() || problem.numbers.len() > MAX_NUMBERS {
            return Err(format!("{} numbers are not allowed; expected 1 to {MAX_NUMBERS}", problem.numbers.len()));
        }
        if let Some(number) = problem.numbers.iter().find(|number| **number > MAX_INPUT) {
            return Err(format!("number {number} is not allowed; expected at most {MAX_INPUT}"));
        }
        if problem.target > MAX_TARGET {
            return Err(format!("target {} is not allowed; expected at most {MAX_TARGET}", problem.target));
        }
        Ok(())
    }

    fn generate(&self, rng: &mut ChaCha8Rng) -> Problem {
        config::generate(self, rng)
    }

    fn initial(&self, problem: &Problem) -> Numbers {
        let mut state = Numbers::EMPTY;
        for &number in problem.numbers.iter().take(MAX_NUMBERS) {
            state.push(Value::whole(i64::from(number)));
        }
        state
    }

    #[inline]
    fn status(&self, problem: &Problem, state: &Numbers) -> Status {
        let target = Value::whole(i64::from(problem.target));
        let is_solved = match problem.rules {
            Rules::Subset => state.as_slice().contains(&target.num),
            Rules::Sos | Rules::Rational => state.len == 1 && state.value(0) == Some(target),
        };
        match state.len {
            _ if is_solved => Status::Solved,
            0 | 1 => Status::DeadEnd,
            _ => Status::Open,
        }
    }

    #[inline]
    fn actions(&self, problem: &Problem, state: &Numbers, out: &mut Vec<Combine>) {
        match problem.rules {
            Rules::Sos => natural_actions(state, out),
            Rules::Subset if self.status(problem, state) == Status::Open => natural_actions(state, out),
            Rules::Subset => {}
            Rules::Rational => rational_actions(state, out),
        }
    }

    #[inline]
    fn apply(&self, problem: &Problem, state: &Numbers, action: &Combine) -> Result<Numbers, IllegalAction> {
        let (left, right) = (usize::from(action.left), usize::from(action.right));
        let result = match (state.value(left), state.value(right)) {
            (Some(a), Some(b)) if left != right => problem.rules.apply(action.op, a, b),
            _ => None,
        };
        let Some(result) = result else { return Err(refusal(state, action)) };
        Ok(state.combined(left, right, result))
    }

    fn heuristics(&self) -> &'static [Heuristic] {
        HEURISTICS
    }

    #[inline]
    fn heuristic(&self, index: usize, problem: &Problem, state: &Numbers) -> f64 {
        let target = i64::from(problem.target);
        match index {
            0 if problem.rules == Rules::Rational => {
                state.values().map(|value| (value.to_f64() - target as f64).abs()).sum::<f64>() / f64::from(state.len.max(1))
            }
            0 => state.as_slice().iter().map(|value| (value - target).abs()).sum::<i64>() as f64 / f64::from(state.len.max(1)),
            1 if state.is_whole() => state.as_slice().iter().map(|value| nearest_divisor_distance(*value, target)).sum::<i64>() as f64,
            1 => state.values().map(|value| nearest_divisor_distance(value.num / value.den, target)).sum::<i64>() as f64,
            _ => self.lower_bound(problem, state).map_or(f64::INFINITY, f64::from),
        }
    }

    /// `1 - |value - target| / target` of the value that is left, or of the nearest where a part of the numbers will do; 0 while others are left.
    fn closeness(&self, problem: &Problem, state: &Numbers) -> f64 {
        let target = f64::from(problem.target);
        let distances = state.values().map(|value| (value.to_f64() - target).abs());
        match (problem.rules, state.len) {
            (Rules::Sos | Rules::Rational, 2..) => 0.0,
            _ => (1.0 - distances.fold(f64::INFINITY, f64::min) / target.max(1.0)).clamp(0.0, 1.0),
        }
    }

    fn prune_threshold(&self, problem: &Problem) -> f64 {
        f64::from(problem.target)
    }

    fn lower_bound(&self, problem: &Problem, state: &Numbers) -> Option<u32> {
        match (self.status(problem, state), problem.rules) {
            (Status::DeadEnd, _) => None,
            (Status::Solved, _) => Some(0),
            (Status::Open, Rules::Subset) => Some(1),
            (Status::Open, _) => Some(u32::from(state.len) - 1),
        }
    }
}

/// The actions on non-negative integers.
fn natural_actions(state: &Numbers, out: &mut Vec<Combine>) {
    let values = state.as_slice();
    for i in 0..state.len {
        for j in i + 1..state.len {
            let (a, b) = (values[usize::from(i)], values[usize::from(j)]);
            let (large, small) = if a <= b { (j, i) } else { (i, j) };
            let (larger, smaller) = (a.max(b), a.min(b));
            out.push(Combine { left: i, op: Op::Add, right: j });
            out.push(Combine { left: i, op: Op::Multiply, right: j });
            out.push(Combine { left: large, op: Op::Subtract, right: small });
            if smaller != 0 && label::divide(larger, smaller).1 == 0 {
                out.push(Combine { left: large, op: Op::Divide, right: small });
            }
        }
    }
}

/// The actions on rationals: `-` and `/` in both orders, unless a divisor is 0.
fn rational_actions(state: &Numbers, out: &mut Vec<Combine>) {
    for i in 0..state.len {
        for j in i + 1..state.len {
            let pairs = [(i, Op::Add, j), (i, Op::Multiply, j), (i, Op::Subtract, j), (j, Op::Subtract, i), (i, Op::Divide, j), (j, Op::Divide, i)];
            let is_allowed = |op, right: u8| op != Op::Divide || state.as_slice()[usize::from(right)] != 0;
            out.extend(pairs.into_iter().filter(|(_, op, right)| is_allowed(*op, *right)).map(|(left, op, right)| Combine { left, op, right }));
        }
    }
}

impl<P: Preset> Canonical for NumbersGame<P> {
    /// The sorted numbers, the target and the rules where they are not the default: the order of the inputs is the only symmetry.
    fn canonical_key(&self, problem: &Problem) -> String {
        let mut numbers = problem.numbers.clone();
        numbers.sort_unstable();
        let mut key = String::from("countdown:");
        if !problem.rules.is_default() {
            key.push_str(problem.rules.name());
            key.push(':');
        }
        crate::digits::push_integer(&mut key, i64::from(problem.target));
        key.push(':');
        for (index, number) in numbers.iter().enumerate() {
            key.push_str(if index == 0 { "" } else { "," });
            crate::digits::push_integer(&mut key, i64::from(*number));
        }
        key
    }

    /// The sorted numbers alone.
    fn family_key(&self, problem: &Problem) -> String {
        let mut numbers = problem.numbers.clone();
        numbers.sort_unstable();
        format!("countdown:{numbers:?}")
    }

    /// The target; how many numbers; the sorted numbers as `3+5+9`.
    fn facet(&self, problem: &Problem, facet: Facet) -> Option<String> {
        Some(match facet {
            Facet::Target => problem.target.to_string(),
            Facet::Size => problem.numbers.len().to_string(),
            Facet::Set => {
                let mut numbers = problem.numbers.clone();
                numbers.sort_unstable();
                numbers.iter().map(u32::to_string).collect::<Vec<_>>().join("+")
            }
        })
    }

    /// The target, or one number, one more or one less.
    fn near_keys(&self, problem: &Problem) -> Vec<String> {
        let mut keys = Vec::with_capacity(2 * problem.numbers.len() + 2);
        let steps = |value: u32, least: u32| [value.checked_sub(1).filter(|value| *value >= least), value.checked_add(1)].into_iter().flatten();
        keys.extend(steps(problem.target, 0).map(|target| self.canonical_key(&Problem { target, ..problem.clone() })));
        for (place, number) in problem.numbers.iter().enumerate() {
            for number in steps(*number, 1) {
                let mut near = problem.clone();
                near.numbers[place] = number;
                keys.push(self.canonical_key(&near));
            }
        }
        keys
    }

    fn symmetries(&self, problem: &Problem) -> Vec<Problem> {
        (0..problem.numbers.len())
            .map(|turn| {
                let mut turned = problem.clone();
                turned.numbers.rotate_left(turn);
                turned
            })
            .collect()
    }
}

/// Why an action is refused.
#[cold]
fn refusal(state: &Numbers, action: &Combine) -> IllegalAction {
    let (left, right) = (usize::from(action.left), usize::from(action.right));
    let (Some(a), Some(b), true) = (state.value(left), state.value(right), left != right) else {
        return IllegalAction::new(format!("operands {left} and {right} are not two of {} numbers", state.len));
    };
    let (mut first, mut second) = (String::new(), String::new());
    notation::write_value(a, &mut first);
    notation::write_value(b, &mut second);
    IllegalAction::new(format!("{first}{}{second} is not allowed", action.op.sign()))
}

/// Distance of `value` to the nearest divisor of `target` that is at least 2, the target included (its own distance for targets below 2).
#[inline]
fn nearest_divisor_distance(value: i64, target: i64) -> i64 {
    if target < 2 || value >= target {
        return (value - target).abs();
    }
    if target < NEAREST_SIDE as i64 && value >= 0 {
        return i64::from(NEAREST[target as usize * NEAREST_SIDE + value as usize]);
    }
    let divides = |candidate: i64| candidate >= 2 && target % candidate == 0;
    (0..).find(|distance| divides(value - distance) || divides(value + distance)).expect("the target divides itself and lies above")
}

/// Targets below this have their distances in a table: the heuristic is asked for every child of every node.
const NEAREST_SIDE: usize = 101;

/// The distance of every value below a target, by target and value.
static NEAREST: [u8; NEAREST_SIDE * NEAREST_SIDE] = {
    let mut table = [0; NEAREST_SIDE * NEAREST_SIDE];
    let mut target = 2;
    while target < NEAREST_SIDE {
        let mut value = 0;
        while value < target {
            let (mut divisor, mut least) = (2, target);
            while divisor <= target {
                let distance = value.abs_diff(divisor);
                if target % divisor == 0 && distance < least {
                    least = distance;
                }
                divisor += 1;
            }
            table[target * NEAREST_SIDE + value] = least as u8;
            value += 1;
        }
        target += 1;
    }
    table
};

#[cfg(test)]
#[path = "countdown/tests.rs"]
mod tests;
