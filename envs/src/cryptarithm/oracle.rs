//! Exact counting of assignments, column by column; the digit of a result is forced once its column is known.

use super::{Cryptarithm, MAX_LETTERS, Problem};
use crate::Oracle;

impl Cryptarithm {
    /// The number of solutions, counted up to `limit`; at most 10! assignments are walked, in practice a few thousand.
    pub fn solutions(&self, problem: &Problem, limit: usize) -> usize {
        let mut digits = [0; MAX_LETTERS];
        Count { problem, limit }.below(&mut digits, 0, (0, 0))
    }
}

struct Count<'a> {
    problem: &'a Problem,
    limit: usize,
}

impl Count<'_> {
    /// Solutions with the first `len` digits as given, where the columns below `column` add up and leave `carry`.
    fn below(&self, digits: &mut [u8; MAX_LETTERS], len: usize, (mut column, mut carry): (usize, u64)) -> usize {
        let columns = self.problem.columns();
        while let Some((addends, result)) = columns.get(column) {
            let is_known = |place: &u8| usize::from(*place) < len;
            if !addends.iter().all(is_known) {
                break;
            }
            let sum = carry + addends.iter().map(|place| u64::from(digits[usize::from(*place)])).sum::<u64>();
            let wanted = match result {
                // The digit of the result is forced.
                Some(place) if !is_known(place) => {
                    let digit = (sum % 10) as u8;
                    if !self.problem.allows(&digits[..len], digit) {
                        return 0;
                    }
                    digits[len] = digit;
                    return self.below(digits, len + 1, (column + 1, sum / 10));
                }
                Some(place) => u64::from(digits[usize::from(*place)]),
                None => 0,
            };
            if sum % 10 != wanted {
                return 0;
            }
            (column, carry) = (column + 1, sum / 10);
        }
        if column == columns.len() {
            return usize::from(carry == 0);
        }
        let mut found = 0;
        for digit in 0..10 {
            if found < self.limit && self.problem.allows(&digits[..len], digit) {
                digits[len] = digit;
                found += self.below(digits, len + 1, (column, carry));
            }
        }
        found
    }
}

impl Oracle for Cryptarithm {
    /// The number of letters.
    fn optimal_cost(&self, problem: &Problem) -> Option<u32> {
        (self.solutions(problem, 1) == 1).then(|| problem.letters().len() as u32)
    }

    /// Assignments.
    fn num_answers(&self, problem: &Problem, limit: usize) -> Option<usize> {
        Some(self.solutions(problem, limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Difficulty, Environment, Notation};

    /// Every assignment of different digits, judged by the value of the words alone.
    fn brute_force(problem: &Problem, digits: &mut Vec<u8>) -> usize {
        if digits.len() == problem.letters().len() {
            let (sum, result) = problem.values(digits);
            return usize::from(sum == result);
        }
        let mut found = 0;
        for digit in 0..10 {
            if problem.allows(digits, digit) {
                digits.push(digit);
                found += brute_force(problem, digits);
                digits.pop();
            }
        }
        found
    }

    #[test]
    fn column_checks_lose_no_solution() {
        let env = Cryptarithm::configure(&Difficulty::default()).unwrap();
        for text in ["AB+BA=CC", "TO+GO=OUT", "A+B=C", "AA+A=BC", "AB+C=DE", "ABC+D=EF", "A+A=A"] {
            let problem = env.read_problem(text).unwrap();
            assert_eq!(env.solutions(&problem, usize::MAX), brute_force(&problem, &mut Vec::new()), "{text}");
        }
    }
}
