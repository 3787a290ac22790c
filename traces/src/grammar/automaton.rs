//! The machine that reads a regular language byte by byte: Thompson's construction made deterministic by subsets.

use std::collections::BTreeMap;

use metacot_envs::Symbols;

use super::Grammar;

/// A deterministic automaton over bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Automaton {
    /// Column of each byte; bytes of no text share column 0, which leads nowhere.
    classes: Vec<u8>,
    num_classes: usize,
    /// `[states, classes]`: the next state.
    next: Vec<u32>,
    is_final: Vec<bool>,
}

impl Automaton {
    /// The state from which nothing leads to a text of the language.
    pub const DEAD: u32 = 0;
    /// The state before the first byte.
    pub const START: u32 = 1;

    /// The machine of a grammar over the symbols of an environment.
    pub fn new(grammar: &Grammar, symbols: &Symbols) -> Self {
        let mut machine = Machine::default();
        let (start, end) = (machine.state(), machine.state());
        machine.add(grammar, symbols, start, end);
        machine.determined(start, end)
    }

    /// Number of states, the dead one included.
    pub fn num_states(&self) -> usize {
        self.is_final.len()
    }

    /// The state after `byte`.
    pub fn step(&self, state: u32, byte: u8) -> u32 {
        self.next[state as usize * self.num_classes + usize::from(self.classes[usize::from(byte)])]
    }

    /// The state after `text`.
    pub fn walk(&self, state: u32, text: &str) -> u32 {
        text.bytes().fold(state, |state, byte| self.step(state, byte))
    }

    /// Whether a text can end in a state.
    pub fn is_final(&self, state: u32) -> bool {
        self.is_final[state as usize]
    }

    /// Whether a text is of the language.
    pub fn accepts(&self, text: &str) -> bool {
        self.is_final(self.walk(Self::START, text))
    }
}

/// A machine that can be in several states at once.
#[derive(Default)]
struct Machine {
    /// By state: where a byte leads.
    bytes: Vec<Vec<(u8, u32)>>,
    /// By state: where it may go without a byte.
    free: Vec<Vec<u32>>,
}

impl Machine {
    fn state(&mut self) -> u32 {
        self.bytes.push(Vec::new());
        self.free.push(Vec::new());
        self.bytes.len() as u32 - 1
    }

    fn go_free(&mut self, from: u32, to: u32) {
        self.free[from as usize].push(to);
    }

    /// Adds the ways from `from` to `to` that read a text of the grammar.
    fn add(&mut self, grammar: &Grammar, symbols: &Symbols, from: u32, to: u32) {
        match grammar {
            Grammar::Text(text) => self.text(text, from, to),
            Grammar::Integer => {
                let digits = self.state();
                for digit in b'0'..=b'9' {
                    self.bytes[from as usize].push((digit, digits));
                    self.bytes[digits as usize].push((digit, digits));
                }
                self.go_free(digits, to);
            }
            Grammar::Notation => {
                let (before, after) = (self.state(), self.state());
                self.go_free(from, before);
                symbols.phrases.iter().for_each(|phrase| self.text(phrase, before, after));
                if symbols.has_integers {
                    self.add(&Grammar::Integer, symbols, before, after);
                }
                self.go_free(after, before);
                self.go_free(after, to);
            }
            Grammar::Sequence(parts) => {
                let mut at = from;
                for part in parts {
                    let next = self.state();
                    self.add(part, symbols, at, next);
                    at = next;
                }
                self.go_free(at, to);
            }
            Grammar::Choice(parts) => {
                for part in parts {
                    // States of its own, so that a part that repeats does not lead into another.
                    let (begin, end) = (self.state(), self.state());
                    self.go_free(from, begin);
                    self.add(part, symbols, begin, end);
                    self.go_free(end, to);
                }
            }
            Grammar::Many(part) => {
                let (begin, end) = (self.state(), self.state());
                self.go_free(from, begin);
                self.add(part, symbols, begin, end);
                self.go_free(end, begin);
                self.go_free(begin, to);
            }
        }
    }

