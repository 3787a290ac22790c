//! A small dependency graph of quantities modulo a prime, some of which the question does not need.
//!
//! A step computes one quantity whose operands are known (`c=a*4=7*4=5`). Computing one that the question does not need is legal and
//! wasted: nothing is a dead end, and the least cost is the number of quantities that the question depends on.

use std::{fmt::Write as _, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{ActionFault, Status, countdown::Op, digits::read_integer};

/// The most quantities: one a letter.
pub const MAX_QUANTITIES: usize = 26;
/// The largest modulus; values are kept in a byte.
pub const MAX_MODULUS: u32 = 97;
/// A quantity that is not computed yet.
const UNKNOWN: u8 = u8::MAX;

/// A number, or a quantity by its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// A constant below the modulus.
    Number(u8),
    /// Another quantity.
    Quantity(char),
}

/// `c=5` or `c=a+b`; written so in JSON too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Definition {
    /// The letter that is defined.
    pub name: char,
    /// The first term.
    pub first: Term,
    /// `+`, `-` or `*` and the second term.
    pub second: Option<(Op, Term)>,
}

/// Definitions in any order, and the quantity that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graph {
    /// A prime from 2 to [`MAX_MODULUS`].
    pub modulus: u32,
    /// One to 26 definitions.
    pub definitions: Vec<Definition>,
    /// The letter that is asked for.
    pub query: char,
}

/// The value of each letter, where it is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Known([u8; MAX_QUANTITIES]);

impl Known {
    fn get(&self, name: char) -> Option<u8> {
        self.0.get(place(name)?).copied().filter(|value| *value != UNKNOWN)
    }
}

fn place(name: char) -> Option<usize> {
    name.is_ascii_lowercase().then(|| (name as u8 - b'a') as usize)
}

impl std::fmt::Display for Term {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(value) => value.fmt(f),
            Self::Quantity(name) => name.fmt(f),
        }
    }
}

impl FromStr for Term {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut symbols = text.chars();
        match (symbols.next(), symbols.next()) {
            (Some(name), None) if place(name).is_some() => Ok(Self::Quantity(name)),
            _ => {
                read_integer(text).and_then(|value| u8::try_from(value).ok()).map(Self::Number).ok_or_else(|| format!("`{text}` is no letter or small number"))
            }
        }
    }
}

impl std::fmt::Display for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}", self.name, self.first)?;
        self.second.map_or(Ok(()), |(op, term)| write!(f, "{}{term}", op.sign()))
    }
}

impl From<Definition> for String {
    fn from(definition: Definition) -> Self {
        definition.to_string()
    }
}

impl TryFrom<String> for Definition {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fault = || format!("`{text}` does not read as a definition such as `c=a+5`");
        let (name, terms) = text.split_once('=').ok_or_else(fault)?;
        let Ok(Term::Quantity(name)) = name.parse() else { return Err(fault()) };
        let Some(at) = terms.find(['+', '-', '*']) else { return Ok(Self { name, first: terms.parse()?, second: None }) };
        let op = [Op::Add, Op::Subtract, Op::Multiply].into_iter().find(|op| terms[at..].starts_with(op.sign())).ok_or_else(fault)?;
        Ok(Self { name, first: terms[..at].parse()?, second: Some((op, terms[at + 1..].parse()?)) })
    }
}

impl Definition {
    fn terms(&self) -> impl Iterator<Item = Term> {
        [Some(self.first), self.second.map(|(_, term)| term)].into_iter().flatten()
    }

    fn operands(&self) -> impl Iterator<Item = char> {
        self.terms().filter_map(|term| if let Term::Quantity(name) = term { Some(name) } else { None })
    }
}

impl Graph {
    pub(super) fn validate(&self) -> Result<(), String> {
        let is_prime = |value: u32| value >= 2 && (2..value).all(|divisor| !value.is_multiple_of(divisor));
        if self.modulus > MAX_MODULUS || !is_prime(self.modulus) {
            return Err(format!("modulus {} is not allowed; expected a prime up to {MAX_MODULUS}", self.modulus));
        }
        if self.definitions.len() > MAX_QUANTITIES || self.definition(self.query).is_none() {
            return Err(format!("`{}` is not one of at most {MAX_QUANTITIES} definitions", self.query));
        }
        for (index, definition) in self.definitions.iter().enumerate() {
            if self.definitions[..index].iter().any(|earlier| earlier.name == definition.name) {
                return Err(format!("`{}` is defined twice", definition.name));
            }
            if let Some(name) = definition.operands().find(|name| self.definition(*name).is_none()) {
                return Err(format!("`{definition}` uses `{name}`, which is not defined"));
            }
            if let Some(Term::Number(value)) = definition.terms().find(|term| matches!(term, Term::Number(value) if u32::from(*value) >= self.modulus)) {
                return Err(format!("`{definition}` has {value}, which is not below the modulus"));
            }
        }
        let (mut state, mut count) = (self.initial(), 0);
        while let Some(next) = self.definitions.iter().find_map(|definition| self.after(&state, definition.name)) {
            (state, count) = (next, count + 1);
        }
        if count < self.definitions.len() { Err("the definitions go in a circle".into()) } else { Ok(()) }
    }

