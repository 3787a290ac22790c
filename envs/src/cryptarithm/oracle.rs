//! Exact counting of assignments by the same column checks as the environment's own.

use super::{Cryptarithm, MAX_LETTERS, Problem};
use crate::Oracle;

impl Cryptarithm {
    /// The number of solutions, counted up to `limit`; at most 10! assignments are walked, in practice a few thousand.
    pub fn solutions(&self, problem: &Problem, limit: usize) -> usize {
        let mut digits = [0; MAX_LETTERS];
        count(problem, &mut digits, 0, limit)
    }
}

fn count(problem: &Problem, digits: &mut [u8; MAX_LETTERS], len: usize, limit: usize) -> usize {
    if problem.mismatch(&digits[..len]).is_some() {
        return 0;
    }
    if len == problem.letters().len() {
        return 1;
    }
    let mut found = 0;
    for digit in 0..10 {
        if found < limit && problem.allows(&digits[..len], digit) {
            digits[len] = digit;
            found += count(problem, digits, len + 1, limit - found);
        }
    }
    found
}

impl Oracle for Cryptarithm {
    /// The number of letters.
    fn optimal_cost(&self, problem: &Problem) -> Option<u32> {
        (self.solutions(problem, 1) == 1).then(|| problem.letters().len() as u32)
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
