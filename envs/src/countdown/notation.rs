//! How Countdown is written: `24:[3, 5, 9]`, `[5, 27]`, `3*9=27`, `27,24`.
//!
//! A value that is no natural number stands in parentheses: `(-5)`, `(8/3)`. A problem under other rules than the environment's begins with
//! their name: `rational 24:[3, 3, 8, 8]`.

use super::{Combine, MAX_NUMBERS, Numbers, NumbersGame, Op, Preset, Problem, Rules, Value};
use crate::{
    ActionFault, Environment, Language, Notation, Pattern, Symbols,
    digits::{push_integer, read_integer},
    pattern::largest_of_digits,
};

impl<P: Preset> Notation for NumbersGame<P> {
    const ACTION_NOUN: &'static str = "Operation";
    const STATE_NOUN: &'static str = "Numbers";

    fn symbols(&self) -> Symbols {
        let phrases = ["[", "]", ", ", ":[", ",", "+", "-", "*", "/", "=", "(", ")", "sos ", "rational ", "subset "].map(String::from).to_vec();
        Symbols { phrases, has_integers: true, largest_input: self.max_number.max(self.targets.last().copied().unwrap_or(0)) }
    }

    #[inline]
    fn write_state(&self, problem: &Problem, state: &Numbers, out: &mut String) {
        self.write_state_prefix(problem, out);
        self.write_successor(problem, state, out);
    }

    #[inline]
    fn write_state_prefix(&self, problem: &Problem, out: &mut String) -> bool {
        if problem.rules != self.rules {
            out.push_str(problem.rules.name());
            out.push(' ');
        }
        push_integer(out, i64::from(problem.target));
        out.push(':');
        true
    }

    #[inline]
    fn write_successor(&self, _problem: &Problem, state: &Numbers, out: &mut String) {
        out.push('[');
        if state.is_whole() {
            write_list(state.as_slice().iter().map(|value| Value::whole(*value)), out);
        } else {
            write_list(state.values(), out);
        }
        out.push(']');
    }

    #[inline]
    fn write_action(&self, problem: &Problem, state: &Numbers, action: &Combine, out: &mut String) {
        let value = |position: u8| state.value(usize::from(position)).unwrap_or(Value::whole(0));
        let (left, right) = (value(action.left), value(action.right));
        write_value(left, out);
        out.push(action.op.sign());
        write_value(right, out);
        out.push('=');
        write_value(problem.rules.apply(action.op, left, right).unwrap_or(Value::whole(0)), out);
    }

    /// The last number, or under `subset` the one that is the target, and the target.
    #[inline]
    fn write_comparison(&self, problem: &Problem, state: &Numbers, out: &mut String) {
        let target = Value::whole(i64::from(problem.target));
        let is_hit = problem.rules == Rules::Subset && state.values().any(|value| value == target);
        write_value(if is_hit { target } else { state.values().next_back().unwrap_or(Value::whole(0)) }, out);
        out.push(',');
        write_value(target, out);
    }

    fn language(&self, problem: Option<&Problem>) -> Language {
        let rules = problem.map_or(self.rules, |problem| problem.rules);
        let drawn = vec![self.max_number; self.size];
        let numbers = problem.map_or(&drawn, |problem| &problem.numbers);
        let value = values(rules, largest_value(rules, numbers));
        let target = match problem {
            Some(problem) => Pattern::text(problem.target.to_string()),
            None => Pattern::integers(0..=self.targets.last().copied().unwrap_or(0).into()),
        };
        let name = if rules == self.rules { String::new() } else { format!("{} ", rules.name()) };
        let list = Pattern::line(&["[", "]"], [value.clone().list(", ", numbers.len() as u32)]);
        let operation = [value.clone(), Pattern::one_of("+-*/"), value.clone(), Pattern::text("="), value.clone()];
        Language {
            action: Pattern::sequence(operation),
            state: Pattern::line(&[&name, ":", ""], [target.clone(), list.clone()]),
            successor: list.clone(),
            place: list,
            comparison: Pattern::line(&["", ",", ""], [value, target]),
        }
    }

    fn read_problem(&self, text: &str) -> Option<Problem> {
        let (rules, text) = match text.split_once(' ') {
            Some((name, rest)) if Rules::from_name(name).is_some() => (Rules::from_name(name)?, rest),
            _ => (self.rules, text),
        };
        let (target, list) = text.split_once(':')?;
        let list = list.strip_prefix('[')?.strip_suffix(']')?;
        let target = u32::try_from(read_integer(target)?).ok()?;
        let mut numbers = Vec::with_capacity(MAX_NUMBERS);
        for part in list.split(", ") {
            if numbers.len() == MAX_NUMBERS {
                return None;
            }
            numbers.push(u32::try_from(read_integer(part)?).ok()?);
        }
        let problem = Problem { numbers, target, rules };
        self.validate(&problem).is_ok().then_some(problem)
    }

