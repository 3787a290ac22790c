//! Addition, subtraction, multiplication and long division as column steps.
//!
//! A step computes one column: `3+9+0=12` writes 2 and carries 1, `13-7-0=6` has borrowed, `7*8+2=58` is one column of a partial product,
//! and `615+2460=3075` adds a finished row of a multiplication to the sum. These steps are forced. Division has a choice: the next digit of
//! the quotient is any whose product still fits (`17-2*7=3`), and one that leaves a rest of at least the divisor is a dead end.

use crate::{
    ActionFault, Status,
    digits::{push_integer, read_integer},
};

/// Operands have at most nine digits, so that products fit.
pub const MAX_OPERAND: u64 = 999_999_999;

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `a + b`.
    Add,
    /// `a - b`, not negative.
    Sub,
    /// `a * b`.
    Mul,
    /// `a / b` with a rest.
    Div,
}

impl Operation {
    pub(super) fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Sub => '-',
            Self::Mul => '*',
            Self::Div => '/',
        }
    }
}

/// Two numbers and what to do with them.
#[derive(Clone, Copy, Debug)]
pub struct Sheet {
    pub(super) operation: Operation,
    pub(super) a: u64,
    pub(super) b: u64,
}

/// What stands on the sheet so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Columns {
    /// Finished rows of a multiplication.
    row: u8,
    /// Finished columns of the row.
    column: u8,
    /// Carry or borrow; in a division the rest.
    carry: u64,
    /// The number that the written digits of the row make.
    written: u64,
    /// Sum of the finished rows.
    sum: u64,
}

pub(super) fn len(value: u64) -> u8 {
    value.checked_ilog10().unwrap_or(0) as u8 + 1
}

/// Powers of ten that a `u64` holds.
const POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut exponent = 1;
    while exponent < powers.len() {
        powers[exponent] = 10 * powers[exponent - 1];
        exponent += 1;
    }
    powers
};

fn power(exponent: u8) -> u64 {
    POWERS[usize::from(exponent)]
}

/// The digit of a column, counted from the right; 0 beyond the number.
fn digit(value: u64, column: u8) -> u64 {
    let above = power(column);
    if value < above { 0 } else { value / above % 10 }
}

/// What stands before an equals sign: numbers, each with the sign after it, up to the first without one.
#[derive(Clone, Copy, Debug)]
struct Terms([(u64, Option<char>); 3]);

impl Terms {
    fn len(&self) -> usize {
        self.0.iter().position(|(_, sign)| sign.is_none()).map_or(self.0.len(), |last| last + 1)
    }

    fn write(&self, out: &mut String) {
        for (value, sign) in &self.0[..self.len()] {
            push_integer(out, *value as i64);
            out.extend(*sign);
        }
    }

    /// Whether `text` says just these terms; `None` where it is no row of numbers at all.
    fn are_said_by(&self, text: &str) -> Option<bool> {
        let (mut rest, mut count, mut is_same) = (text, 0, true);
        loop {
            let end = rest.bytes().position(|byte| matches!(byte, b'+' | b'-' | b'*')).unwrap_or(rest.len());
            let value = read_natural(&rest[..end])?;
            let sign = rest.as_bytes().get(end).map(|byte| char::from(*byte));
            is_same &= self.0.get(count) == Some(&(value, sign));
            count += 1;
            if sign.is_none() {
                return Some(is_same && count == self.len());
            }
            rest = &rest[end + 1..];
        }
    }
}

fn read_natural(text: &str) -> Option<u64> {
    u64::try_from(read_integer(text)?).ok()
}

impl Sheet {
    /// The sum, difference, product or quotient; `None` for a division by 0 or a negative difference.
    pub(super) fn result(&self) -> Option<u128> {
        let [a, b] = [self.a, self.b].map(u128::from);
        match self.operation {
            Operation::Add => Some(a + b),
            Operation::Sub => a.checked_sub(b),
            Operation::Mul => Some(a * b),
            Operation::Div => a.checked_div(b),
        }
    }

