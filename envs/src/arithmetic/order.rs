//! A flat expression whose order of evaluation is the search: which brackets make `8-3*2+1` be 11?
//!
//! A step reduces two neighbours with the operator between them (`8-3=5`), whatever the usual precedence says. Division must be exact and
//! values may be negative; a single value that is not the target is a dead end.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    ActionFault, Status,
    countdown::Op,
    digits::{push_integer, read_integer},
};

/// The most operands of an expression.
pub const MAX_OPERANDS: usize = 8;
/// The largest operand, so that the product of all of them fits an `i64`.
pub const MAX_VALUE: i64 = 99;

/// Operands, the operators between them, and the value to reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expression {
    /// Two to eight numbers from 0 to [`MAX_VALUE`].
    pub operands: Vec<i64>,
    /// One operator less than operands.
    pub operators: Vec<Op>,
    /// The value to reach.
    pub target: i64,
}

/// The expression as far as it is reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reduced {
    len: u8,
    values: [i64; MAX_OPERANDS],
    operators: [Op; MAX_OPERANDS],
}

/// `left op right` on integers; division must be exact.
pub(super) fn apply(op: Op, left: i64, right: i64) -> Option<i64> {
    match op {
        Op::Add => left.checked_add(right),
        Op::Multiply => left.checked_mul(right),
        Op::Subtract => left.checked_sub(right),
        Op::Divide => left.checked_rem(right).filter(|rest| *rest == 0).and_then(|_| left.checked_div(right)),
    }
}

impl Reduced {
    fn values(&self) -> &[i64] {
        &self.values[..usize::from(self.len)]
    }
}

impl Expression {
    pub(super) fn validate(&self) -> Result<(), String> {
        if !(2..=MAX_OPERANDS).contains(&self.operands.len()) || self.operators.len() + 1 != self.operands.len() {
            let (operands, operators) = (self.operands.len(), self.operators.len());
            return Err(format!("{operands} operands and {operators} operators are not allowed; expected 2 to {MAX_OPERANDS} and one less"));
        }
        match self.operands.iter().find(|value| !(0..=MAX_VALUE).contains(*value)) {
            Some(value) => Err(format!("operand {value} is not allowed; expected 0 to {MAX_VALUE}")),
            None => Ok(()),
        }
    }

    pub(super) fn initial(&self) -> Reduced {
        let len = self.operands.len().min(MAX_OPERANDS);
        let mut state = Reduced { len: len as u8, values: [0; MAX_OPERANDS], operators: [Op::Add; MAX_OPERANDS] };
        state.values[..len].copy_from_slice(&self.operands[..len]);
        state.operators.iter_mut().zip(&self.operators).for_each(|(slot, op)| *slot = *op);
        state
    }

    pub(super) fn status(&self, state: &Reduced) -> Status {
        match state.values() {
            [value] if *value == self.target => Status::Solved,
            [_] | [] => Status::DeadEnd,
            _ => Status::Open,
        }
    }

    /// The state after reducing the operator at `place`.
    pub(super) fn after(&self, state: &Reduced, place: u8) -> Option<Reduced> {
        let (place, len) = (usize::from(place), usize::from(state.len));
        if place + 1 >= len {
            return None;
        }
        let mut next = *state;
        next.values[place] = apply(state.operators[place], state.values[place], state.values[place + 1])?;
        next.values.copy_within(place + 2.., place + 1);
        next.operators.copy_within(place + 1.., place);
        next.len -= 1;
        // What lies beyond the end is cleared, so that equal expressions are equal states.
        next.values[len - 1..].fill(0);
        next.operators[len - 2..].fill(Op::Add);
        Some(next)
    }

    /// Operators that are left.
    pub(super) fn steps(&self, state: &Reduced) -> u32 {
        u32::from(state.len).saturating_sub(1)
    }

    pub(super) fn actions(&self, state: &Reduced) -> impl Iterator<Item = u8> {
        (0..state.len.saturating_sub(1)).filter(|place| self.after(state, *place).is_some())
    }

    /// All values that some order of evaluation gives.
    pub(super) fn all_values(&self) -> BTreeSet<i64> {
        let len = self.operands.len();
        let mut spans = vec![vec![BTreeSet::new(); len]; len];
        for width in 0..len {
            for from in 0..len - width {
                let mut values = BTreeSet::new();
                if width == 0 {
                    values.insert(self.operands[from]);
                }
                for split in from..from + width {
                    for left in &spans[from][split] {
                        values.extend(spans[split + 1][from + width].iter().filter_map(|right| apply(self.operators[split], *left, *right)));
                    }
                }
                spans[from][from + width] = values;
            }
        }
        spans[0].pop().unwrap_or_default()
    }

    /// The ways to set brackets that give the target, counted up to `limit`.
    pub(super) fn num_brackets(&self, limit: usize) -> usize {
        let len = self.operands.len();
        let mut spans = vec![vec![BTreeMap::<i64, usize>::new(); len]; len];
        for width in 0..len {
            for from in 0..len - width {
                let mut values = BTreeMap::new();
                if width == 0 {
                    values.insert(self.operands[from], 1);
                }
                for split in from..from + width {
                    for (left, one) in &spans[from][split] {
                        for (right, other) in &spans[split + 1][from + width] {
                            if let Some(value) = apply(self.operators[split], *left, *right) {
                                let ways = values.entry(value).or_insert(0);
                                *ways = one.saturating_mul(*other).saturating_add(*ways).min(limit);
                            }
                        }
                    }
                }
                spans[from][from + width] = values;
            }
        }
        spans[0].pop().and_then(|whole| whole.get(&self.target).copied()).unwrap_or(0)
    }