    #[inline]
    fn read_action(&self, problem: &Problem, state: &Numbers, text: &str, effect: Option<&str>) -> Result<Combine, ActionFault> {
        let (left, op, right, result) = read_operation(text).ok_or(ActionFault::Syntax)?;
        let len = usize::from(state.len);
        let made = problem.rules.apply(op, left, right);
        if effect.is_none() {
            let find = |value, other| (0..len).find(|position| *position != other && state.value(*position) == Some(value));
            let i = find(left, len).ok_or(ActionFault::Unavailable)?;
            let j = find(right, i).ok_or(ActionFault::Unavailable)?;
            let made = made.ok_or(ActionFault::Illegal)?;
            return if made == result { Ok(Combine { left: i as u8, op, right: j as u8 }) } else { Err(ActionFault::Arithmetic) };
        }
        let mut found = None;
        for i in (0..len).filter(|i| state.value(*i) == Some(left)) {
            for j in (0..len).filter(|j| *j != i && state.value(*j) == Some(right)) {
                let action = Combine { left: i as u8, op, right: j as u8 };
                if made.is_none() {
                    return Err(ActionFault::Illegal);
                }
                if let Some(effect) = effect {
                    let Ok(next) = self.apply(problem, state, &action) else { return Err(ActionFault::Illegal) };
                    let mut written = String::new();
                    self.write_successor(problem, &next, &mut written);
                    if effect == written {
                        return if made == Some(result) { Ok(action) } else { Err(ActionFault::Arithmetic) };
                    }
                }
                found = found.or(Some(action));
            }
        }
        match found {
            None => Err(ActionFault::Unavailable),
            Some(action) if made == Some(result) => Ok(action),
            Some(_) => Err(ActionFault::Arithmetic),
        }
    }

    /// The first operand that is not there.
    fn write_missing(&self, _problem: &Problem, state: &Numbers, text: &str, out: &mut String) {
        let Some((left, _, right, _)) = read_operation(text) else { return };
        let len = usize::from(state.len);
        let find = |value, other| (0..len).find(|position| *position != other && state.value(*position) == Some(value));
        match find(left, len) {
            None => write_value(left, out),
            Some(place) if find(right, place).is_none() => write_value(right, out),
            Some(_) => {}
        }
    }
}

/// The largest numerator or denominator that numbers can make, filled up with nines.
///
/// Each number counts at least 2, so that a product bounds a sum; a sum of fractions can be twice the product of their parts.
fn largest_value(rules: Rules, numbers: &[u32]) -> u64 {
    let factor = |number: &u32| u64::from(*number).max(1) * 2;
    let whole = |number: &u32| u64::from(*number).max(2);
    let factors = numbers.iter().map(|number| if rules == Rules::Rational { factor(number) } else { whole(number) });
    largest_of_digits(factors.fold(1, u64::saturating_mul).to_string().len() as u32)
}

/// Values as [`write_value`] writes them, but that a fraction need not be in lowest terms.
fn values(rules: Rules, largest: u64) -> Pattern {
    let whole = Pattern::integers(0..=largest);
    if rules != Rules::Rational {
        return whole;
    }
    // The least signed integer has no positive counterpart.
    let negative = || Pattern::sequence([Pattern::text("-"), Pattern::integers(1..=largest + u64::from(largest == i64::MAX as u64))]);
    let fraction = Pattern::line(&["", "/", ""], [Pattern::choice([Pattern::integers(1..=largest), negative()]), Pattern::integers(2..=largest)]);
    Pattern::choice([whole, Pattern::line(&["(", ")"], [Pattern::choice([negative(), fraction])])])
}

/// Appends values between commas.
#[inline]
fn write_list(values: impl Iterator<Item = Value>, out: &mut String) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write_value(value, out);
    }
}

/// Appends a value: `27`, `(-5)`, `(8/3)`.
#[inline]
pub(super) fn write_value(value: Value, out: &mut String) {
    if value.den == 1 && value.num >= 0 {
        return push_integer(out, value.num);
    }
    out.push('(');
    push_integer(out, value.num);
    if value.den != 1 {
        out.push('/');
        push_integer(out, value.den);
    }
    out.push(')');
}

/// Reads a value as [`write_value`] writes it from the front of a text; gives the rest.
#[inline]
fn read_value(text: &str) -> Option<(Value, &str)> {
    let (mut value, mut len) = (0, 0);
    while let Some(digit) = text.as_bytes().get(len).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10) {
        value = i64::wrapping_add(i64::wrapping_mul(value, 10), i64::from(digit));
        len += 1;
    }
    let is_canonical = len == 1 || (2..=18).contains(&len) && !text.starts_with('0');
    if is_canonical { Some((Value::whole(value), &text[len..])) } else { read_rare_value(text) }
}

/// A value in parentheses, or an integer that is very long or none. A fraction that is not in lowest terms is none that any state has.
#[cold]
fn read_rare_value(text: &str) -> Option<(Value, &str)> {
    if let Some(inner) = text.strip_prefix('(') {
        let (inner, rest) = inner.split_once(')')?;
        let (num, den) = inner.split_once('/').unwrap_or((inner, "1"));
        let (num, den) = (read_integer(num)?, read_integer(den)?);
        let is_value = if inner.contains('/') { num != 0 && den > 1 } else { num < 0 };
        return is_value.then_some((Value { num, den }, rest));
    }
    let end = text.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(text.len());
    Some((Value::whole(read_integer(&text[..end])?), &text[end..]))
}