    pub(super) fn validate(&self) -> Result<(), String> {
        if let Some(operand) = [self.a, self.b].into_iter().find(|operand| *operand > MAX_OPERAND) {
            return Err(format!("operand {operand} is not allowed; expected at most {MAX_OPERAND}"));
        }
        match self.operation {
            Operation::Sub if self.a < self.b => Err(format!("{}-{} is not allowed; expected the larger number first", self.a, self.b)),
            Operation::Div if self.b == 0 => Err(format!("{}/0 is not allowed; expected another divisor", self.a)),
            _ => Ok(()),
        }
    }

    /// The columns of addition and subtraction.
    pub(super) fn width(&self) -> u8 {
        len(self.a).max(len(self.b))
    }

    /// The true result, for the comparison at the end; the quotient of a division.
    pub(super) fn answer(&self) -> u64 {
        match self.operation {
            Operation::Add => self.a + self.b,
            Operation::Sub => self.a.saturating_sub(self.b),
            Operation::Mul => self.a * self.b,
            Operation::Div => self.a.checked_div(self.b).unwrap_or(0),
        }
    }

    pub(super) fn status(&self, state: &Columns) -> Status {
        let is_done = match self.operation {
            Operation::Add | Operation::Sub => state.column >= self.width() && state.carry == 0,
            Operation::Mul => state.row >= len(self.b),
            Operation::Div if state.carry >= self.b => return Status::DeadEnd,
            Operation::Div => state.column >= len(self.a),
        };
        if is_done { Status::Solved } else { Status::Open }
    }

    /// Steps that are left at least, exactly so but for a last carry.
    pub(super) fn steps(&self, state: &Columns) -> u32 {
        let columns = match self.operation {
            Operation::Add | Operation::Sub => self.width().saturating_sub(state.column).max(u8::from(state.carry > 0)),
            Operation::Mul => return (u32::from(len(self.a)) + 1) * u32::from(len(self.b).saturating_sub(state.row)) - u32::from(state.column),
            Operation::Div => len(self.a).saturating_sub(state.column),
        };
        u32::from(columns)
    }

    /// The steps of the whole sheet.
    pub(super) fn total_steps(&self) -> u32 {
        let (mut state, mut total) = (Columns::default(), 0);
        while self.status(&state) == Status::Open {
            let is_right = |digit: &u8| self.after(&state, *digit).filter(|(next, _)| self.status(next) != Status::DeadEnd).is_some();
            let Some(choice) = self.choices().find(is_right) else { break };
            state = self.after(&state, choice).map_or(state, |(next, _)| next);
            total += 1;
        }
        total
    }

    /// The choices of a step: ten digits in a division, one otherwise.
    pub(super) fn choices(&self) -> impl Iterator<Item = u8> + use<> {
        0..if self.operation == Operation::Div { 10 } else { 1 }
    }

    /// The number that a division's step starts from: the rest with the next digit brought down.
    fn brought_down(&self, state: &Columns) -> u64 {
        let column = len(self.a).saturating_sub(state.column + 1);
        state.carry * 10 + digit(self.a, column)
    }

    /// A finished row of a multiplication, shifted to its place.
    fn finished_row(&self, state: &Columns) -> Option<u64> {
        let is_full = self.operation == Operation::Mul && state.column == len(self.a);
        is_full.then(|| (state.carry * power(state.column) + state.written) * power(state.row))
    }

