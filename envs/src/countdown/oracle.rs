//! Exact answers by dynamic programming over subsets: which values each subset of the inputs can make, using all of it.
//!
//! This is for all values at once and for listing solutions; one question about one target goes to `label.rs` (rules `sos`, `subset`) or
//! `value.rs` (rules `rational`), which answer without building most of the sets.
//!
//! A subset's values come from its splits in two, the side with the lowest input first, so that no split is seen twice. The full set is
//! never built when one target is asked: its splits are probed instead.

use std::collections::BTreeSet;

use super::{Numbers, NumbersGame, Op, Preset, Problem, Rules, Value, label, value};
use crate::{Environment, Oracle, Status};

/// The distinct values that every proper subset of the inputs can make, indexed by bit mask.
#[derive(Clone, Debug)]
pub struct ReachableSets {
    values: Vec<Vec<i64>>,
    full: usize,
}

impl ReachableSets {
    /// Builds the sets of all proper subsets of `numbers` (at most [`MAX_NUMBERS`](super::MAX_NUMBERS) of them).
    pub fn new(numbers: &[i64]) -> Self {
        let full = (1 << numbers.len()) - 1;
        let mut sets = Self { values: vec![Vec::new(); full + 1], full };
        for mask in 1..full {
            let set = sets.build(mask, numbers);
            sets.values[mask] = set;
        }
        if numbers.len() == 1 {
            sets.values[full] = numbers.to_vec();
        }
        sets
    }

    /// All values that the whole set of inputs can make, ascending.
    pub fn all_values(&self) -> Vec<i64> {
        if self.full == 1 {
            return self.values[1].clone();
        }
        let mut set = Vec::new();
        self.combine_splits(self.full, &mut set);
        set.sort_unstable();
        set.dedup();
        set
    }

    /// Whether the whole set of inputs can make `target`.
    pub fn reaches(&self, target: i64) -> bool {
        if self.full == 1 {
            return self.values[1] == [target];
        }
        splits(self.full).any(|(one, other)| {
            let (one, other) = (&self.values[one], &self.values[other]);
            one.iter().any(|x| other.iter().any(|y| pair_results(*x, *y).contains(&Some(target))))
        })
    }

    fn build(&self, mask: usize, numbers: &[i64]) -> Vec<i64> {
        if mask.is_power_of_two() {
            return vec![numbers[mask.trailing_zeros() as usize]];
        }
        let mut set = Vec::new();
        self.combine_splits(mask, &mut set);
        set.sort_unstable();
        set.dedup();
        set
    }

    fn combine_splits(&self, mask: usize, out: &mut Vec<i64>) {
        for (one, other) in splits(mask) {
            for x in &self.values[one] {
                for y in &self.values[other] {
                    out.extend(pair_results(*x, *y).into_iter().flatten());
                }
            }
        }
    }

    /// Appends every expression over `mask` that makes `target`, commutative variants once.
    fn expressions(&self, mask: usize, target: i64, out: &mut BTreeSet<String>) {
        if mask.is_power_of_two() {
            if self.values[mask] == [target] {
                out.insert(target.to_string());
            }
            return;
        }
        for (one, other) in splits(mask) {
            for x in &self.values[one] {
                for y in &self.values[other] {
                    for (op, left, right) in pair_operations(*x, *y) {
                        if op.apply(left, right) == Some(target) {
                            let (left_mask, right_mask) = if left == *x { (one, other) } else { (other, one) };
                            self.joined(op, (left_mask, left), (right_mask, right), out);
                        }
                    }
                }
            }
        }
    }

    fn joined(&self, op: Op, left: (usize, i64), right: (usize, i64), out: &mut BTreeSet<String>) {
        let (mut lefts, mut rights) = (BTreeSet::new(), BTreeSet::new());
        self.expressions(left.0, left.1, &mut lefts);
        self.expressions(right.0, right.1, &mut rights);
        for a in &lefts {
            for b in &rights {
                let is_commutative = matches!(op, Op::Add | Op::Multiply);
                let (a, b) = if is_commutative && b < a { (b, a) } else { (a, b) };
                out.insert(format!("({a}{}{b})", op.sign()));
            }
        }
    }
}

