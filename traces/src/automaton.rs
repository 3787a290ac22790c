//! The machine that reads a pattern byte by byte: what a sampler walks through to choose only tokens that can go on.
//!
//! A format says in which order its phrases, numbers and the pieces of the environment's notation stand; the automaton of that pattern
//! accepts every response that the format can write to a problem, and others that are not true: truth is for the audit.

mod machine;

use metacot_envs::Pattern;

use machine::Machine;

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
    /// The state from which nothing leads to a text of the pattern.
    pub const DEAD: u32 = 0;
    /// The state before the first byte.
    pub const START: u32 = 1;

    /// The automaton of a pattern.
    pub fn new(pattern: &Pattern) -> Self {
        Machine::new(pattern).determined()
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

    /// Whether a text is of the pattern.
    pub fn accepts(&self, text: &str) -> bool {
        self.is_final(self.walk(Self::START, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notation() -> Pattern {
        Pattern::choice([Pattern::one_of("+="), Pattern::text(", "), Pattern::digit(0, 9)]).repeat(1, None)
    }

    #[test]
    fn texts_of_the_pattern_are_accepted_and_no_others() {
        let step = Pattern::line(&["<", " -> ", ">\n"], [notation(), Pattern::integers(0..=305)]);
        let pattern = Pattern::sequence([step.many(), Pattern::text("end").optional()]);
        let machine = Automaton::new(&pattern);
        for text in ["", "end", "<1+2=3 -> 3>\n", "<1, 2 -> 12>\n<+ -> 0>\nend", "<1 -> 305>\n"] {
            assert!(machine.accepts(text) && pattern.matches(text), "{text}");
        }
        for text in ["<", "< -> 3>\n", "<1 -> >\n", "<1 -> 3>", "ende", "<1-2 -> 3>\n", "é", "<1 -> 306>\n", "<1 -> 01>\n"] {
            assert!(!machine.accepts(text) && !pattern.matches(text), "{text}");
        }
    }

    #[test]
    fn a_text_that_cannot_go_on_is_dead_at_its_first_fault() {
        let machine = Automaton::new(&notation().list("; ", None));
        let state = machine.walk(Automaton::START, "1+2; 3");
        assert!(machine.is_final(state));
        assert_eq!(machine.step(state, b'x'), Automaton::DEAD);
        assert_ne!(machine.step(state, b';'), Automaton::DEAD);
        assert_eq!(machine.walk(state, ";;"), Automaton::DEAD);
        assert_eq!(machine.walk(Automaton::DEAD, "1"), Automaton::DEAD);
    }

    #[test]
    fn repetitions_are_counted_and_ways_that_come_together_are_one() {
        for (pattern, states) in [
            (Pattern::one_of("ab").repeat(2, 4), 5),
            (Pattern::choice(["ab", "cb", "db"].map(Pattern::text)).many(), 3),
            (Pattern::integers(0..=999), 5),
            (Pattern::sequence([]), 1),
            (Pattern::text("a").optional().repeat(0, None), 1),
            (Pattern::choice([]), 1),
        ] {
            let machine = Automaton::new(&pattern);
            assert!(machine.num_states() <= states + 2, "{pattern:?}: {} states", machine.num_states());
            for text in ["", "a", "ab", "cb", "abab", "ababa", "aaaa", "0", "00", "10", "999", "1000"] {
                assert_eq!(machine.accepts(text), pattern.matches(text), "{text} of {pattern:?}");
            }
        }
    }
}