    /// The next state and the number behind the equals sign; `None` where the choice is not allowed or nothing is left to do.
    pub(super) fn after(&self, state: &Columns, choice: u8) -> Option<(Columns, u64)> {
        if self.status(state) != Status::Open || !self.choices().any(|allowed| allowed == choice) {
            return None;
        }
        let (a, b) = (digit(self.a, state.column), digit(self.b, state.column));
        let written = |digit: u64| state.written + digit * power(state.column);
        let column = state.column + 1;
        Some(match self.operation {
            Operation::Add => {
                let sum = a + b + state.carry;
                (Columns { column, carry: sum / 10, written: written(sum % 10), ..*state }, sum)
            }
            Operation::Sub => {
                let borrow = u64::from(a < b + state.carry);
                let rest = a + 10 * borrow - b - state.carry;
                (Columns { column, carry: borrow, written: written(rest), ..*state }, rest)
            }
            Operation::Mul => match self.finished_row(state) {
                Some(row) => (Columns { row: state.row + 1, sum: state.sum + row, ..Columns::default() }, state.sum + row),
                None => {
                    let product = a * digit(self.b, state.row) + state.carry;
                    (Columns { column, carry: product / 10, written: written(product % 10), ..*state }, product)
                }
            },
            Operation::Div => {
                let rest = self.brought_down(state).checked_sub(u64::from(choice) * self.b)?;
                (Columns { column, carry: rest, written: state.written * 10 + u64::from(choice), ..*state }, rest)
            }
        })
    }

    /// What stands before the equals sign.
    fn left(&self, state: &Columns, choice: u8) -> Terms {
        let column_of = |value| digit(value, state.column);
        let (plus, minus, times) = (Some('+'), Some('-'), Some('*'));
        Terms(match self.operation {
            Operation::Add => [(column_of(self.a), plus), (column_of(self.b), plus), (state.carry, None)],
            Operation::Sub => {
                let (a, b) = (column_of(self.a), column_of(self.b));
                [(a + if a < b + state.carry { 10 } else { 0 }, minus), (b, minus), (state.carry, None)]
            }
            Operation::Mul => match self.finished_row(state) {
                Some(row) => [(state.sum, plus), (row, None), (0, None)],
                None => [(column_of(self.a), times), (digit(self.b, state.row), plus), (state.carry, None)],
            },
            Operation::Div => [(self.brought_down(state), minus), (u64::from(choice), times), (self.b, None)],
        })
    }

    pub(super) fn write_action(&self, state: &Columns, choice: u8, out: &mut String) {
        self.left(state, choice).write(out);
        out.push('=');
        push_integer(out, self.after(state, choice).map_or(0, |(_, result)| result) as i64);
    }

    pub(super) fn read_action(&self, state: &Columns, text: &str) -> Result<u8, ActionFault> {
        let (left, result) = text.split_once('=').ok_or(ActionFault::Syntax)?;
        let result = read_natural(result).ok_or(ActionFault::Syntax)?;
        if self.status(state) != Status::Open {
            let is_row = self.left(state, 0).are_said_by(left).is_some();
            return Err(if is_row { ActionFault::Illegal } else { ActionFault::Syntax });
        }
        for choice in self.choices() {
            if self.left(state, choice).are_said_by(left).ok_or(ActionFault::Syntax)? {
                let (_, expected) = self.after(state, choice).ok_or(ActionFault::Illegal)?;
                return if result == expected { Ok(choice) } else { Err(ActionFault::Arithmetic) };
            }
        }
        Err(ActionFault::Unavailable)
    }

    pub(super) fn write_problem(&self, out: &mut String) {
        push_integer(out, self.a as i64);
        out.push(self.operation.sign());
        push_integer(out, self.b as i64);
    }

    /// `carry 1 digits 4 5`, `rest 3 digits 0 2`, and ` sum 615` in a multiplication; digits from the left.
    pub(super) fn write_state(&self, state: &Columns, out: &mut String) {
        out.push_str(if self.operation == Operation::Div { "rest " } else { "carry " });
        push_integer(out, state.carry as i64);
        out.push_str(" digits");
        let (mut digits, mut rest) = ([0; POWERS.len()], state.written);
        let digits = &mut digits[..usize::from(state.column)];
        for digit in digits.iter_mut() {
            (*digit, rest) = ((rest % 10) as u8, rest / 10);
        }
        for digit in digits.iter().rev() {
            out.push(' ');
            out.push(char::from(b'0' + digit));
        }
        if self.operation == Operation::Mul {
            out.push_str(" sum ");
            push_integer(out, state.sum as i64);
        }
    }

