//! A pattern as a machine that can be in several states at once (Thompson 1968), and the same made deterministic by subsets.

use std::collections::BTreeMap;

use metacot_envs::Pattern;

use super::Automaton;

/// The machine. No way leads back into the state where a part begins, and none out of the state where it ends, so that parts that share
/// such a state do not lead into each other.
#[derive(Default)]
pub(super) struct Machine {
    /// By state: where a byte leads.
    bytes: Vec<Vec<(u8, u32)>>,
    /// By state: where it may go without a byte.
    free: Vec<Vec<u32>>,
}

/// Where the machine begins and ends.
const BEGIN: u32 = 0;
const END: u32 = 1;

impl Machine {
    /// The machine of a pattern.
    pub(super) fn new(pattern: &Pattern) -> Self {
        let mut machine = Self::default();
        let (begin, end) = (machine.state(), machine.state());
        machine.add(pattern, begin, end);
        machine
    }

    fn state(&mut self) -> u32 {
        self.bytes.push(Vec::new());
        self.free.push(Vec::new());
        self.bytes.len() as u32 - 1
    }

    fn go_free(&mut self, from: u32, to: u32) {
        self.free[from as usize].push(to);
    }

    /// Adds the ways from `from` to `to` that read a text of the pattern.
    fn add(&mut self, pattern: &Pattern, from: u32, to: u32) {
        match pattern {
            Pattern::Text(text) => {
                let mut at = from;
                for byte in text.bytes() {
                    let next = self.state();
                    self.bytes[at as usize].push((byte, next));
                    at = next;
                }
                self.go_free(at, to);
            }
            Pattern::OneOf(characters) => self.bytes[from as usize].extend(characters.bytes().map(|byte| (byte, to))),
            Pattern::Sequence(parts) => {
                let mut at = from;
                for part in parts {
                    let next = self.state();
                    self.add(part, at, next);
                    at = next;
                }
                self.go_free(at, to);
            }
            Pattern::Choice(parts) => parts.iter().for_each(|part| self.add(part, from, to)),
            Pattern::Repeat { pattern, least, most } => {
                let mut at = from;
                for count in 0..most.unwrap_or(*least) {
                    if count >= *least {
                        self.go_free(at, to);
                    }
                    let next = self.state();
                    self.add(pattern, at, next);
                    at = next;
                }
                if most.is_none() {
                    let (begin, end) = (self.state(), self.state());
                    self.go_free(at, begin);
                    self.add(pattern, begin, end);
                    self.go_free(end, begin);
                    at = begin;
                }
                self.go_free(at, to);
            }
        }
    }

    /// The automaton of the sets of states that the machine can be in.
    pub(super) fn determined(&self) -> Automaton {
        let mut used: Vec<u8> = self.bytes.iter().flatten().map(|(byte, _)| *byte).collect();
        used.sort_unstable();
        used.dedup();
        let mut classes = vec![0; 256];
        // UTF-8 never has the bytes 0xF8 to 0xFF, so the count fits a byte.
        used.iter().zip(1_u8..).for_each(|(byte, class)| classes[usize::from(*byte)] = class);
        let num_classes = used.len() + 1;
        let mut closing = Closing { machine: self, seen: vec![0; self.free.len()], round: 0 };
        let first = closing.of(&[BEGIN]);
        let mut known = BTreeMap::from([(Vec::new(), Automaton::DEAD), (first.clone(), Automaton::START)]);
        let mut sets = vec![Vec::new(), first];
        let mut next = vec![Automaton::DEAD; num_classes];
        let mut targets: Vec<Vec<u32>> = vec![Vec::new(); num_classes];
        let mut at = 1;
        while at < sets.len() {
            for (byte, target) in sets[at].iter().flat_map(|state| &self.bytes[*state as usize]) {
                targets[usize::from(classes[usize::from(*byte)])].push(*target);
            }
            // Bytes that lead to the same states, as digits do, mostly stand next to each other.
            let mut last = (Vec::new(), Automaton::DEAD);
            for targets in &mut targets {
                targets.sort_unstable();
                targets.dedup();
                if *targets != last.0 {
                    let set = closing.of(targets);
                    let state = *known.entry(set.clone()).or_insert_with(|| {
                        sets.push(set);
                        sets.len() as u32 - 1
                    });
                    last = (std::mem::take(targets), state);
                }
                targets.clear();
                next.push(last.1);
            }
            at += 1;
        }
        let is_final = sets.iter().map(|set| set.binary_search(&END).is_ok()).collect();
        Automaton { classes, num_classes, next, is_final }
    }
}

/// Follows the ways without a byte.
struct Closing<'a> {
    machine: &'a Machine,
    /// By state: the round in which it was last reached.
    seen: Vec<u32>,
    round: u32,
}

impl Closing<'_> {
    /// The states that are reached from some without a byte, in order; only those that read a byte, and the end: no other makes a difference.
    fn of(&mut self, from: &[u32]) -> Vec<u32> {
        self.round += 1;
        let (mut open, mut reached) = (from.to_vec(), Vec::new());
        while let Some(state) = open.pop() {
            if std::mem::replace(&mut self.seen[state as usize], self.round) != self.round {
                open.extend(&self.machine.free[state as usize]);
                if state == END || !self.machine.bytes[state as usize].is_empty() {
                    reached.push(state);
                }
            }
        }
        reached.sort_unstable();
        reached
    }
}
