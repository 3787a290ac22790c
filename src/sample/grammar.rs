//! Decoding within the language of a format: only tokens after which a response can still end well are chosen.

use super::{Ask, Completion, CpuDecoder, Generator, LogitMask, Request, SampleConfig};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};
use metacot_traces::Automaton;

/// Allows what a machine of responses can go on with, and the end where a response can end.
#[derive(Clone, Debug)]
pub struct GrammarMask {
    vocab_size: usize,
    /// `[states, v]`: the state after a token; the dead one where no response goes on so.
    next: Vec<u32>,
    is_final: Vec<bool>,
}

impl GrammarMask {
    /// The mask of a machine over a vocabulary. A token counts only where other tokens lead on from it to the end of a response.
    ///
    /// # Errors
    /// [`Error::Usage`] where the vocabulary can say no response at all.
    pub fn new(automaton: &Automaton, tokenizer: &Tokenizer) -> Result<Self> {
        let (states, vocab_size) = (automaton.num_states(), tokenizer.vocab_size());
        let mut next = vec![Automaton::DEAD; states * vocab_size];
        for state in 1..states as u32 {
            for id in Tokenizer::UNKNOWN + 1..vocab_size as u32 {
                let text = tokenizer.token(id).unwrap_or_default();
                next[state as usize * vocab_size + id as usize] = automaton.walk(state, text);
            }
        }
        let is_final: Vec<bool> = (0..states as u32).map(|state| automaton.is_final(state)).collect();
        let can_end = can_end(&next, &is_final, vocab_size);
        if !can_end[Automaton::START as usize] {
            return Err(Error::Usage("the vocabulary cannot say a response of the format".into()));
        }
        next.iter_mut().filter(|state| !can_end[**state as usize]).for_each(|state| *state = Automaton::DEAD);
        Ok(Self { vocab_size, next, is_final })
    }

    /// The state after some ids.
    fn state(&self, ids: &[u32]) -> u32 {
        let step = |state: u32, id: &u32| match *id as usize {
            id if id < self.vocab_size => self.next[state as usize * self.vocab_size + id],
            _ => Automaton::DEAD,
        };
        ids.iter().fold(Automaton::START, step)
    }
}

impl LogitMask for GrammarMask {
    fn restrict(&self, _prompt: &[u32], completion: &[u32], allowed: &mut [bool]) {
        let state = self.state(completion) as usize;
        let row = &self.next[state * self.vocab_size..(state + 1) * self.vocab_size];
        // A model may have more ids than the vocabulary; those say nothing.
        allowed.fill(false);
        allowed.iter_mut().zip(row).for_each(|(allowed, next)| *allowed = *next != Automaton::DEAD);
        allowed[Tokenizer::EOS as usize] = self.is_final[state];
    }
}

/// By state, whether tokens lead from it to a final one.
fn can_end(next: &[u32], is_final: &[bool], vocab_size: usize) -> Vec<bool> {
    let mut before: Vec<Vec<u32>> = vec![Vec::new(); is_final.len()];
    for (state, row) in next.chunks_exact(vocab_size).enumerate() {
        let mut targets = row.to_vec();
        targets.sort_unstable();
        targets.dedup();
        targets.into_iter().filter(|target| *target != Automaton::DEAD).for_each(|target| before[target as usize].push(state as u32));
    }
    let mut can_end = is_final.to_vec();
    let mut open: Vec<usize> = (0..is_final.len()).filter(|state| is_final[*state]).collect();
    while let Some(state) = open.pop() {
        for &source in &before[state] {
            if !std::mem::replace(&mut can_end[source as usize], true) {
                open.push(source as usize);
            }
        }
    }
    can_end
}

/// A decoder whose completions all obey a mask.
pub struct Constrained<'a> {
    /// The decoder.
    pub decoder: &'a mut CpuDecoder,
    /// What every completion obeys.
    pub mask: &'a dyn LogitMask,
}

impl Generator for Constrained<'_> {
    fn complete(&mut self, requests: Vec<Request>, config: &SampleConfig) -> Vec<Completion> {
        let asks: Vec<Ask> = requests.iter().map(|request| Ask { request, config, mask: Some(self.mask) }).collect();
        self.decoder.complete_each(&asks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metacot_envs::Symbols;
    use metacot_traces::Grammar;

    fn allowed(mask: &GrammarMask, tokenizer: &Tokenizer, text: &str) -> Vec<String> {
        let mut allowed = vec![true; tokenizer.vocab_size() + 3];
        mask.restrict(&[], &tokenizer.encode(text), &mut allowed);
        (0..allowed.len() as u32).filter(|id| allowed[*id as usize]).map(|id| tokenizer.token(id).unwrap().to_string()).collect()
    }

    #[test]
    fn tokens_that_lead_nowhere_are_not_allowed() {
        // `\n` could begin `\nstep`, but no token goes on with `step`.
        let tokenizer = Tokenizer::new(["\n", "\nstep ", "+", "end", "en", " "], 0).unwrap();
        let grammar = Grammar::sequence([Grammar::line(&["\nstep ", ""], [Grammar::Notation]).many(), Grammar::text("\nend")]);
        let symbols = Symbols { phrases: vec!["+".into()], has_integers: false, largest_input: 0 };
        let mask = GrammarMask::new(&Automaton::new(&grammar, &symbols), &tokenizer).unwrap();
        assert_eq!(allowed(&mask, &tokenizer, ""), ["\n", "\nstep "]);
        assert_eq!(allowed(&mask, &tokenizer, "\n"), ["end"]);
        assert_eq!(allowed(&mask, &tokenizer, "\nstep "), ["+"]);
        assert_eq!(allowed(&mask, &tokenizer, "\nstep +"), ["\n", "\nstep ", "+"]);
        assert_eq!(allowed(&mask, &tokenizer, "\nend"), ["<eos>"]);
        assert_eq!(allowed(&mask, &tokenizer, "\nend+"), [""; 0]);
        let silent = Tokenizer::new(["\n", "+"], 0).unwrap();
        assert!(matches!(GrammarMask::new(&Automaton::new(&grammar, &symbols), &silent), Err(Error::Usage(_))));
    }
}
