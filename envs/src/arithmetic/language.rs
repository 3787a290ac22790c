//! How the texts of each family can be written: of a problem, or of all that a configuration draws.
//!
//! Sheets and expressions say in one way how both are written: where no problem is given, the largest that is drawn stands for all, and only
//! the lengths of its numbers count.

use super::{Expression, Graph, MAX_OPERAND, Operation, Sheet, Term, columns::len, generate::Config, graph::MAX_QUANTITIES, order::write_value};
use crate::{Language, Pattern, countdown::Op, pattern::largest_of_digits};

fn naturals(digits: u32) -> Pattern {
    Pattern::integers(0..=largest_of_digits(digits))
}

/// A problem, and work behind it where it has begun.
fn with_work(problem: Pattern, work: Pattern) -> Pattern {
    Pattern::sequence([problem, Pattern::line(&[" ", ""], [work]).optional()])
}

impl Config {
    /// The language of all that is drawn.
    pub(super) fn language(&self) -> Language {
        let largest = |digits: u32| largest_of_digits(digits).min(MAX_OPERAND);
        match *self {
            Self::Sheet { operation, digits, second } => Sheet { operation, a: largest(digits), b: largest(second) }.language(false),
            Self::Order { operands, max_number } => {
                let operators = Op::ALL.into_iter().cycle().take(operands.saturating_sub(1)).collect();
                Expression { operands: vec![max_number; operands], operators, target: 0 }.language(false)
            }
            Self::Graph { modulus, .. } => any_graph(modulus),
        }
    }
}

impl Sheet {
    /// The language of a sheet, or, where it is not given, of all with operands as long as its own at most.
    pub(super) fn language(&self, is_given: bool) -> Language {
        let Self { operation, .. } = *self;
        let digit = || Pattern::digit(0, 9);
        let up_to = |most| Pattern::integers(0..=most);
        let (a, b) = (u32::from(len(self.a)), u32::from(len(self.b)));
        let columns = if operation == Operation::Div { a } else { a.max(b) + 1 };
        let number = |value: u64, digits| if is_given { Pattern::text(value.to_string()) } else { naturals(digits) };
        let (carry, result, action) = match operation {
            Operation::Add => (up_to(1), naturals(columns), Pattern::line(&["", "+", "+", "=", ""], [digit(), digit(), up_to(1), up_to(19)])),
            Operation::Sub => (up_to(1), naturals(columns), Pattern::line(&["", "-", "-", "=", ""], [up_to(19), digit(), up_to(1), digit()])),
            Operation::Mul => {
                let column = Pattern::line(&["", "*", "+", "=", ""], [digit(), digit(), up_to(8), up_to(89)]);
                let row = Pattern::line(&["", "+", "=", ""], [naturals(a + b), naturals(a + b), naturals(a + b)]);
                (up_to(8), naturals(a + b), Pattern::choice([column, row]))
            }
            // A rest that is brought down has one digit more than the divisor at most.
            Operation::Div => {
                let step = Pattern::line(&["", "-", "*", "=", ""], [naturals(b + 1), digit(), number(self.b, b), naturals(b + 1)]);
                (naturals(b + 1), naturals(a), step)
            }
        };
        let digits = Pattern::line(&[" ", ""], [digit()]).repeat(0, columns);
        let (word, sum) = match operation {
            Operation::Div => ("rest ", Pattern::sequence([])),
            Operation::Mul => ("carry ", Pattern::line(&[" sum ", ""], [result.clone()])),
            _ => ("carry ", Pattern::sequence([])),
        };
        let work = Pattern::line(&[word, " digits", "", ""], [carry.clone(), digits, sum]);
        let compared = |found: Pattern, wanted: Pattern| Pattern::line(&["", ",", ""], [found, wanted]);
        let wanted = if is_given { Pattern::text(self.answer().to_string()) } else { result.clone() };
        let comparison = match operation {
            // A dead end compares the rest with the divisor.
            Operation::Div => Pattern::choice([compared(result, wanted), compared(carry, number(self.b, b))]),
            _ => compared(result, wanted),
        };
        let problem = Pattern::line(&["", &operation.sign().to_string(), ""], [number(self.a, a), number(self.b, b)]);
        Language { action, state: with_work(problem, work.clone()), successor: work.clone(), place: work, comparison }
    }
}