/// Reads `a+b=c` with one operator.
fn read_operation(text: &str) -> Option<(Value, Op, Value, Value)> {
    let (left, rest) = read_value(text)?;
    let op = match rest.as_bytes().first()? {
        b'+' => Op::Add,
        b'*' => Op::Multiply,
        b'-' => Op::Subtract,
        b'/' => Op::Divide,
        _ => return None,
    };
    let (right, rest) = read_value(&rest[1..])?;
    let (result, rest) = read_value(rest.strip_prefix('=')?)?;
    rest.is_empty().then_some((left, op, right, result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Difficulty, countdown::Countdown};

    #[test]
    fn faults_are_told_apart() {
        let env = Countdown::configure(&Difficulty::sized(3)).unwrap();
        let problem = env.read_problem("24:[3, 5, 9]").unwrap();
        let state = env.initial(&problem);
        let read = |text| env.read_action(&problem, &state, text, None);
        assert_eq!(read("3*9=27"), Ok(Combine { left: 0, op: Op::Multiply, right: 2 }));
        assert_eq!(read("3*9=28"), Err(ActionFault::Arithmetic));
        assert_eq!(read("3*3=9"), Err(ActionFault::Unavailable));
        assert_eq!(read("3-5=2"), Err(ActionFault::Illegal));
        assert_eq!(read("9/5=1"), Err(ActionFault::Illegal));
        for text in ["", "3*9", "3**9=1", "3 * 9=27", "03*9=27", "3*9=27=27", "-3+5=2", "3*9=2_7", "٣*9=27"] {
            assert_eq!(read(text), Err(ActionFault::Syntax), "{text:?}");
        }
    }

    #[test]
    fn the_operand_that_is_not_there_is_named() {
        let env = Countdown::configure(&Difficulty::sized(3)).unwrap();
        let problem = env.read_problem("24:[3, 5, 9]").unwrap();
        let missing = |text| {
            let mut out = String::new();
            env.write_missing(&problem, &env.initial(&problem), text, &mut out);
            out
        };
        assert_eq!([missing("7+3=10"), missing("3+7=10"), missing("3+3=6"), missing("(-1)+3=2")], ["7", "7", "3", "(-1)"]);
        assert_eq!([missing("3+5=8"), missing("3+"), missing("")], [""; 3]);
    }

    #[test]
    fn equal_numbers_are_told_apart_by_the_effect() {
        let env = Countdown::configure(&Difficulty::sized(3)).unwrap();
        let problem = env.read_problem("24:[5, 7, 5, 2]").unwrap();
        let state = env.initial(&problem);
        let read = |effect| env.read_action(&problem, &state, "5+2=7", Some(effect)).unwrap().left;
        assert_eq!((read("[7, 5, 7]"), read("[5, 7, 7]")), (0, 2));
    }

    #[test]
    fn foreign_problems_do_not_read() {
        let env = Countdown::configure(&Difficulty::sized(3)).unwrap();
        for text in ["", "24", "24:", "24:[]", "24:[3,5]", "24:[3, 5", "x:[3]", "24:[1, 2, 3, 4, 5, 6, 7]", "24:[1000, 2]", "-4:[3, 5]", "24:[3, 5] "] {
            assert_eq!(env.read_problem(text), None, "{text:?}");
        }
    }

    #[test]
    fn rationals_stand_in_parentheses() {
        let env = Countdown::configure(&Difficulty::sized(4)).unwrap();
        let problem = env.read_problem("rational 24:[3, 8, 5, 3]").unwrap();
        let mut state = env.initial(&problem);
        for (text, effect) in [("8/3=(8/3)", "[5, 3, (8/3)]"), ("3-5=(-2)", "[(8/3), (-2)]"), ("(8/3)/(-2)=(-4/3)", "[(-4/3)]")] {
            let action = env.read_action(&problem, &state, text, Some(effect)).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            state = env.apply(&problem, &state, &action).unwrap();
            let mut written = String::new();
            env.write_successor(&problem, &state, &mut written);
            assert_eq!(written, effect);
        }
        let start = env.initial(&problem);
        assert_eq!(env.read_action(&problem, &start, "8/3=(16/6)", None), Err(ActionFault::Arithmetic));
        assert_eq!(env.read_action(&problem, &start, "(6/2)+8=11", None), Err(ActionFault::Unavailable));
        for text in ["8/3=(8/3", "8/(3)=1", "(8)/3=1", "(0/1)+3=3", "(-0)+3=3", "8/3=((8/3))", "(8/-3)+1=1", "(1/0)+3=3"] {
            assert_eq!(env.read_action(&problem, &start, text, None), Err(ActionFault::Syntax), "{text}");
        }
    }
}