/// The splits of a mask in two non-empty parts, each once: the first part keeps the lowest bit.
pub(super) fn splits(mask: usize) -> impl Iterator<Item = (usize, usize)> {
    let lowest = mask & mask.wrapping_neg();
    let rest = mask ^ lowest;
    let mut part = rest;
    let mut is_done = rest == 0;
    std::iter::from_fn(move || {
        while !is_done {
            let other = part;
            is_done = part == 0;
            part = part.wrapping_sub(1) & rest;
            if other != 0 {
                return Some((mask ^ other, other));
            }
        }
        None
    })
}

/// The legal operations on two values.
fn pair_operations(x: i64, y: i64) -> [(Op, i64, i64); 4] {
    let (larger, smaller) = (x.max(y), x.min(y));
    [(Op::Add, x, y), (Op::Multiply, x, y), (Op::Subtract, larger, smaller), (Op::Divide, larger, smaller)]
}

/// What two values can make in one operation.
fn pair_results(x: i64, y: i64) -> [Option<i64>; 4] {
    pair_operations(x, y).map(|(op, left, right)| op.apply(left, right))
}

impl<P: Preset> NumbersGame<P> {
    /// Every solution of the problem as an expression with parentheses, sorted; commutative variants count once.
    ///
    /// Grows quickly with the number of inputs: six numbers can have thousands, and under other rules than `sos` all play is walked.
    pub fn solutions(&self, problem: &Problem) -> Vec<String> {
        let numbers = self.initial(problem);
        let mut out = BTreeSet::new();
        if problem.rules == Rules::Sos {
            let sets = ReachableSets::new(numbers.as_slice());
            sets.expressions(sets.full, i64::from(problem.target), &mut out);
        } else {
            let texts = problem.numbers.iter().map(u32::to_string).collect();
            self.walk(problem, &numbers, texts, &mut out);
        }
        out.into_iter().collect()
    }

    /// Adds the expressions of all solved states below `state`, whose numbers were made as `texts`.
    fn walk(&self, problem: &Problem, state: &Numbers, texts: Vec<String>, out: &mut BTreeSet<String>) {
        if self.status(problem, state) == Status::Solved {
            let solved = state.values().zip(&texts).filter(|(value, _)| *value == Value::whole(i64::from(problem.target)));
            out.extend(solved.map(|(_, text)| text.clone()));
            return;
        }
        let mut actions = Vec::new();
        self.actions(problem, state, &mut actions);
        for action in actions {
            let Ok(next) = self.apply(problem, state, &action) else { continue };
            let (left, right) = (usize::from(action.left), usize::from(action.right));
            let (mut a, mut b) = (&texts[left], &texts[right]);
            if matches!(action.op, Op::Add | Op::Multiply) && b < a {
                (a, b) = (b, a);
            }
            let joined = format!("({a}{}{b})", action.op.sign());
            let kept = texts.iter().enumerate().filter(|(position, _)| *position != left && *position != right).map(|(_, text)| text.clone());
            self.walk(problem, &next, kept.chain([joined]).collect(), out);
        }
    }

    /// Whether the numbers of a state can still make the target.
    pub fn solvable_from(&self, problem: &Problem, state: &Numbers) -> bool {
        self.least_numbers(problem, state).is_some()
    }

    /// How many numbers of a state the shortest solution uses.
    fn least_numbers(&self, problem: &Problem, state: &Numbers) -> Option<u32> {
        let target = i64::from(problem.target);
        let all = u32::from(state.len);
        match problem.rules {
            Rules::Sos => label::reaches(state.as_slice(), target).then_some(all),
            Rules::Rational => {
                let mut values = [Value::whole(0); super::MAX_NUMBERS];
                values.iter_mut().zip(state.values()).for_each(|(slot, value)| *slot = value);
                value::reaches(&values[..usize::from(state.len)], Value::whole(target)).then_some(all)
            }
            Rules::Subset => (1..=all).find(|size| (1..1_usize << all).any(|mask| mask.count_ones() == *size && part_reaches(state, mask, target))),
        }
    }
}