    fn definition(&self, name: char) -> Option<&Definition> {
        self.definitions.iter().find(|definition| definition.name == name)
    }

    pub(super) fn initial(&self) -> Known {
        Known([UNKNOWN; MAX_QUANTITIES])
    }

    pub(super) fn status(&self, state: &Known) -> Status {
        if state.get(self.query).is_some() { Status::Solved } else { Status::Open }
    }

    fn value(&self, state: &Known, term: Term) -> Option<u8> {
        match term {
            Term::Number(value) => Some(value),
            Term::Quantity(name) => state.get(name),
        }
    }

    /// The value of a definition whose operands are known.
    fn evaluate(&self, state: &Known, definition: &Definition) -> Option<u8> {
        let first = u32::from(self.value(state, definition.first)?);
        let Some((op, term)) = definition.second else { return u8::try_from(first).ok() };
        let second = u32::from(self.value(state, term)?);
        let value = match op {
            Op::Add => first + second,
            Op::Multiply => first * second,
            Op::Subtract | Op::Divide => first + self.modulus - second % self.modulus,
        };
        u8::try_from(value % self.modulus).ok()
    }

    /// The state after computing a quantity that is unknown and whose operands are known.
    pub(super) fn after(&self, state: &Known, name: char) -> Option<Known> {
        let definition = self.definition(name).filter(|definition| state.get(definition.name).is_none())?;
        let mut next = *state;
        next.0[place(name)?] = self.evaluate(state, definition)?;
        Some(next)
    }

    pub(super) fn actions(&self, state: &Known) -> impl Iterator<Item = char> {
        self.definitions.iter().map(|definition| definition.name).filter(|name| self.after(state, *name).is_some())
    }

    /// The quantities that the question depends on and that are not known, in the order in which the definitions mention them.
    fn needed(&self, state: &Known) -> Vec<char> {
        let mut needed = vec![self.query];
        let mut index = 0;
        while let Some(definition) = needed.get(index).and_then(|name| self.definition(*name)) {
            for name in definition.operands() {
                if !needed.contains(&name) && state.get(name).is_none() {
                    needed.push(name);
                }
            }
            index += 1;
        }
        needed.retain(|name| state.get(*name).is_none());
        needed
    }

    /// How many quantities must still be computed: exact.
    pub(super) fn steps(&self, state: &Known) -> u32 {
        if self.status(state) == Status::Solved { 0 } else { self.needed(state).len() as u32 }
    }

    /// The needed definitions with letters given in the order of mention from the question on.
    /// The value of the quantity that is asked for; `None` where it cannot be computed.
    pub(super) fn answer(&self) -> Option<u8> {
        let mut state = self.initial();
        while state.get(self.query).is_none() {
            let name = self.actions(&state).next()?;
            state = self.after(&state, name)?;
        }
        state.get(self.query)
    }

    pub(super) fn key(&self) -> String {
        let names = self.needed(&self.initial());
        let letter = |name: char| names.iter().position(|other| *other == name).map_or(name, |index| char::from(b'a' + index as u8));
        let rename = |term: Term| if let Term::Quantity(name) = term { Term::Quantity(letter(name)) } else { term };
        let mut key = format!("{}", self.modulus);
        for definition in names.iter().filter_map(|name| self.definition(*name)) {
            let renamed =
                Definition { name: letter(definition.name), first: rename(definition.first), second: definition.second.map(|(op, term)| (op, rename(term))) };
            let _ = write!(key, ";{renamed}");
        }
        key
    }

    pub(super) fn write_problem(&self, out: &mut String) {
        let _ = write!(out, "mod {}", self.modulus);
        for definition in &self.definitions {
            let _ = write!(out, "; {definition}");
        }
        let _ = write!(out, "; {}?", self.query);
    }

    /// The known values in the order of the definitions, `none` where there are none.
    pub(super) fn write_state(&self, state: &Known, out: &mut String) {
        let mut is_first = true;
        for name in self.definitions.iter().map(|definition| definition.name) {
            if let Some(value) = state.get(name) {
                let _ = write!(out, "{}{name}={value}", if is_first { "" } else { " " });
                is_first = false;
            }
        }
        if is_first {
            out.push_str("none");
        }
    }

    /// `c=a+5=3+5=8`, or `a=3` for a constant.
    pub(super) fn write_action(&self, state: &Known, name: char, out: &mut String) {
        let Some(definition) = self.definition(name) else { return };
        let _ = write!(out, "{definition}");
        if let Some((op, second)) = definition.second {
            let value = |term| self.value(state, term).unwrap_or(0);
            let result = self.evaluate(state, definition).unwrap_or(0);
            let _ = write!(out, "={}{}{}={result}", value(definition.first), op.sign(), value(second));
        } else if matches!(definition.first, Term::Quantity(_)) {
            let _ = write!(out, "={}", self.evaluate(state, definition).unwrap_or(0));
        }
    }