impl Expression {
    /// The language of an expression, or, where it is not given, of all with as many operands that are no larger.
    pub(super) fn language(&self, is_given: bool) -> Language {
        // Each operand counts at least 2, so that the product of all bounds their sum.
        let bound = self.operands.iter().map(|value| value.unsigned_abs().max(2)).fold(1, u64::saturating_mul);
        let largest = largest_of_digits(bound.to_string().len() as u32);
        let value = Pattern::choice([Pattern::integers(0..=largest), Pattern::line(&["(-", ")"], [Pattern::integers(1..=largest)])]);
        let sign = Pattern::one_of(Op::ALL.into_iter().filter(|op| !is_given || self.operators.contains(op)).map(Op::sign).collect::<String>());
        let more = Pattern::sequence([sign.clone(), value.clone()]).repeat(0, self.operators.len() as u32);
        let work = Pattern::sequence([value.clone(), more]);
        let written = |write: &dyn Fn(&mut String)| {
            let mut text = String::new();
            write(&mut text);
            Pattern::text(text)
        };
        let target = if is_given { written(&|out| write_value(self.target, out)) } else { value.clone() };
        let problem = if is_given { written(&|out| self.write_problem(out)) } else { Pattern::line(&["", ":", ""], [value.clone(), work.clone()]) };
        Language {
            action: Pattern::line(&["", "", "", "=", ""], [value.clone(), sign, value.clone(), value.clone()]),
            state: with_work(problem, work.clone()),
            successor: work.clone(),
            place: work,
            comparison: Pattern::line(&["", ",", ""], [value, target]),
        }
    }
}

/// Values below a modulus.
fn values(modulus: u32) -> Pattern {
    Pattern::integers(0..=u64::from(modulus.saturating_sub(1)))
}

/// The language of graphs whose quantities have these names and are computed by `action`.
fn graph(problem: Pattern, action: Pattern, (names, modulus): (String, u32), answer: Pattern) -> Language {
    let most = names.len() as u32;
    let known = Pattern::line(&["", "=", ""], [Pattern::one_of(names), values(modulus)]).list(" ", most);
    let successor = Pattern::choice([Pattern::text("none"), known.clone()]);
    let found = Pattern::choice([values(modulus), Pattern::text("none")]);
    Language {
        action,
        state: with_work(problem, known),
        successor: successor.clone(),
        place: successor,
        comparison: Pattern::line(&["", ",", ""], [found, answer]),
    }
}

/// The language of all graphs with a modulus.
fn any_graph(modulus: u32) -> Language {
    let names: String = ('a'..='z').collect();
    let (name, value, sign) = (|| Pattern::one_of(&*names), || values(modulus), || Pattern::one_of("+-*"));
    let term = || Pattern::choice([name(), value()]);
    let definition = Pattern::line(&["", "=", "", ""], [name(), term(), Pattern::sequence([sign(), term()]).optional()]);
    let computed = Pattern::line(&["", "=", "", "", "=", "", "", "=", ""], [name(), term(), sign(), term(), value(), sign(), value(), value()]);
    let copied = Pattern::line(&["", "=", "=", ""], [name(), name(), value()]);
    let constant = Pattern::line(&["", "=", ""], [name(), value()]);
    let definitions = Pattern::sequence([Pattern::text("; "), definition]).repeat(1, MAX_QUANTITIES as u32);
    let problem = Pattern::line(&[&format!("mod {modulus}"), "; ", "?"], [definitions, name()]);
    let action = Pattern::choice([computed, copied, constant]);
    graph(problem, action, (names.clone(), modulus), value())
}

impl Graph {
    pub(super) fn language(&self) -> Language {
        let value = || values(self.modulus);
        let term = |term: Term| match term {
            Term::Number(number) => Pattern::text(number.to_string()),
            Term::Quantity(_) => value(),
        };
        let computed = self.definitions.iter().map(|definition| {
            let effect = match (definition.second, definition.first) {
                (Some((op, second)), first) => Pattern::line(&["=", &op.sign().to_string(), "=", ""], [term(first), term(second), value()]),
                (None, Term::Quantity(_)) => Pattern::line(&["=", ""], [value()]),
                (None, Term::Number(_)) => Pattern::sequence([]),
            };
            Pattern::sequence([Pattern::text(definition.to_string()), effect])
        });
        let names = self.definitions.iter().map(|definition| definition.name).collect();
        let mut problem = String::new();
        self.write_problem(&mut problem);
        let answer = Pattern::text(self.answer().unwrap_or(0).to_string());
        graph(Pattern::text(problem), Pattern::choice(computed), (names, self.modulus), answer)
    }
}