    fn text(&mut self, text: &str, from: u32, to: u32) {
        let mut at = from;
        for byte in text.bytes() {
            let next = self.state();
            self.bytes[at as usize].push((byte, next));
            at = next;
        }
        self.go_free(at, to);
    }

    /// All states that are reached from some without a byte, in order.
    fn closed(&self, mut states: Vec<u32>) -> Vec<u32> {
        let mut is_in = vec![false; self.free.len()];
        states.iter().for_each(|state| is_in[*state as usize] = true);
        let mut at = 0;
        while let Some(&state) = states.get(at) {
            for &next in &self.free[state as usize] {
                if !std::mem::replace(&mut is_in[next as usize], true) {
                    states.push(next);
                }
            }
            at += 1;
        }
        states.sort_unstable();
        states
    }

    fn determined(&self, start: u32, end: u32) -> Automaton {
        let mut classes = vec![0; 256];
        let mut num_classes = 1;
        let mut used: Vec<u8> = self.bytes.iter().flatten().map(|(byte, _)| *byte).collect();
        used.sort_unstable();
        used.dedup();
        for byte in &used {
            // UTF-8 never has the bytes 0xF8 to 0xFF, so the count fits a byte.
            classes[usize::from(*byte)] = num_classes as u8;
            num_classes += 1;
        }
        let first = self.closed(vec![start]);
        let mut known = BTreeMap::from([(Vec::new(), Automaton::DEAD), (first.clone(), Automaton::START)]);
        let mut sets = vec![Vec::new(), first];
        let mut next = vec![Automaton::DEAD; num_classes];
        let mut at = 1;
        while at < sets.len() {
            let mut targets: BTreeMap<u8, Vec<u32>> = BTreeMap::new();
            for state in &sets[at] {
                for (byte, target) in &self.bytes[*state as usize] {
                    targets.entry(*byte).or_default().push(*target);
                }
            }
            let mut row = vec![Automaton::DEAD; num_classes];
            for (byte, mut targets) in targets {
                targets.sort_unstable();
                targets.dedup();
                let set = self.closed(targets);
                let state = *known.entry(set.clone()).or_insert_with(|| {
                    sets.push(set);
                    sets.len() as u32 - 1
                });
                row[usize::from(classes[usize::from(byte)])] = state;
            }
            next.extend(row);
            at += 1;
        }
        let is_final = sets.iter().map(|set| set.binary_search(&end).is_ok()).collect();
        Automaton { classes, num_classes, next, is_final }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(grammar: Grammar) -> Automaton {
        let symbols = Symbols { phrases: ["+", "=", ", "].map(String::from).to_vec(), has_integers: true, largest_input: 9 };
        Automaton::new(&grammar, &symbols)
    }

    #[test]
    fn texts_of_the_language_are_accepted_and_no_others() {
        let step = Grammar::line(&["<", " -> ", ">\n"], [Grammar::Notation, Grammar::Integer]);
        let machine = machine(Grammar::sequence([step.many(), Grammar::text("end").optional()]));
        for text in ["", "end", "<1+2=3 -> 3>\n", "<1, 2 -> 12>\n<+ -> 0>\nend"] {
            assert!(machine.accepts(text), "{text}");
        }
        for text in ["<", "< -> 3>\n", "<1 -> >\n", "<1 -> 3>", "ende", "<1-2 -> 3>\n", "é"] {
            assert!(!machine.accepts(text), "{text}");
        }
    }

    #[test]
    fn a_text_that_cannot_go_on_is_dead_at_its_first_fault() {
        let machine = machine(Grammar::Notation.parted("; "));
        let state = machine.walk(Automaton::START, "1+2; 3");
        assert!(machine.is_final(state));
        assert_eq!(machine.step(state, b'x'), Automaton::DEAD);
        assert_ne!(machine.step(state, b';'), Automaton::DEAD);
        assert_eq!(machine.walk(state, ";;"), Automaton::DEAD);
        assert_eq!(machine.walk(Automaton::DEAD, "1"), Automaton::DEAD);
    }
}