    /// The value asked for and what it should be.
    pub(super) fn write_comparison(&self, state: &Known, out: &mut String) {
        let mut end = *state;
        while let Some(next) = self.definitions.iter().find_map(|definition| self.after(&end, definition.name)) {
            end = next;
        }
        match state.get(self.query) {
            Some(value) => _ = write!(out, "{value}"),
            None => out.push_str("none"),
        }
        let _ = write!(out, ",{}", end.get(self.query).unwrap_or(0));
    }

    pub(super) fn read_problem(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix("mod ")?.split("; ");
        let modulus = u32::try_from(read_integer(parts.next()?)?).ok()?;
        let (mut definitions, mut query) = (Vec::new(), None);
        for part in parts {
            if query.is_some() || definitions.len() > MAX_QUANTITIES {
                return None;
            }
            match part.strip_suffix('?') {
                Some(name) => query = name.chars().next().filter(|first| name.len() == first.len_utf8()),
                None => definitions.push(Definition::try_from(part.to_string()).ok().filter(|definition| definition.to_string() == part)?),
            }
        }
        let graph = Self { modulus, definitions, query: query? };
        graph.validate().is_ok().then_some(graph)
    }

    pub(super) fn read_action(&self, state: &Known, text: &str) -> Result<char, ActionFault> {
        let Some((Ok(Term::Quantity(name)), rest)) = text.split_once('=').map(|(name, rest)| (name.parse(), rest)) else {
            return Err(ActionFault::Syntax);
        };
        let result = rest.rsplit('=').next().and_then(read_integer);
        if result.is_none() || rest.split(['=', '+', '-', '*']).any(|term| term.parse::<Term>().is_err()) {
            return Err(ActionFault::Syntax);
        }
        self.definition(name).ok_or(ActionFault::Unavailable)?;
        if self.status(state) != Status::Open || self.after(state, name).is_none() {
            return Err(ActionFault::Illegal);
        }
        let mut expected = String::new();
        self.write_action(state, name, &mut expected);
        let left = |text: &str| text.rsplit_once('=').map(|(left, _)| left.to_string());
        match (expected == text, left(&expected) == left(text)) {
            (true, _) => Ok(name),
            (false, true) => Err(ActionFault::Arithmetic),
            (false, false) => Err(ActionFault::Unavailable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "mod 23; d=c*a; a=5; c=a+20; z=c-a; d?";

    #[test]
    fn quantities_are_computed_once_their_operands_are_known() {
        let graph = Graph::read_problem(TEXT).unwrap();
        let mut state = graph.initial();
        assert_eq!(graph.actions(&state).collect::<String>(), "a");
        for (text, known) in [("a=5", "a=5"), ("c=a+20=5+20=2", "a=5 c=2"), ("d=c*a=2*5=10", "d=10 a=5 c=2")] {
            let name = graph.read_action(&state, text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            state = graph.after(&state, name).unwrap();
            let mut written = String::new();
            graph.write_state(&state, &mut written);
            assert_eq!(written, known);
        }
        assert_eq!(graph.status(&state), Status::Solved);
        assert_eq!(graph.steps(&graph.initial()), 3, "z is not needed");
    }

    #[test]
    fn faults_are_told_apart() {
        let graph = Graph::read_problem(TEXT).unwrap();
        let state = graph.after(&graph.initial(), 'a').unwrap();
        let read = |text| graph.read_action(&state, text);
        assert_eq!(read("c=a+20=5+20=3"), Err(ActionFault::Arithmetic));
        assert_eq!(read("c=a+20=6+20=2"), Err(ActionFault::Unavailable));
        assert_eq!(read("q=a+20=5+20=2"), Err(ActionFault::Unavailable));
        assert_eq!(read("d=c*a=2*5=10"), Err(ActionFault::Illegal));
        assert_eq!(read("a=5"), Err(ActionFault::Illegal));
        for text in ["", "c", "c=", "c=a+20=", "C=5", "c=a+20=5+20=2 ", "cc=5", "c=é"] {
            assert_eq!(read(text), Err(ActionFault::Syntax), "{text:?}");
        }
    }

    #[test]
    fn hostile_graphs_do_not_read() {
        for text in [
            "",
            "mod 23",
            "mod 23; a?",
            "mod 22; a=5; a?",
            "mod 101; a=5; a?",
            "mod 23; a=23; a?",
            "mod 23; a=b; b=a; a?",
            "mod 23; a=a+1; a?",
            "mod 23; a=5; a=6; a?",
            "mod 23; a=q; a?",
            "mod 23; a=5; é?",
            "mod 23; a=5; a?; b=6",
            "mod 23; a=5; a? ",
            "mod 23; a=05; a?",
            "mod 23; a=1/2; a?",
            "mod 23; a=1+2+3; a?",
            "mod 99999999999; a=5; a?",
        ] {
            assert_eq!(Graph::read_problem(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_key_forgets_names_order_and_what_is_not_needed() {
        let other = Graph::read_problem("mod 23; x=7; p=5; q=p+20; r=q*p; r?").unwrap();
        assert_eq!(Graph::read_problem(TEXT).unwrap().key(), other.key());
    }
}
