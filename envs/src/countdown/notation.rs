//! How Countdown is written: `24:[3, 5, 9]`, `[5, 27]`, `3*9=27`, `27,24`.

use super::{Combine, Countdown, MAX_NUMBERS, Numbers, Op, Problem, Rules};
use crate::{
    ActionFault, Environment, Notation, Symbols,
    digits::{push_integer, read_integer},
};

impl Notation for Countdown {
    const ACTION_NOUN: &'static str = "Operation";
    const STATE_NOUN: &'static str = "Numbers";

    fn symbols(&self) -> Symbols {
        let phrases = ["[", "]", ", ", ":[", ",", "+", "-", "*", "/", "="].map(String::from).to_vec();
        Symbols { phrases, has_integers: true, largest_input: self.max_number.max(self.targets.last().copied().unwrap_or(0)) }
    }

    fn write_state(&self, problem: &Problem, state: &Numbers, out: &mut String) {
        push_integer(out, i64::from(problem.target));
        out.push(':');
        self.write_successor(problem, state, out);
    }

    fn write_successor(&self, _problem: &Problem, state: &Numbers, out: &mut String) {
        out.push('[');
        for (index, value) in state.as_slice().iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            push_integer(out, *value);
        }
        out.push(']');
    }

    fn write_action(&self, _problem: &Problem, state: &Numbers, action: &Combine, out: &mut String) {
        let value = |position: u8| state.as_slice().get(usize::from(position)).copied().unwrap_or_default();
        let (left, right) = (value(action.left), value(action.right));
        push_integer(out, left);
        out.push(action.op.sign());
        push_integer(out, right);
        out.push('=');
        push_integer(out, action.op.apply(left, right).unwrap_or_default());
    }

    fn write_comparison(&self, problem: &Problem, state: &Numbers, out: &mut String) {
        push_integer(out, state.as_slice().last().copied().unwrap_or_default());
        out.push(',');
        push_integer(out, i64::from(problem.target));
    }

    fn read_problem(&self, text: &str) -> Option<Problem> {
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
        let problem = Problem { numbers, target, rules: Rules::Sos };
        self.validate(&problem).is_ok().then_some(problem)
    }

    fn read_action(&self, problem: &Problem, state: &Numbers, text: &str, effect: Option<&str>) -> Result<Combine, ActionFault> {
        let (left, op, right, result) = read_operation(text).ok_or(ActionFault::Syntax)?;
        let values = state.as_slice();
        let mut found = None;
        for i in (0..values.len()).filter(|i| values[*i] == left) {
            for j in (0..values.len()).filter(|j| *j != i && values[*j] == right) {
                let action = Combine { left: i as u8, op, right: j as u8 };
                let Ok(next) = self.apply(problem, state, &action) else { return Err(ActionFault::Illegal) };
                let mut written = String::new();
                if effect.is_some() {
                    self.write_successor(problem, &next, &mut written);
                }
                if effect == Some(written.as_str()) {
                    return if op.apply(left, right) == Some(result) { Ok(action) } else { Err(ActionFault::Arithmetic) };
                }
                found = found.or(Some(action));
            }
        }
        match found {
            None => Err(ActionFault::Unavailable),
            Some(action) if op.apply(left, right) == Some(result) => Ok(action),
            Some(_) => Err(ActionFault::Arithmetic),
        }
    }
}

/// Reads `a+b=c` with non-negative integers and one operator.
fn read_operation(text: &str) -> Option<(i64, Op, i64, i64)> {
    let (operation, result) = text.split_once('=')?;
    let at = operation.find(['+', '*', '-', '/'])?;
    let op = Op::ALL.into_iter().find(|op| operation[at..].starts_with(op.sign()))?;
    let natural = |text: &str| read_integer(text).filter(|value| *value >= 0);
    Some((natural(&operation[..at])?, op, natural(&operation[at + 1..])?, natural(result)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Difficulty;

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
}
