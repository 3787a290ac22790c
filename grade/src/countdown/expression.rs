//! The grammar of expressions and their evaluation, operator by operator, without recursion.
//!
//! Numbers that are used wrongly do not end the reading: a fault of syntax behind them is still found, and named instead.

use metacot_envs::countdown::{MAX_NUMBERS, Op};

use super::{Hand, Outcome, Ratio, Step};
use crate::{Fault, FaultKind};

const OPEN: u8 = b'(';
/// A minus sign in front of an operand.
const NEGATE: u8 = b'~';

/// Evaluates `text` with the numbers of a hand; notes the operations in `outcome`.
pub(super) fn evaluate(text: &[u8], hand: &mut Hand<'_>, outcome: &mut Outcome) -> Result<Ratio, Fault> {
    let mut machine = Machine { hand, outcome, operators: Stack::default(), values: [Ratio::whole(0); MAX_NUMBERS + 1], len: 0, fault: None };
    let (mut place, mut wants_operand, mut may_sign, mut open) = (0, true, true, 0_usize);
    while let Some(&byte) = text.get(place) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => place += 1,
            b'0'..=b'9' if wants_operand => {
                let start = place;
                let mut number = 0_u64;
                while let Some(digit) = text.get(place).filter(|byte| byte.is_ascii_digit()) {
                    number = number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
                    place += 1;
                }
                if text[start] == b'0' && place > start + 1 {
                    return Err(Fault::new(FaultKind::Syntax, start, "a number with leading zeros"));
                }
                machine.number(number, &text[start..place], start);
                (wants_operand, may_sign) = (false, false);
            }
            b'(' if wants_operand => {
                machine.operators.push(OPEN);
                (open, may_sign, place) = (open + 1, true, place + 1);
            }
            b')' if !wants_operand && open > 0 => {
                machine.close(place);
                (open, place) = (open - 1, place + 1);
            }
            b'+' | b'-' | b'*' | b'/' if !wants_operand => {
                machine.operator(byte, place);
                (wants_operand, may_sign, place) = (true, false, place + 1);
            }
            b'-' if may_sign && machine.hand.problem.rules == metacot_envs::countdown::Rules::Rational => {
                machine.operators.push(NEGATE);
                machine.outcome.has_sign = true;
                (may_sign, place) = (false, place + 1);
            }
            _ => return Err(unexpected(text, place, wants_operand)),
        }
    }
    if wants_operand {
        let is_empty = text.trim_ascii().is_empty();
        return Err(if is_empty {
            Fault::new(FaultKind::Cut, 0, "there is no answer")
        } else {
            Fault::new(FaultKind::Syntax, text.len(), "the expression ends where an operand has to stand")
        });
    }
    if open > 0 {
        return Err(Fault::new(FaultKind::Syntax, text.len(), "a parenthesis is not closed"));
    }
    machine.finish(text.len())
}

/// What is wrong with the byte at `place`.
#[cold]
fn unexpected(text: &[u8], place: usize, wants_operand: bool) -> Fault {
    let byte = text[place];
    let before = text[..place].iter().rev().find(|byte| !byte.is_ascii_whitespace());
    let reason = match byte {
        b'*' if wants_operand && before == Some(&b'*') => "the operator `**` is not allowed".into(),
        b'/' if wants_operand && before == Some(&b'/') => "the operator `//` is not allowed".into(),
        b'+' | b'-' if wants_operand => format!("the sign `{}` in front of an operand is not allowed", char::from(byte)),
        b'0'..=b'9' | b'(' => "an operand where an operator has to stand".into(),
        b')' if !wants_operand => "a parenthesis is closed that was not opened".into(),
        b')' | b'*' | b'/' => format!("`{}` where an operand has to stand", char::from(byte)),
        b'.' => "decimal fractions are not allowed".into(),
        b'=' => "an equation instead of an expression".into(),
        b'_' | b'a'..=b'z' | b'A'..=b'Z' => "letters are not allowed".into(),
        0x80.. => "only ASCII is allowed".into(),
        0..=0x1f | 0x7f => format!("the control character {byte:#04x} is not allowed"),
        _ => format!("`{}` is not allowed", char::from(byte)),
    };
    Fault::of(FaultKind::Syntax, place, reason)
}

/// The two stacks of the evaluation. After a fault only parentheses are followed.
struct Machine<'a, 'p> {
    hand: &'a mut Hand<'p>,
    outcome: &'a mut Outcome,
    operators: Stack,
    /// As many as there are unused results: never more than numbers were taken.
    values: [Ratio; MAX_NUMBERS + 1],
    len: usize,
    fault: Option<Fault>,
}

impl Machine<'_, '_> {
    fn number(&mut self, number: u64, digits: &[u8], place: usize) {
        if self.fault.is_some() {
            return;
        }
        match self.hand.take(number, digits, place) {
            Ok(value) => {
                self.values[self.len] = value;
                self.len += 1;
            }
            Err(fault) => self.fault = Some(fault),
        }
    }

    fn operator(&mut self, sign: u8, place: usize) {
        while let Some(top) = self.operators.top().filter(|top| *top != OPEN && rank(*top) >= rank(sign)) {
            self.operators.pop();
            self.reduce(top, place);
        }
        self.operators.push(sign);
    }

    fn close(&mut self, place: usize) {
        while let Some(top) = self.operators.pop().filter(|top| *top != OPEN) {
            self.reduce(top, place);
        }
    }

    fn finish(mut self, end: usize) -> Result<Ratio, Fault> {
        while let Some(top) = self.operators.pop() {
            self.reduce(top, end);
        }
        self.fault.map_or(Ok(self.values[0]), Err)
    }

    fn reduce(&mut self, sign: u8, place: usize) {
        if self.fault.is_some() {
            return;
        }
        let op = match sign {
            b'+' => Op::Add,
            b'-' => Op::Subtract,
            b'*' => Op::Multiply,
            b'/' => Op::Divide,
            _ => {
                let value = &mut self.values[self.len - 1];
                value.num = -value.num;
                return;
            }
        };
        let (left, right) = (self.values[self.len - 2], self.values[self.len - 1]);
        match self.hand.apply(left, op, right, place) {
            Ok(result) => {
                self.len -= 1;
                self.values[self.len - 1] = result;
                self.outcome.steps[self.outcome.num_steps] = Step { left, op, right, result };
                self.outcome.num_steps += 1;
            }
            Err(fault) => self.fault = Some(fault),
        }
    }
}

/// How tightly an operator binds.
fn rank(sign: u8) -> u8 {
    match sign {
        b'+' | b'-' => 1,
        b'*' | b'/' => 2,
        _ => 3,
    }
}

/// A stack of bytes, the first of them in place.
struct Stack {
    first: [u8; 64],
    len: usize,
    rest: Vec<u8>,
}

impl Default for Stack {
    fn default() -> Self {
        Self { first: [0; 64], len: 0, rest: Vec::new() }
    }
}

impl Stack {
    fn push(&mut self, byte: u8) {
        match self.first.get_mut(self.len) {
            Some(slot) => *slot = byte,
            None => self.rest.push(byte),
        }
        self.len += 1;
    }

    fn top(&self) -> Option<u8> {
        let index = self.len.checked_sub(1)?;
        self.first.get(index).or_else(|| self.rest.last()).copied()
    }

    fn pop(&mut self) -> Option<u8> {
        let top = self.top()?;
        self.rest.pop();
        self.len -= 1;
        Some(top)
    }
}
