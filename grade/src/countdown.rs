//! Strict grading of Countdown expressions: exact arithmetic, each given number once, legal operations only.
//!
//! The grammar is decimal integers without leading zeros, `+ - * /`, parentheses and ASCII white space; nothing else. Under `rational` a
//! minus sign may also stand at the start of the text or of a parenthesis: it reaches no target that an expression without it cannot.
//! Under `sos` and `subset` every result on the way has to be what the environment allows, a non-negative integer.

mod expression;

use metacot_envs::countdown::{MAX_NUMBERS, Op, Problem, Rules};

use crate::{Fault, FaultKind, verdict::Texts};

/// A fraction, not reduced; the denominator may be negative and is never 0.
///
/// Each input enters a value once, so numerator and denominator are sums of products of distinct inputs and stay below 2^63.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ratio {
    num: i64,
    den: i64,
}

impl Ratio {
    const fn whole(num: i64) -> Self {
        Self { num, den: 1 }
    }

    fn equals(self, whole: i64) -> bool {
        i128::from(self.num) == i128::from(whole) * i128::from(self.den)
    }

    /// Appends it in lowest terms, as the environment writes values: `27`, `(-5)`, `(8/3)`.
    fn write(self, out: &mut String) {
        if self.den == 1 && self.num >= 0 {
            return metacot_envs::digits::push_integer(out, self.num);
        }
        let (mut a, mut b) = (self.num.unsigned_abs(), self.den.unsigned_abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let divisor = a.max(1) as i64 * self.den.signum();
        let (num, den) = (self.num / divisor, self.den / divisor);
        if den == 1 && num >= 0 {
            return metacot_envs::digits::push_integer(out, num);
        }
        out.push('(');
        metacot_envs::digits::push_integer(out, num);
        if den != 1 {
            out.push('/');
            metacot_envs::digits::push_integer(out, den);
        }
        out.push(')');
    }
}

/// An operation of an expression, with exact values.
#[derive(Clone, Copy, Debug)]
struct Step {
    left: Ratio,
    op: Op,
    right: Ratio,
    result: Ratio,
}

/// The outcome of grading one expression.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The first fault; `None` where the answer is right. A fault of syntax is named before any other.
    pub fault: Option<Fault>,
    steps: [Step; MAX_NUMBERS - 1],
    num_steps: usize,
    has_sign: bool,
}

impl Outcome {
    fn new() -> Self {
        let nothing = Step { left: Ratio::whole(0), op: Op::Add, right: Ratio::whole(0), result: Ratio::whole(0) };
        Self { fault: None, steps: [nothing; MAX_NUMBERS - 1], num_steps: 0, has_sign: false }
    }

    /// Whether the answer solves the problem under its rules.
    pub fn is_correct(&self) -> bool {
        self.fault.is_none()
    }

    /// The number of operations of a right answer.
    pub fn cost(&self) -> Option<u32> {
        self.is_correct().then_some(self.num_steps as u32)
    }

    /// Appends the operations in the order of evaluation, as the environment writes them (`3*9=27`). An expression with a sign in front of an
    /// operand has none: a sign is no action.
    pub fn write_plan(&self, out: &mut Texts) {
        for step in self.steps[..self.num_steps].iter().filter(|_| !self.has_sign) {
            out.push_with(|text| {
                step.left.write(text);
                text.push(step.op.sign());
                step.right.write(text);
                text.push('=');
                step.result.write(text);
            });
        }
    }
}

/// Grades an expression.
///
/// The problem has to lie within the limits of the environment (`Environment::validate`). Linear in the answer; allocates only for a
/// wrong answer's reason and where more than 64 parentheses stand open.
pub fn grade(problem: &Problem, answer: &[u8]) -> Outcome {
    let mut outcome = Outcome::new();
    let mut numbers = Hand { problem, used: 0 };
    let value = expression::evaluate(answer, &mut numbers, &mut outcome);
    outcome.fault = match value {
        Err(fault) => Some(fault),
        Ok(value) => numbers.missing().or_else(|| {
            let is_reached = value.equals(i64::from(problem.target));
            (!is_reached).then(|| {
                // By hand, as every other row of a sample of answers says it.
                let mut text = String::with_capacity(64);
                text.push_str("the value is ");
                value.write(&mut text);
                text.push_str(" instead of ");
                metacot_envs::digits::push_integer(&mut text, i64::from(problem.target));
                Fault::of(FaultKind::WrongAnswer, 0, text)
            })
        }),
    };
    outcome
}

/// Most digits of a number that a reason repeats.
const MAX_DIGITS: usize = 40;

/// The numbers of a problem, and which of them have been used.
struct Hand<'a> {
    problem: &'a Problem,
    used: u32,
}

