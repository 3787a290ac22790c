//! The formula of a `multi` grader, kept as instructions for a stack: read once, without recursion, never run as code.

use serde::{Deserialize, Serialize};

/// A formula over the scores of named graders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Formula {
    text: String,
    program: Vec<Instruction>,
}

#[derive(Clone, Debug, PartialEq)]
enum Instruction {
    Number(f64),
    Name(String),
    Negate,
    Binary(u8),
    Call(Function),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Function {
    Min,
    Max,
    Abs,
    Floor,
    Ceil,
    Sqrt,
    Exp,
    Log,
}

const FUNCTIONS: [(&str, Function, usize); 8] = [
    ("min", Function::Min, 2),
    ("max", Function::Max, 2),
    ("abs", Function::Abs, 1),
    ("floor", Function::Floor, 1),
    ("ceil", Function::Ceil, 1),
    ("sqrt", Function::Sqrt, 1),
    ("exp", Function::Exp, 1),
    ("log", Function::Log, 1),
];

/// What waits on the stack of the reader.
enum Waiting {
    Open(Option<(Function, usize)>, usize),
    Binary(u8),
    Negate,
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    /// What does not read, as a lower-case fragment.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("the formula `{text}` is not allowed: {what}");
        let (mut program, mut waiting) = (Vec::new(), Vec::new());
        let (mut rest, mut wants_operand) = (text.trim_start(), true);
        while let Some(symbol) = rest.chars().next() {
            let length = |holds: fn(char) -> bool| rest.find(|symbol| !holds(symbol)).unwrap_or(rest.len());
            let mut used = symbol.len_utf8();
            match symbol {
                '0'..='9' | '.' if wants_operand => {
                    used = length(|symbol| symbol.is_ascii_digit() || symbol == '.');
                    program.push(Instruction::Number(rest[..used].parse().map_err(|_| wrong("not a number"))?));
                    wants_operand = false;
                }
                'a'..='z' | 'A'..='Z' | '_' if wants_operand => {
                    used = length(|symbol| symbol.is_ascii_alphanumeric() || symbol == '_');
                    let (name, behind) = rest.split_at(used);
                    if behind.trim_start().starts_with('(') {
                        let (_, function, count) = FUNCTIONS.into_iter().find(|known| known.0 == name).ok_or_else(|| wrong("an unknown function"))?;
                        used = rest.len() - behind.trim_start().len() + 1;
                        waiting.push(Waiting::Open(Some((function, count)), 1));
                    } else {
                        program.push(Instruction::Name(name.into()));
                        wants_operand = false;
                    }
                }
                '(' if wants_operand => waiting.push(Waiting::Open(None, 1)),
                '-' if wants_operand => waiting.push(Waiting::Negate),
                '+' | '-' | '*' | '/' if !wants_operand => {
                    let sign = symbol as u8;
                    while let Some(top) = waiting.pop_if(|top| rank(top) >= rank(&Waiting::Binary(sign))) {
                        emit(top, &mut program);
                    }
                    waiting.push(Waiting::Binary(sign));
                    wants_operand = true;
                }
                ',' | ')' if !wants_operand => {
                    while let Some(top) = waiting.pop_if(|top| rank(top) > 0) {
                        emit(top, &mut program);
                    }
                    let Some(Waiting::Open(call, count)) = waiting.pop() else { return Err(wrong("a parenthesis that was not opened")) };
                    match call {
                        Some((_, most)) if symbol == ',' && count < most => {
                            waiting.push(Waiting::Open(call, count + 1));
                            wants_operand = true;
                        }
                        Some((function, most)) if symbol == ')' && count == most => program.push(Instruction::Call(function)),
                        None if symbol == ')' => {}
                        _ => return Err(wrong("a function with too few or too many arguments")),
                    }
                }
                _ => return Err(wrong(&format!("`{symbol}` where it cannot stand"))),
            }
            rest = rest[used..].trim_start();
        }
        if wants_operand {
            return Err(wrong("an operand is missing at the end"));
        }
        while let Some(top) = waiting.pop() {
            if rank(&top) == 0 {
                return Err(wrong("a parenthesis is not closed"));
            }
            emit(top, &mut program);
        }
        Ok(Self { text: text.into(), program })
    }

    /// The names that the formula asks for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.program.iter().filter_map(|instruction| if let Instruction::Name(name) = instruction { Some(name.as_str()) } else { None })
    }

    /// The value, with `score` giving that of a name.
    pub fn value(&self, score: &mut dyn FnMut(&str) -> f64) -> f64 {
        let mut stack: Vec<f64> = Vec::new();
        for instruction in &self.program {
            let mut pop = || stack.pop().expect("a formula that was read has its operands");
            let value = match instruction {
                Instruction::Number(number) => *number,
                Instruction::Name(name) => score(name),
                Instruction::Negate => -pop(),
                Instruction::Binary(sign) => {
                    let (right, left) = (pop(), pop());
                    match sign {
                        b'+' => left + right,
                        b'-' => left - right,
                        b'*' => left * right,
                        _ => left / right,
                    }
                }
                Instruction::Call(function) => {
                    let last = pop();
                    match function {
                        Function::Min => pop().min(last),
                        Function::Max => pop().max(last),
                        Function::Abs => last.abs(),
                        Function::Floor => last.floor(),
                        Function::Ceil => last.ceil(),
                        Function::Sqrt => last.sqrt(),
                        Function::Exp => last.exp(),
                        Function::Log => last.ln(),
                    }
                }
            };
            stack.push(value);
        }
        stack.pop().expect("a formula has a value")
    }
}

fn rank(waiting: &Waiting) -> u8 {
    match waiting {
        Waiting::Open(..) => 0,
        Waiting::Binary(b'+' | b'-') => 1,
        Waiting::Binary(_) => 2,
        Waiting::Negate => 3,
    }
}

fn emit(waiting: Waiting, program: &mut Vec<Instruction>) {
    match waiting {
        Waiting::Open(..) => {}
        Waiting::Binary(sign) => program.push(Instruction::Binary(sign)),
        Waiting::Negate => program.push(Instruction::Negate),
    }
}

impl TryFrom<String> for Formula {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::read(&text)
    }
}

impl From<Formula> for String {
    fn from(formula: Formula) -> Self {
        formula.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_computed() {
        for (text, expected) in [
            ("1", 1.0),
            ("0.8*a + 0.2*b", 0.9),
            ("a-b-b", 0.0),
            ("-a*2+3", 1.0),
            ("-(a+b)/2", -0.75),
            ("min(a, b) + max(a,(b))", 1.5),
            ("floor(1.5) + ceil(1.5) + sqrt(4) + abs(-1)", 6.0),
            ("exp(log(2))", 2.0),
        ] {
            let value = Formula::read(text).unwrap().value(&mut |name| if name == "a" { 1.0 } else { 0.5 });
            assert!((value - expected).abs() < 1e-12, "{text} = {value}");
        }
    }

    #[test]
    fn what_is_no_formula_is_refused() {
        for text in ["", "a+", "a b", "(a", "a)", "min(a)", "abs(a,b)", "max()", "a**2", "system(a)", "a;b", "1.2.3", "a,b", "é"] {
            assert!(Formula::read(text).is_err(), "{text}");
        }
        assert!(Formula::read(&["(".repeat(100_000), "1".into(), ")".repeat(100_000)].concat()).is_ok());
    }
}