/// Whether the numbers of a mask make the target.
fn part_reaches(state: &Numbers, mask: usize, target: i64) -> bool {
    let (mut part, mut len) = ([0; super::MAX_NUMBERS], 0);
    for (position, value) in state.as_slice().iter().enumerate() {
        if mask >> position & 1 == 1 {
            part[len] = *value;
            len += 1;
        }
    }
    label::reaches(&part[..len], target)
}

impl<P: Preset> Oracle for NumbersGame<P> {
    fn solvable(&self, problem: &Problem) -> bool {
        self.solvable_from(problem, &self.initial(problem))
    }

    /// Every plan has one operation less than the numbers that it uses.
    fn optimal_cost(&self, problem: &Problem) -> Option<u32> {
        Some(self.least_numbers(problem, &self.initial(problem))? - 1)
    }

    /// Expressions, commutative variants once; settled for up to five numbers.
    fn num_answers(&self, problem: &Problem, limit: usize) -> Option<usize> {
        (problem.numbers.len() <= 5).then(|| self.solutions(problem).len().min(limit))
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::{Difficulty, SeedTree, countdown::Countdown, oracle::random_policy_value};

    fn brute_force(env: &Countdown, problem: &Problem, state: &Numbers) -> bool {
        let mut actions = Vec::new();
        env.actions(problem, state, &mut actions);
        env.status(problem, state) == Status::Solved || actions.iter().any(|action| brute_force(env, problem, &env.apply(problem, state, action).unwrap()))
    }

    #[test]
    fn subset_dynamic_programming_equals_brute_force() {
        let env = Countdown::configure(&Difficulty::sized(4)).unwrap();
        let mut rng = SeedTree::root(1).stream(0);
        for _ in 0..400 {
            let numbers: Vec<u32> = (0..rng.random_range(1..=4)).map(|_| rng.random_range(0..=12)).collect();
            let mut problem = Problem { numbers, target: rng.random_range(0..=60), rules: Rules::Rational };
            assert_eq!(env.solvable(&problem), brute_force(&env, &problem, &env.initial(&problem)), "{problem:?}");
            problem.rules = Rules::Subset;
            assert_eq!(env.solvable(&problem), brute_force(&env, &problem, &env.initial(&problem)), "{problem:?}");
            assert_eq!(env.solvable(&problem), !env.solutions(&problem).is_empty(), "{problem:?}");
            problem.rules = Rules::Sos;
            let expected = brute_force(&env, &problem, &env.initial(&problem));
            assert_eq!(env.solvable(&problem), expected, "{problem:?}");
            assert_eq!(!env.solutions(&problem).is_empty(), expected, "{problem:?}");
            let sets = ReachableSets::new(env.initial(&problem).as_slice());
            assert_eq!(sets.all_values().contains(&i64::from(problem.target)), expected, "{problem:?}");
        }
    }

    #[test]
    fn solutions_are_listed_once_each() {
        let env = Countdown::configure(&Difficulty::sized(3)).unwrap();
        let problem = Problem { numbers: vec![3, 5, 9], target: 24, rules: Rules::Sos };
        assert_eq!(env.solutions(&problem), ["((3*5)+9)"]);
        let problem = Problem { numbers: vec![2, 2], target: 4, rules: Rules::Sos };
        assert_eq!(env.solutions(&problem), ["(2*2)", "(2+2)"]);
    }

    #[test]
    fn random_play_solves_what_the_reference_table_says() {
        // Published floors for target-first problems: 8.8 % for three numbers; 300 problems give a standard error below 1 point.
        let env = Countdown::configure(&Difficulty::sized(3)).unwrap();
        let seeds = SeedTree::root(3);
        let mean = (0..300)
            .map(|index| {
                let problem = env.generate(&mut seeds.stream(index));
                random_policy_value(&env, &problem, &env.initial(&problem), 2)
            })
            .sum::<f64>()
            / 300.0;
        assert!((0.06..0.12).contains(&mean), "{mean}");
    }
}