impl Hand<'_> {
    /// Takes `number`, which stands at `place` in these `digits`.
    fn take(&mut self, number: u64, digits: &[u8], place: usize) -> Result<Ratio, Fault> {
        let mut numbers = self.problem.numbers.iter().take(MAX_NUMBERS).enumerate();
        match numbers.find(|(index, given)| u64::from(**given) == number && self.used >> index & 1 == 0) {
            Some((index, given)) => {
                self.used |= 1 << index;
                Ok(Ratio::whole(i64::from(*given)))
            }
            None if self.problem.numbers.iter().any(|given| u64::from(*given) == number) => {
                Err(Fault::of(FaultKind::Unavailable, place, format!("number {number} is used more often than it is given")))
            }
            None => {
                let (shown, rest) = digits.split_at(digits.len().min(MAX_DIGITS));
                let rest = if rest.is_empty() { String::new() } else { format!("… of {} digits", digits.len()) };
                Err(Fault::of(FaultKind::Unavailable, place, format!("number {}{rest} is not given", String::from_utf8_lossy(shown))))
            }
        }
    }

    fn missing(&self) -> Option<Fault> {
        if self.problem.rules == Rules::Subset {
            return None;
        }
        let (_, number) = self.problem.numbers.iter().enumerate().find(|(index, _)| self.used >> index & 1 == 0)?;
        Some(Fault::of(FaultKind::Missing, 0, format!("number {number} is not used")))
    }

    /// `left op right` under the rules; `place` is where a fault is reported.
    fn apply(&self, left: Ratio, op: Op, right: Ratio, place: usize) -> Result<Ratio, Fault> {
        if self.problem.rules != Rules::Rational {
            return op.apply(left.num, right.num).map(Ratio::whole).ok_or_else(|| {
                Fault::of(FaultKind::Illegal, place, format!("{}{}{} is not allowed: results are non-negative integers", left.num, op.sign(), right.num))
            });
        }
        let fraction = match op {
            Op::Add | Op::Subtract => {
                let (one, other) = (left.num.checked_mul(right.den), right.num.checked_mul(left.den));
                let sum = |(one, other): (i64, i64)| if op == Op::Add { one.checked_add(other) } else { one.checked_sub(other) };
                one.zip(other).and_then(sum).zip(left.den.checked_mul(right.den))
            }
            Op::Multiply => left.num.checked_mul(right.num).zip(left.den.checked_mul(right.den)),
            Op::Divide if right.num == 0 => return Err(Fault::new(FaultKind::Illegal, place, "a division by zero")),
            Op::Divide => left.num.checked_mul(right.den).zip(left.den.checked_mul(right.num)),
        };
        // Cannot happen for numbers within the limits of the environment, see `Ratio`.
        fraction.map(|(num, den)| Ratio { num, den }).ok_or(Fault::new(FaultKind::Illegal, place, "a value is too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn problem(numbers: &[u32], target: u32, rules: Rules) -> Problem {
        Problem { numbers: numbers.to_vec(), target, rules }
    }

    #[test]
    fn the_rules_decide() {
        for (numbers, target, answer, sos, rational, subset) in [
            (&[3, 5, 9][..], 24, "3*5+9", true, true, true),
            (&[3, 5, 9], 24, "9 + (5*3)", true, true, true),
            (&[3, 5, 9], 17, "3 + 9 + 5", true, true, true),
            (&[3, 3, 8, 8], 24, "8/(3-8/3)", false, true, false),
            (&[3, 5, 9], 7, "3-5+9", false, true, false),
            (&[3, 5, 9], 7, "9-5+3", true, true, true),
            (&[3, 5, 9], 7, "-5+3+9", false, true, false),
            (&[3, 5, 9], 14, "5+9", false, false, true),
            (&[3, 5, 9], 9, "9", false, false, true),
            (&[7], 7, "((7))", true, true, true),
            (&[6, 3, 2], 1, "6/3/2", true, true, true),
            (&[0, 5, 4], 4, "0/5+4", false, true, false),
            (&[0, 5, 4], 4, "5*0+4", true, true, true),
            (&[999, 999, 999, 999, 999, 999], 1, "999*999*999/(999*999*999)", true, true, true),
        ] {
            for (rules, expected) in [(Rules::Sos, sos), (Rules::Rational, rational), (Rules::Subset, subset)] {
                let outcome = grade(&problem(numbers, target, rules), answer.as_bytes());
                assert_eq!(outcome.is_correct(), expected, "{answer} under {rules:?}: {:?}", outcome.fault);
            }
        }
    }

    #[test]
    fn plans_are_written_as_the_environment_writes_them() {
        let mut plan = Texts::default();
        grade(&problem(&[3, 3, 8, 8], 24, Rules::Rational), b"8/(3-8/3)").write_plan(&mut plan);
        assert_eq!(plan.iter().collect::<Vec<_>>(), ["8/3=(8/3)", "3-(8/3)=(1/3)", "8/(1/3)=24"]);
    }

    #[test]
    fn faults_are_named() {
        let problem = problem(&[3, 5, 9], 24, Rules::Sos);
        for (answer, kind, reason) in [
            ("3*5", FaultKind::Missing, "number 9 is not used"),
            ("3*5+9+9", FaultKind::Unavailable, "number 9 is used more often than it is given"),
            ("3*5+9+0", FaultKind::Unavailable, "number 0 is not given"),
            ("3*9-5", FaultKind::WrongAnswer, "the value is 22 instead of 24"),
            ("9/5*3", FaultKind::Illegal, "9/5 is not allowed: results are non-negative integers"),
            ("3**5+9", FaultKind::Syntax, "the operator `**` is not allowed"),
            ("", FaultKind::Cut, "there is no answer"),
            ("1111111111111111111111111", FaultKind::Unavailable, "number 1111111111111111111111111 is not given"),
            ("18446744073709551616", FaultKind::Unavailable, "number 18446744073709551616 is not given"),
        ] {
            let fault = grade(&problem, answer.as_bytes()).fault.unwrap();
            assert_eq!((fault.kind, fault.reason.as_ref()), (kind, reason), "{answer}");
        }
        let reason = grade(&problem, "7".repeat(50).as_bytes()).fault.unwrap().reason;
        assert_eq!(reason, format!("number {}… of 50 digits is not given", "7".repeat(40)));
    }
}
