//! Cryptarithm: give each letter a digit of its own so that a sum of words is right (SEND + MORE = MONEY).
//!
//! Letters are assigned column by column from the right, the addends of a column before its result, so that a column can be checked as
//! soon as its letters are known; a state whose finished columns do not add up is a dead end. First letters of longer words are not 0. A
//! search does all the work here and a text of it is hard to imitate: the adversarial case.

mod generate;
mod oracle;
mod puzzle;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use puzzle::{MAX_ADDENDS, MAX_LETTERS, MAX_WORD, Problem};

use crate::{
    ActionFault, Canonical, Difficulty, Environment, Facet, Heuristic, IllegalAction, Language, Notation, Pattern, SettingError, Status, Symbols,
    digits::{push_integer, read_integer},
    pattern::largest_of_digits,
};

/// The digits of the letters so far, in the problem's order of letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digits {
    len: u8,
    digits: [u8; MAX_LETTERS],
}

impl Digits {
    /// The digits that are assigned.
    pub fn as_slice(&self) -> &[u8] {
        &self.digits[..usize::from(self.len)]
    }

    /// The assignment with one more digit.
    fn with(&self, digit: u8) -> Self {
        let mut next = *self;
        next.digits[usize::from(self.len)] = digit;
        next.len += 1;
        next
    }
}

/// Gives a digit to a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assign {
    /// The letter: always the next one.
    pub letter: char,
    /// Its digit.
    pub digit: u8,
}

/// The environment; made by [`Environment::configure`].
///
/// The size is the length of the longest addend, 2 to 6 (3). Settings: `addends` (2 to 4, 2).
#[derive(Clone, Debug)]
pub struct Cryptarithm {
    length: usize,
    addends: usize,
}

const HEURISTICS: &[Heuristic] = &[Heuristic { name: "letters", is_admissible: true }, Heuristic { name: "zero", is_admissible: true }];

impl Environment for Cryptarithm {
    type Problem = Problem;
    type State = Digits;
    type Action = Assign;

    const NAME: &'static str = "cryptarithm";

    fn configure(difficulty: &Difficulty) -> Result<Self, SettingError> {
        generate::configure(difficulty)
    }

    /// Problems cannot be made outside of what is allowed.
    fn validate(&self, _problem: &Problem) -> Result<(), String> {
        Ok(())
    }

    fn generate(&self, rng: &mut ChaCha8Rng) -> Problem {
        generate::generate(self, rng)
    }

    fn initial(&self, _problem: &Problem) -> Digits {
        Digits { len: 0, digits: [0; MAX_LETTERS] }
    }

    fn status(&self, problem: &Problem, state: &Digits) -> Status {
        match problem.mismatch(state.as_slice()) {
            Some(_) => Status::DeadEnd,
            None if usize::from(state.len) == problem.letters().len() => Status::Solved,
            None => Status::Open,
        }
    }

    fn actions(&self, problem: &Problem, state: &Digits, out: &mut Vec<Assign>) {
        if self.status(problem, state) == Status::Open {
            let letter = problem.letters()[usize::from(state.len)];
            out.extend((0..10).filter(|digit| problem.allows(state.as_slice(), *digit)).map(|digit| Assign { letter, digit }));
        }
    }

    fn apply(&self, problem: &Problem, state: &Digits, action: &Assign) -> Result<Digits, IllegalAction> {
        let is_next = self.status(problem, state) == Status::Open && problem.letters()[usize::from(state.len)] == action.letter;
        if is_next && problem.allows(state.as_slice(), action.digit) {
            Ok(state.with(action.digit))
        } else {
            Err(IllegalAction::new(format!("{}={} is not allowed", action.letter, action.digit)))
        }
    }

    fn heuristics(&self) -> &'static [Heuristic] {
        HEURISTICS
    }

    fn heuristic(&self, index: usize, problem: &Problem, state: &Digits) -> f64 {
        self.lower_bound(problem, state).map_or(f64::INFINITY, |letters| f64::from(letters * u32::from(index == 0)))
    }

    fn lower_bound(&self, problem: &Problem, state: &Digits) -> Option<u32> {
        (self.status(problem, state) != Status::DeadEnd).then(|| problem.letters().len() as u32 - u32::from(state.len))
    }
}

