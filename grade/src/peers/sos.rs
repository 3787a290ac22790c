//! Stream of Search's rating of a Countdown trace: 1 less the explored share of the full tree, or 0.
//!
//! Quirks that are kept: problem and inputs are read from the trace itself; used numbers are never removed; only the first goal line, the
//! last exploration before it and the last state before it count; an operation's left side is Python; solutions of one operation, and traces
//! that explored as much as the full tree has, are worth nothing. Six numbers and more, which end the original with an error, are worth 0.

use memchr::memmem;
use num_bigint::BigInt;

use super::{builtin::Builtin, python};

/// The rating of a trace.
pub fn rating(trace: &[u8]) -> f64 {
    solved_size(trace).map_or(0.0, |size| {
        let full = match size {
            2 => 4.0,
            3 => 48.0,
            4 => 1152.0,
            5 => 46080.0,
            _ => return 0.0,
        };
        let explored = memmem::find_iter(trace, b"Exploring Operation").count() + 1;
        f64::max(1.0 - explored as f64 / full, 0.0)
    })
}

/// How many inputs the problem of a valid path has.
fn solved_size(trace: &[u8]) -> Option<usize> {
    let first = trace.trim_ascii().split(|byte| *byte == b'\n').next()?;
    let (target, inputs, _) = state(first)?;
    let mut available: Vec<BigInt> = list(inputs).map(number).collect::<Option<_>>()?;
    let size = available.len();
    let claimed = &trace[..goal(trace)?];
    let last = last_exploration(claimed)?;
    let (_, result) = split_once(last, b"=")?;
    if number(result)? != number(target)? {
        return None;
    }
    let (_, _, operations) = states(claimed).last()?;
    let operations: Vec<Vec<u8>> = list(operations?).map(|text| text.iter().copied().filter(|byte| *byte != b'\'').collect()).collect();
    for operation in operations.iter().map(Vec::as_slice).chain([last]) {
        let (left, right) = split_once(operation, b"=").filter(|(_, right)| !right.contains(&b'='))?;
        let right = number(right)?;
        if !python::evaluate(left, &mut Builtin::default()).is_some_and(|value| value.equals(&right)) {
            return None;
        }
        if !left.split(|byte| !byte.is_ascii_digit()).filter(|run| !run.is_empty()).all(|run| number(run).is_some_and(|number| available.contains(&number))) {
            return None;
        }
        available.push(right);
    }
    Some(size)
}

/// Target, numbers and, where they follow on the line, operations of a `Current State`.
type State<'a> = (&'a [u8], &'a [u8], Option<&'a [u8]>);

fn state(text: &[u8]) -> Option<State<'_>> {
    let rest = text.strip_prefix(b"Current State: ")?;
    let (target, rest) = rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let rest = rest.strip_prefix(b":[")?;
    let rest = rest.split(|byte| *byte == b'\n').next()?;
    let (numbers, rest) = split_once(rest, b"]")?;
    let operations = rest.strip_prefix(b", Operations: [").and_then(|rest| split_once(rest, b"]")).map(|(operations, _)| operations);
    (!target.is_empty()).then_some((target, numbers, operations))
}

/// All states with a list of operations.
fn states(text: &[u8]) -> impl Iterator<Item = State<'_>> {
    memmem::find_iter(text, b"Current State: ").filter_map(|start| state(&text[start..])).filter(|(.., operations)| operations.is_some())
}

/// Where the first goal line begins.
fn goal(text: &[u8]) -> Option<usize> {
    memmem::find_iter(text, b" equal: Goal Reached").find_map(|end| {
        let digits_before = |end: usize| end - text[..end].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let second = digits_before(end);
        let comma = second.checked_sub(1).filter(|comma| second < end && text[*comma] == b',')?;
        let first = digits_before(comma);
        (first < comma).then_some(first)
    })
}

/// The operation of the last `Exploring Operation: …=RESULT, Resulting Numbers: […]`.
fn last_exploration(text: &[u8]) -> Option<&[u8]> {
    let mark = b"Exploring Operation: ";
    memmem::rfind_iter(text, mark).find_map(|start| {
        let line = text[start + mark.len()..].split(|byte| *byte == b'\n').next()?;
        let (operation, rest) = split_once(line, b", Resulting Numbers: [")?;
        let digits = operation.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let has_result = digits > 0 && operation.get(operation.len().wrapping_sub(digits + 1)) == Some(&b'=');
        (has_result && rest.contains(&b']')).then_some(operation)
    })
}

fn list(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (item, behind) = split_once(text, b", ").map_or((text, None), |(item, behind)| (item, Some(behind)));
        rest = behind;
        Some(item)
    })
}

fn split_once<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    memmem::find(text, mark).map(|place| (&text[..place], &text[place + mark.len()..]))
}

/// What `int()` reads, within reason.
fn number(text: &[u8]) -> Option<BigInt> {
    let text = std::str::from_utf8(text).ok()?.trim();
    (text.len() <= 4_300).then(|| text.parse().ok()).flatten()
}
