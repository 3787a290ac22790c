//! Settings of arithmetic and the draw of a problem of each kind.

use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::{
    Definition, Expression, Graph, Operation, Problem, Sheet, Term,
    graph::{MAX_MODULUS, MAX_QUANTITIES},
    order::{MAX_OPERANDS, MAX_VALUE, apply},
};
use crate::{Difficulty, SettingError, countdown::Op};

/// Expressions drawn until one has orders of evaluation with different values.
const EXPRESSIONS: usize = 100;
const KINDS: &[&str] = &["add", "sub", "mul", "div", "order", "graph"];

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Config {
    /// A sheet with operands of so many digits.
    Sheet { operation: Operation, digits: u32, second: u32 },
    /// An expression.
    Order { operands: usize, max_number: i64 },
    /// A graph of which `extra` quantities are not needed.
    Graph { quantities: usize, extra: usize, modulus: u32 },
}

impl Config {
    pub(super) fn largest_input(&self) -> u32 {
        match self {
            Self::Sheet { digits, second, .. } => 10_u32.pow(*digits.max(second)) - 1,
            Self::Order { max_number, .. } => *max_number as u32,
            Self::Graph { modulus, .. } => *modulus,
        }
    }
}

pub(super) fn configure(difficulty: &Difficulty) -> Result<Config, SettingError> {
    let settings = &difficulty.settings;
    let kind = settings.choice("kind", KINDS, "add")?;
    match kind {
        "order" => {
            settings.only(&["kind", "max_number"])?;
            Ok(Config::Order { operands: difficulty.size_within(3..=MAX_OPERANDS, 5)?, max_number: settings.number("max_number", 1..=MAX_VALUE, 9)? })
        }
        "graph" => {
            settings.only(&["kind", "modulus", "extra"])?;
            let quantities = difficulty.size_within(3..=MAX_QUANTITIES, 8)?;
            let modulus = settings.number("modulus", 2..=MAX_MODULUS, 23)?;
            if !(2..modulus).all(|divisor| !modulus.is_multiple_of(divisor)) {
                return Err(SettingError::Value { name: "modulus".into(), value: modulus.to_string(), expected: "a prime".into() });
            }
            Ok(Config::Graph { quantities, extra: settings.number("extra", 0..=quantities - 2, quantities / 3)?, modulus })
        }
        _ => {
            settings.only(&["kind", "second"])?;
            let digits = difficulty.size_within(1..=9, 3)? as u32;
            let operation = match kind {
                "sub" => Operation::Sub,
                "mul" => Operation::Mul,
                "div" => Operation::Div,
                _ => Operation::Add,
            };
            let default = if operation == Operation::Div { digits.div_ceil(2) } else { digits };
            let largest = if operation == Operation::Sub { digits } else { 9 };
            Ok(Config::Sheet { operation, digits, second: settings.number("second", 1..=largest, default)? })
        }
    }
}

pub(super) fn generate(config: &Config, rng: &mut ChaCha8Rng) -> Problem {
    match *config {
        Config::Sheet { operation, digits, second } => sheet(operation, digits, second, rng),
        Config::Order { operands, max_number } => Problem::Order(expression(operands, max_number, rng)),
        Config::Graph { quantities, extra, modulus } => Problem::Graph(graph(quantities, extra, modulus, rng)),
    }
}

fn sheet(operation: Operation, digits: u32, second: u32, rng: &mut ChaCha8Rng) -> Problem {
    let mut number = |digits: u32| rng.random_range(if digits == 1 { 1 } else { 10_u64.pow(digits - 1) }..10_u64.pow(digits));
    let (mut a, mut b) = (number(digits), number(second));
    if operation == Operation::Sub && a < b {
        (a, b) = (b, a);
    }
    Problem::from_sheet(Sheet { operation, a, b })
}

/// The target is the value of a random legal order of evaluation; expressions whose orders all agree are drawn anew.
fn expression(operands: usize, max_number: i64, rng: &mut ChaCha8Rng) -> Expression {
    let mut drawn = Expression { operands: vec![1; operands], operators: vec![Op::Add; operands - 1], target: operands as i64 };
    for _ in 0..EXPRESSIONS {
        drawn.operands.fill_with(|| rng.random_range(1..=max_number));
        drawn.operators.fill_with(|| Op::ALL[rng.random_range(0..4)]);
        let Some(target) = random_value(&drawn, rng) else { continue };
        drawn.target = target;
        if drawn.all_values().len() > 1 {
            return drawn;
        }
    }
    Expression { operands: vec![1; operands], operators: vec![Op::Add; operands - 1], target: operands as i64 }
}