impl Notation for Cryptarithm {
    const ACTION_NOUN: &'static str = "Letter";
    const STATE_NOUN: &'static str = "Digits";

    fn symbols(&self) -> Symbols {
        let phrases = ["+", "=", " ", ",", "none"].map(String::from).into_iter().chain(('A'..='Z').map(String::from)).collect();
        Symbols { phrases, has_integers: true, largest_input: 9 }
    }

    /// The sum of words, and behind it the digits that are known: `SEND+MORE=MONEY D=7 E=5`.
    fn write_state(&self, problem: &Problem, state: &Digits, out: &mut String) {
        problem.write(out);
        if state.len > 0 {
            out.push(' ');
            self.write_successor(problem, state, out);
        }
    }

    fn write_successor(&self, problem: &Problem, state: &Digits, out: &mut String) {
        if state.len == 0 {
            out.push_str("none");
        }
        for (index, (letter, digit)) in problem.letters().iter().zip(state.as_slice()).enumerate() {
            out.push_str(if index == 0 { "" } else { " " });
            out.push(*letter);
            out.push('=');
            push_integer(out, i64::from(*digit));
        }
    }

    fn write_action(&self, _problem: &Problem, _state: &Digits, action: &Assign, out: &mut String) {
        out.push(action.letter);
        out.push('=');
        push_integer(out, i64::from(action.digit));
    }

    /// The last digit of the first column that does not add up and the digit of its result letter; at a solution the sum and the result.
    fn write_comparison(&self, problem: &Problem, state: &Digits, out: &mut String) {
        let (sum, result) = problem.mismatch(state.as_slice()).unwrap_or_else(|| problem.values(state.as_slice()));
        push_integer(out, sum as i64);
        out.push(',');
        push_integer(out, result as i64);
    }

    /// Letters get their digits in the problem's order.
    fn language(&self, problem: Option<&Problem>) -> Language {
        let digit = || Pattern::digit(0, 9);
        let any = || Pattern::one_of(('A'..='Z').collect::<String>());
        let (words, letters, known, width) = match problem {
            Some(problem) => {
                let mut words = String::new();
                problem.write(&mut words);
                let given = |before: &str, letter: char, rest| Pattern::sequence([Pattern::text(format!("{before}{letter}=")), digit(), rest]);
                let (first, others) = problem.letters().split_first().expect("words have letters");
                let rest = others.iter().rev().fold(Pattern::sequence([]), |rest, letter| given(" ", *letter, rest).optional());
                let letters = Pattern::one_of(problem.letters().iter().collect::<String>());
                (Pattern::text(words), letters, given("", *first, rest), problem.columns().len())
            }
            None => {
                let word = any().repeat(1, MAX_WORD as u32);
                let sum = Pattern::line(&["", "=", ""], [word.clone().list("+", MAX_ADDENDS as u32), word]);
                (sum, any(), Pattern::line(&["", "=", ""], [any(), digit()]).list(" ", MAX_LETTERS as u32), MAX_WORD)
            }
        };
        let value = || Pattern::integers(0..=largest_of_digits(width as u32 + 1));
        let successor = Pattern::choice([Pattern::text("none"), known.clone()]);
        Language {
            action: Pattern::line(&["", "=", ""], [letters, digit()]),
            state: Pattern::sequence([words, Pattern::line(&[" ", ""], [known]).optional()]),
            successor: successor.clone(),
            place: successor,
            comparison: Pattern::line(&["", ",", ""], [value(), value()]),
        }
    }

    fn read_problem(&self, text: &str) -> Option<Problem> {
        let (addends, result) = text.split_once('=')?;
        let words = addends.split('+').take(MAX_ADDENDS + 1).map(String::from).collect();
        Problem::new(words, result.into()).ok()
    }