    /// The result and what it should be; for a dead end of a division the rest and the divisor that it should be below.
    pub(super) fn write_comparison(&self, state: &Columns, out: &mut String) {
        let result = if self.operation == Operation::Mul { state.sum } else { state.written };
        let (found, wanted) = if self.status(state) == Status::DeadEnd { (state.carry, self.b) } else { (result, self.answer()) };
        push_integer(out, found as i64);
        out.push(',');
        push_integer(out, wanted as i64);
    }

    pub(super) fn read_problem(text: &str) -> Option<Self> {
        let at = text.find(['+', '-', '*', '/'])?;
        let operation =
            [Operation::Add, Operation::Sub, Operation::Mul, Operation::Div].into_iter().find(|operation| text[at..].starts_with(operation.sign()))?;
        let sheet = Self { operation, a: read_natural(&text[..at])?, b: read_natural(&text[at + 1..])? };
        sheet.validate().is_ok().then_some(sheet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps of a sheet with the right choice each time, and the last state.
    fn worked(text: &str) -> (Vec<String>, Columns) {
        let sheet = Sheet::read_problem(text).unwrap();
        let (mut state, mut steps) = (Columns::default(), Vec::new());
        while sheet.status(&state) == Status::Open {
            let choice = sheet.choices().find(|choice| sheet.after(&state, *choice).is_some_and(|(next, _)| sheet.status(&next) != Status::DeadEnd));
            let mut step = String::new();
            sheet.write_action(&state, choice.unwrap(), &mut step);
            steps.push(step);
            state = sheet.after(&state, choice.unwrap()).unwrap().0;
        }
        (steps, state)
    }

    #[test]
    fn sheets_are_worked_column_by_column() {
        assert_eq!(worked("95+17").0, ["5+7+0=12", "9+1+1=11", "0+0+1=1"]);
        assert_eq!(worked("103-97").0, ["13-7-0=6", "10-9-1=0", "1-0-1=0"]);
        assert_eq!(worked("57*28").0, ["7*8+0=56", "5*8+5=45", "0+456=456", "7*2+0=14", "5*2+1=11", "456+1140=1596"]);
        assert_eq!(worked("125/7").0, ["1-0*7=1", "12-1*7=5", "55-7*7=6"]);
        assert_eq!(worked("0+0").0, ["0+0+0=0"]);
    }

    #[test]
    fn every_sheet_ends_with_the_machine_result() {
        let numbers = [0, 1, 7, 10, 99, 100, 505, 987, 4321, 99_999, 123_456_789, MAX_OPERAND];
        for (a, b) in numbers.into_iter().flat_map(|a| numbers.map(|b| (a, b))) {
            assert_eq!(worked(&format!("{a}+{b}")).1.written, a + b);
            assert_eq!(worked(&format!("{a}*{b}")).1.sum, a * b);
            if a >= b {
                assert_eq!(worked(&format!("{a}-{b}")).1.written, a - b);
            }
            if b > 0 {
                let end = worked(&format!("{a}/{b}")).1;
                assert_eq!((end.written, end.carry), (a / b, a % b));
            }
        }
    }

    #[test]
    fn a_division_has_choices_and_dead_ends() {
        let sheet = Sheet::read_problem("17/7").unwrap();
        let state = sheet.after(&Columns::default(), 0).unwrap().0;
        let ends = |choice| sheet.after(&state, choice).map(|(next, _)| sheet.status(&next));
        assert_eq!((ends(1), ends(2), ends(3)), (Some(Status::DeadEnd), Some(Status::Solved), None));
        let read = |text| sheet.read_action(&state, text);
        assert_eq!(read("17-2*7=3"), Ok(2));
        assert_eq!(read("17-2*7=4"), Err(ActionFault::Arithmetic));
        assert_eq!(read("17-3*7=0"), Err(ActionFault::Illegal));
        assert_eq!(read("18-2*7=4"), Err(ActionFault::Unavailable));
        assert_eq!(read("17-2*7=-3"), Err(ActionFault::Syntax));
    }
}
