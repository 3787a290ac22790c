//! TinyZero's `countdown` score: 0 without an equation, 0.1 with one, 1 for a right one.
//!
//! Quirks that are kept: a response needs the assistant's mark; only its last line is looked at; a decimal literal counts as the runs of
//! its digits; powers and floor division pass; leading zeros do not.

use memchr::memmem;
use metacot_envs::countdown::Problem;
use num_bigint::BigInt;

use super::{
    builtin::{Builtin, Value},
    complex::Complex,
    python,
};
use crate::{extract::after_assistant, row::Attempt};

/// The score of a row: of a whole response as TinyZero reads it, or of an equation alone.
pub(crate) fn score(problem: &Problem, attempt: Attempt<'_>) -> f64 {
    match attempt {
        Attempt::Answer(equation) => score_equation(problem, equation.trim_ascii()),
        Attempt::Response(response) => score_response(problem, response),
    }
}

/// The score of prompt and completion together.
pub fn score_response(problem: &Problem, response: &[u8]) -> f64 {
    equation(response).map_or(0.0, |equation| score_equation(problem, equation))
}

/// The score of an equation that was found.
pub fn score_equation(problem: &Problem, equation: &[u8]) -> f64 {
    if uses_the_numbers(problem, equation) && is_target(problem, equation) { 1.0 } else { 0.1 }
}

/// The last tag of the last line behind the mark.
fn equation(response: &[u8]) -> Option<&[u8]> {
    let behind = after_assistant(response)?;
    let mut rest = &behind[memchr::memrchr(b'\n', behind).map_or(0, |end| end + 1)..];
    let mut last = None;
    while let Some(start) = memmem::find(rest, b"<answer>") {
        let inner = &rest[start + b"<answer>".len()..];
        let Some(end) = memmem::find(inner, b"</answer>") else { break };
        last = Some(inner[..end].trim_ascii());
        rest = &inner[end + b"</answer>".len()..];
    }
    last
}

/// Whether the runs of digits are the given numbers.
fn uses_the_numbers(problem: &Problem, equation: &[u8]) -> bool {
    let mut left: Vec<u32> = problem.numbers.clone();
    for run in equation.split(|byte| !byte.is_ascii_digit()).filter(|run| !run.is_empty()) {
        let value = run.iter().fold(0_u32, |value, digit| value.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
        let Some(place) = left.iter().position(|number| *number == value) else { return false };
        left.swap_remove(place);
    }
    left.is_empty()
}

fn is_target(problem: &Problem, equation: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_whitespace() || b"+-*/().\x0b\x1c\x1d\x1e\x1f".contains(byte);
    if !equation.iter().all(is_allowed) {
        return false;
    }
    let target = f64::from(problem.target);
    match python::evaluate(equation, &mut Builtin::default()) {
        Some(Value::Int(value)) => value == BigInt::from(problem.target),
        Some(Value::Float(value)) => (value - target).abs() < 1e-5,
        Some(Value::Complex(value)) => value.plus(Complex::real(-target)).modulus() < 1e-5,
        None => false,
    }
}