    fn read_action(&self, problem: &Problem, state: &Digits, text: &str, _effect: Option<&str>) -> Result<Assign, ActionFault> {
        let (letter, digit) = text.split_once('=').ok_or(ActionFault::Syntax)?;
        let digit = read_integer(digit).and_then(|digit| u8::try_from(digit).ok()).filter(|digit| *digit < 10).ok_or(ActionFault::Syntax)?;
        let mut symbols = letter.chars();
        let (Some(letter), None) = (symbols.next().filter(char::is_ascii_uppercase), symbols.next()) else { return Err(ActionFault::Syntax) };
        if !problem.letters().contains(&letter) {
            return Err(ActionFault::Unavailable);
        }
        let action = Assign { letter, digit };
        self.apply(problem, state, &action).map(|_| action).map_err(|_| ActionFault::Illegal)
    }
}

impl Canonical for Cryptarithm {
    /// The least text over the orders of the addends, with letters renamed in order of appearance.
    fn canonical_key(&self, problem: &Problem) -> String {
        let texts = problem.arrangements().into_iter().map(|arranged| {
            let mut text = String::from("cryptarithm:");
            arranged.renamed().write(&mut text);
            text
        });
        texts.min().expect("there is one arrangement at least")
    }

    /// The pattern of the result's letters (`ABBC`); letters of the longest addend; the pattern of the addends (`ABC+DBA`), the least over
    /// their orders.
    fn facet(&self, problem: &Problem, facet: Facet) -> Option<String> {
        Some(match facet {
            Facet::Target => problem.result_pattern(),
            Facet::Size => problem.longest_addend().to_string(),
            Facet::Set => {
                let addends = problem.arrangements().into_iter().map(|arranged| {
                    let mut text = String::new();
                    arranged.renamed().write(&mut text);
                    text.split('=').next().unwrap_or_default().to_string()
                });
                addends.min().expect("there is one arrangement at least")
            }
        })
    }

    fn symmetries(&self, problem: &Problem) -> Vec<Problem> {
        let renamed: Vec<Problem> = problem.arrangements().iter().map(Problem::renamed).collect();
        problem.arrangements().into_iter().chain(renamed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Oracle, verifier::replay};

    fn env() -> Cryptarithm {
        Cryptarithm::configure(&Difficulty::default()).unwrap()
    }

    #[test]
    fn send_more_money_has_its_one_solution() {
        let env = env();
        let problem = env.read_problem("SEND+MORE=MONEY").unwrap();
        assert_eq!(problem.letters().iter().collect::<String>(), "DEYNROSM");
        let solution = [("D", 7), ("E", 5), ("Y", 2), ("N", 6), ("R", 8), ("O", 0), ("S", 9), ("M", 1)];
        let plan: Vec<Assign> = solution.map(|(letter, digit)| Assign { letter: letter.parse().unwrap(), digit }).to_vec();
        assert!(replay(&env, &problem, &plan).is_solved());
        assert_eq!((env.solutions(&problem, 5), env.optimal_cost(&problem)), (1, Some(8)));
    }

    #[test]
    fn a_finished_column_that_is_wrong_ends_the_branch() {
        let env = env();
        let problem = env.read_problem("SEND+MORE=MONEY").unwrap();
        let mut state = env.initial(&problem);
        for (letter, digit) in [('D', 7), ('E', 5), ('Y', 3)] {
            assert_eq!(env.status(&problem, &state), Status::Open);
            state = env.apply(&problem, &state, &Assign { letter, digit }).unwrap();
        }
        assert_eq!(env.status(&problem, &state), Status::DeadEnd);
        let mut text = String::new();
        env.write_comparison(&problem, &state, &mut text);
        assert_eq!(text, "2,3");
    }

    #[test]
    fn faults_are_told_apart() {
        let env = env();
        let problem = env.read_problem("SEND+MORE=MONEY").unwrap();
        let read = |text| env.read_action(&problem, &env.initial(&problem), text, None);
        assert!(read("D=7").is_ok());
        assert_eq!(read("E=7"), Err(ActionFault::Illegal));
        assert_eq!(read("X=7"), Err(ActionFault::Unavailable));
        for text in ["", "D", "D=", "D=10", "D=-1", "d=7", "DE=7", "é=7", "D=7 "] {
            assert_eq!(read(text), Err(ActionFault::Syntax), "{text:?}");
        }
    }
}