    pub(super) fn write_state(&self, state: &Reduced, out: &mut String) {
        for (place, value) in state.values().iter().enumerate() {
            if place > 0 {
                out.push(state.operators[place - 1].sign());
            }
            write_value(*value, out);
        }
    }

    pub(super) fn write_problem(&self, out: &mut String) {
        write_value(self.target, out);
        out.push(':');
        self.write_state(&self.initial(), out);
    }

    pub(super) fn write_action(&self, state: &Reduced, place: u8, out: &mut String) {
        let (op, left, right) = (state.operators[usize::from(place)], state.values[usize::from(place)], state.values[usize::from(place) + 1]);
        write_value(left, out);
        out.push(op.sign());
        write_value(right, out);
        out.push('=');
        write_value(apply(op, left, right).unwrap_or(0), out);
    }

    pub(super) fn write_comparison(&self, state: &Reduced, out: &mut String) {
        write_value(state.values().first().copied().unwrap_or(0), out);
        out.push(',');
        write_value(self.target, out);
    }

    pub(super) fn read_problem(text: &str) -> Option<Self> {
        let (target, rest) = read_value(text)?;
        let (mut operands, mut operators) = (Vec::new(), Vec::new());
        let (first, mut rest) = read_value(rest.strip_prefix(':')?)?;
        operands.push(first);
        while !rest.is_empty() {
            let op = Op::ALL.into_iter().find(|op| rest.starts_with(op.sign()))?;
            let (value, behind) = read_value(&rest[1..])?;
            operators.push(op);
            operands.push(value);
            rest = behind;
            if operands.len() > MAX_OPERANDS {
                return None;
            }
        }
        let expression = Self { operands, operators, target };
        expression.validate().is_ok().then_some(expression)
    }

    pub(super) fn read_action(&self, state: &Reduced, text: &str, effect: Option<&str>) -> Result<u8, ActionFault> {
        let read = || {
            let (left, rest) = read_value(text)?;
            let op = Op::ALL.into_iter().find(|op| rest.starts_with(op.sign()))?;
            let (right, rest) = read_value(&rest[1..])?;
            let (result, rest) = read_value(rest.strip_prefix('=')?)?;
            rest.is_empty().then_some((left, op, right, result))
        };
        let (left, op, right, result) = read().ok_or(ActionFault::Syntax)?;
        let fits = |place: &u8| {
            let at = usize::from(*place);
            (state.values[at], state.operators[at], state.values[at + 1]) == (left, op, right)
        };
        let places: Vec<u8> = (0..state.len.saturating_sub(1)).filter(fits).collect();
        let first = *places.first().ok_or(ActionFault::Unavailable)?;
        let expected = apply(op, left, right).ok_or(ActionFault::Illegal)?;
        if expected != result {
            return Err(ActionFault::Arithmetic);
        }
        let has_effect = |place: &&u8| {
            let mut written = String::new();
            self.after(state, **place).inspect(|next| self.write_state(next, &mut written));
            effect == Some(written.as_str())
        };
        Ok(places.iter().find(has_effect).copied().unwrap_or(first))
    }
}

/// Appends a value; negative ones stand in parentheses.
pub(super) fn write_value(value: i64, out: &mut String) {
    if value >= 0 {
        return push_integer(out, value);
    }
    out.push('(');
    push_integer(out, value);
    out.push(')');
}

/// Reads a value as [`write_value`] writes it from the front of a text; gives the rest.
fn read_value(text: &str) -> Option<(i64, &str)> {
    if let Some(inner) = text.strip_prefix('(') {
        let (inner, rest) = inner.split_once(')')?;
        return read_integer(inner).filter(|value| *value < 0).map(|value| (value, rest));
    }
    let end = text.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(text.len());
    Some((read_integer(&text[..end])?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_decides_the_value() {
        let expression = Expression::read_problem("11:8-3*2+1").unwrap();
        assert_eq!(expression.all_values().into_iter().collect::<Vec<_>>(), [-1, 1, 3, 11, 15]);
        let state = expression.initial();
        let place = expression.read_action(&state, "3*2=6", Some("8-6+1")).unwrap();
        let next = expression.after(&state, place).unwrap();
        let mut text = String::new();
        expression.write_state(&next, &mut text);
        assert_eq!(text, "8-6+1");
    }

    #[test]
    fn the_effect_tells_equal_steps_apart() {
        let expression = Expression::read_problem("6:2+2+2").unwrap();
        let read = |effect| expression.read_action(&expression.initial(), "2+2=4", effect);
        assert_eq!((read(Some("4+2")), read(Some("2+4")), read(None)), (Ok(0), Ok(1), Ok(0)));
    }

    #[test]
    fn hostile_expressions_do_not_read() {
        for text in
            ["", ":", "1:", "1:2", "1:2+", "1:2+3)", "1:(2+3", "1:100+1", "1:(-2)+3", "1:1+1+1+1+1+1+1+1+1", "1:2**3", "(5):2+3", "99999999999999999999:1+1"]
        {
            assert_eq!(Expression::read_problem(text), None, "{text:?}");
        }
    }
}