/// The value of a random order of evaluation; `None` where it meets a division that is not exact.
fn random_value(expression: &Expression, rng: &mut ChaCha8Rng) -> Option<i64> {
    let (mut values, mut operators) = (expression.operands.clone(), expression.operators.clone());
    while !operators.is_empty() {
        let place = rng.random_range(0..operators.len());
        let right = values.remove(place + 1);
        values[place] = apply(operators.remove(place), values[place], right)?;
    }
    values.first().copied()
}

/// A chain of needed quantities, each of which uses the one before or adds a further needed one, and others that only hang on to them.
fn graph(quantities: usize, extra: usize, modulus: u32, rng: &mut ChaCha8Rng) -> Graph {
    let mut letters: Vec<char> = ('a'..='z').collect();
    letters.shuffle(rng);
    let needed = quantities - extra;
    let mut definitions: Vec<Definition> = Vec::with_capacity(quantities);
    // Quantities that no later definition uses yet; the last needed one has to join them all.
    let mut loose: Vec<char> = Vec::new();
    for (index, &name) in letters[..quantities].iter().enumerate() {
        let is_needed = index < needed;
        let op = [Op::Add, Op::Subtract, Op::Multiply][rng.random_range(0..3)];
        let number = Term::Number(rng.random_range(1..modulus.max(2)) as u8);
        // Every loose end beyond the first costs one joining definition, so a new leaf needs room for its own join.
        let has_room = needed.saturating_sub(index + 1) > loose.len();
        let is_leaf = index == 0 || (is_needed && has_room && rng.random_range(0..3) == 0) || (!is_needed && rng.random_range(0..4) == 0);
        let (first, second) = if is_leaf {
            (number, None)
        } else if is_needed {
            let first = Term::Quantity(loose.swap_remove(rng.random_range(0..loose.len())));
            let is_join = !loose.is_empty() && (!has_room || rng.random_range(0..2) == 0);
            let second = if is_join { Term::Quantity(loose.swap_remove(rng.random_range(0..loose.len()))) } else { number };
            (first, Some((op, second)))
        } else {
            let first = Term::Quantity(letters[rng.random_range(0..index)]);
            let second = if rng.random_range(0..2) == 0 { Term::Quantity(letters[rng.random_range(0..index)]) } else { number };
            (first, Some((op, second)))
        };
        if is_needed {
            loose.push(name);
        }
        definitions.push(Definition { name, first, second });
    }
    definitions.shuffle(rng);
    Graph { modulus, definitions, query: letters[needed - 1] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Environment, Oracle, SeedTree, arithmetic::Arithmetic};

    fn configured(kind: &str, size: usize) -> Arithmetic {
        let mut difficulty = Difficulty::sized(size);
        difficulty.settings.insert("kind", kind);
        Arithmetic::configure(&difficulty).unwrap()
    }

    #[test]
    fn graphs_need_all_but_the_extra_quantities() {
        let seeds = SeedTree::root(3);
        for size in 3..=26 {
            let env = configured("graph", size);
            for index in 0..40 {
                let problem = env.generate(&mut seeds.stream(index));
                assert_eq!(env.optimal_cost(&problem), Some((size - size / 3) as u32), "{problem:?}");
            }
        }
    }

    #[test]
    fn expressions_have_a_wrong_order_too() {
        let seeds = SeedTree::root(3);
        for size in 3..=8 {
            let env = configured("order", size);
            for index in 0..40 {
                let Problem::Order(expression) = env.generate(&mut seeds.stream(index)) else { panic!("another kind") };
                assert!(expression.all_values().contains(&expression.target) && expression.all_values().len() > 1);
            }
        }
    }

    #[test]
    fn settings_of_other_kinds_are_refused() {
        for (kind, name, value) in
            [("add", "modulus", "23"), ("graph", "second", "2"), ("order", "extra", "1"), ("graph", "modulus", "24"), ("sub", "second", "4")]
        {
            let mut difficulty = Difficulty::default();
            difficulty.settings.insert("kind", kind);
            difficulty.settings.insert(name, value);
            assert!(Arithmetic::configure(&difficulty).is_err(), "{kind} {name}={value}");
        }
    }
}
