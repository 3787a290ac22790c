//! Decoding within what a format can write to a problem: only tokens after which a response can still end well, and in time, are chosen.

use super::{Ask, Completion, CpuDecoder, Generator, LogitMask, Request, SampleConfig, SoFar};
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};
use metacot_envs::Pattern;
use metacot_traces::Automaton;
use std::collections::{BTreeMap, VecDeque};

/// Allows the tokens with which a response can go on towards an end, and the end mark where it can end.
///
/// While the room that is left holds an end, only tokens that keep one in reach are allowed, so that a response ends before it is cut; where
/// the room holds none from the start, it is cut and is the beginning of a response. What is chosen far from the limit does not depend on it.
#[derive(Clone, Debug)]
pub struct GrammarMask {
    /// By state of the automaton: the tokens that lead towards an end, by id, each with the state after it.
    rows: Vec<Vec<(u32, u32)>>,
    /// By state: the fewest tokens to the end of a response, the end mark included; [`NEVER`] where none leads there.
    to_end: Vec<usize>,
}

/// No end is in reach.
const NEVER: usize = usize::MAX;

impl GrammarMask {
    /// The mask of an automaton over a vocabulary. A token counts only where other tokens lead on from it to the end of a response.
    ///
    /// # Errors
    /// [`Error::Usage`] where the vocabulary can say no response at all.
    pub fn new(automaton: &Automaton, tokenizer: &Tokenizer) -> Result<Self> {
        let mut tokens: Vec<(&[u8], u32)> =
            (Tokenizer::UNKNOWN + 1..tokenizer.vocab_size() as u32).filter_map(|id| Some((tokenizer.token(id)?.as_bytes(), id))).collect();
        tokens.sort_unstable();
        let mut rows = vec![Vec::new(); automaton.num_states()];
        let (mut is_known, mut open) = (vec![false; rows.len()], vec![Automaton::START]);
        is_known[Automaton::START as usize] = true;
        while let Some(state) = open.pop() {
            let row = &mut rows[state as usize];
            follow(automaton, &tokens, 0, state, row);
            row.sort_unstable();
            open.extend(row.iter().map(|(_, next)| *next).filter(|next| !std::mem::replace(&mut is_known[*next as usize], true)));
        }
        let to_end = tokens_to_end(automaton, &rows);
        if to_end[Automaton::START as usize] == NEVER {
            return Err(Error::Usage("the vocabulary cannot say a response of the format".into()));
        }
        rows.iter_mut().for_each(|row| row.retain(|(_, next)| to_end[*next as usize] != NEVER));
        Ok(Self { rows, to_end })
    }

    fn step(&self, state: u32, id: u32) -> u32 {
        let row = &self.rows[state as usize];
        row.binary_search_by_key(&id, |(token, _)| *token).map_or(Automaton::DEAD, |place| row[place].1)
    }
}

impl LogitMask for GrammarMask {
    fn restrict(&self, so_far: SoFar, memory: &mut u64, allowed: &mut [bool]) {
        // The ids that were read, and the state after them.
        let (read, state) = if *memory == 0 { (0, Automaton::START) } else { ((*memory >> 32) as usize, *memory as u32) };
        let state = so_far.completion[read..].iter().fold(state, |state, id| self.step(state, *id));
        *memory = (so_far.completion.len() as u64) << 32 | u64::from(state);
        let to_end = &self.to_end;
        let can_end = to_end[state as usize] <= so_far.room;
        // A model may have more ids than the vocabulary; those say nothing.
        allowed.fill(false);
        for (id, next) in &self.rows[state as usize] {
            allowed[*id as usize] = !can_end || to_end[*next as usize] < so_far.room;
        }
        allowed[Tokenizer::EOS as usize] = to_end[state as usize] == 1;
    }
}

/// Lists the tokens that go on from a state, each with the state after it. `tokens` are sorted and begin alike up to `depth`, where `state`
/// stands.
fn follow(automaton: &Automaton, mut tokens: &[(&[u8], u32)], depth: usize, state: u32, row: &mut Vec<(u32, u32)>) {
    while let Some((token, id)) = tokens.first() {
        let Some(byte) = token.get(depth) else {
            row.push((*id, state));
            tokens = &tokens[1..];
            continue;
        };
        let (alike, others) = tokens.split_at(tokens.partition_point(|(other, _)| other[depth] <= *byte));
        let next = automaton.step(state, *byte);
        if next != Automaton::DEAD {
            follow(automaton, alike, depth + 1, next, row);
        }
        tokens = others;
    }
}

/// By state, the fewest tokens to the end of a response, the end mark included.
fn tokens_to_end(automaton: &Automaton, rows: &[Vec<(u32, u32)>]) -> Vec<usize> {
    let mut before: Vec<Vec<u32>> = vec![Vec::new(); rows.len()];
    for (state, row) in rows.iter().enumerate() {
        let mut targets: Vec<u32> = row.iter().map(|(_, next)| *next).collect();
        targets.sort_unstable();
        targets.dedup();
        targets.into_iter().for_each(|target| before[target as usize].push(state as u32));
    }
    let mut to_end = vec![NEVER; rows.len()];
    let mut open: VecDeque<u32> = (0..rows.len() as u32).filter(|state| automaton.is_final(*state)).collect();
    open.iter().for_each(|state| to_end[*state as usize] = 1);
    while let Some(state) = open.pop_front() {
        for &source in &before[state as usize] {
            if to_end[source as usize] == NEVER {
                to_end[source as usize] = to_end[state as usize] + 1;
                open.push_back(source);
            }
        }
    }
    to_end
}

/// The masks of prompts: one for each language that occurs among their responses.
#[derive(Clone, Debug, Default)]
pub struct GrammarMasks {
    masks: Vec<GrammarMask>,
    /// By prompt: the place of its mask.
    places: BTreeMap<Vec<u32>, usize>,
}

impl GrammarMasks {
    /// The masks of prompts, given as ids, each with how its responses can be written.
    ///
    /// # Errors
    /// As [`GrammarMask::new`].
    pub fn new(asked: impl IntoIterator<Item = (Vec<u32>, Pattern)>, tokenizer: &Tokenizer) -> Result<Self> {
        let (mut all, mut known) = (Self::default(), BTreeMap::<Pattern, usize>::new());
        for (prompt, pattern) in asked {
            let place = match known.get(&pattern) {
                Some(place) => *place,
                None => {
                    all.masks.push(GrammarMask::new(&Automaton::new(&pattern), tokenizer)?);
                    known.insert(pattern, all.masks.len() - 1);
                    all.masks.len() - 1
                }
            };
            all.places.insert(prompt, place);
        }
        Ok(all)
    }

    /// Number of masks.
    pub fn len(&self) -> usize {
        self.masks.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.masks.is_empty()
    }

    /// The mask of a prompt; `None` where it was not given.
    pub fn of(&self, prompt: &[u32]) -> Option<&GrammarMask> {
        self.places.get(prompt).map(|place| &self.masks[*place])
    }
}

/// A decoder whose completions obey the masks of their prompts; those of other prompts are free.
pub struct Constrained<'a> {
    /// The decoder.
    pub decoder: &'a mut CpuDecoder,
    /// What completions obey.
    pub masks: &'a GrammarMasks,
}

impl Generator for Constrained<'_> {
    fn complete(&mut self, requests: Vec<Request>, config: &SampleConfig) -> Vec<Completion> {
        let mask = |request: &Request| self.masks.of(&request.prompt).map(|mask| mask as &dyn LogitMask);
        let asks: Vec<Ask> = requests.iter().map(|request| Ask { request, config, mask: mask(request) }).collect();
        self.decoder.complete_each(&asks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = 100;

    fn tokenizer() -> Tokenizer {
        Tokenizer::new(["\n", "\nstep ", "+", "end", "en", " "], 0).unwrap()
    }

    /// Lines of signs, then an end; `\n` could begin `\nstep`, but no token goes on with `step`.
    fn pattern() -> Pattern {
        Pattern::sequence([Pattern::line(&["\nstep ", ""], [Pattern::text("+").many()]).many(), Pattern::text("\nend")])
    }

    fn mask() -> GrammarMask {
        GrammarMask::new(&Automaton::new(&pattern()), &tokenizer()).unwrap()
    }

    fn restricted(mask: &GrammarMask, completion: &[u32], room: usize, memory: &mut u64) -> Vec<String> {
        let tokenizer = tokenizer();
        let mut allowed = vec![true; tokenizer.vocab_size() + 3];
        mask.restrict(SoFar { prompt: &[], completion, room }, memory, &mut allowed);
        (0..allowed.len() as u32).filter(|id| allowed[*id as usize]).map(|id| tokenizer.token(id).unwrap().to_string()).collect()
    }

    fn allowed(text: &str, room: usize) -> Vec<String> {
        restricted(&mask(), &tokenizer().encode(text), room, &mut 0)
    }

    #[test]
    fn tokens_that_lead_nowhere_are_not_allowed() {
        assert_eq!(allowed("", ROOM), ["\n", "\nstep "]);
        assert_eq!(allowed("\n", ROOM), ["end"]);
        assert_eq!(allowed("\nstep ", ROOM), ["\n", "\nstep ", "+"]);
        assert_eq!(allowed("\nstep +", ROOM), ["\n", "\nstep ", "+"]);
        assert_eq!(allowed("\nend", ROOM), ["<eos>"]);
        assert_eq!(allowed("\nend+", ROOM), [""; 0]);
        let silent = Tokenizer::new(["\n", "+"], 0).unwrap();
        assert!(matches!(GrammarMask::new(&Automaton::new(&pattern()), &silent), Err(Error::Usage(_))));
    }

    #[test]
    fn tokens_that_leave_no_room_for_an_end_are_not_allowed() {
        // The shortest end is `\n`, `end` and the end mark.
        assert_eq!(allowed("", 4), ["\n", "\nstep "]);
        assert_eq!(allowed("", 3), ["\n"]);
        assert_eq!(allowed("\nstep +", 3), ["\n"]);
        assert_eq!(allowed("\n", 2), ["end"]);
        assert_eq!(allowed("\nend", 1), ["<eos>"]);
        // What cannot end is cut, and is a beginning as long as it goes on.
        assert_eq!(allowed("", 2), ["\n", "\nstep "]);
    }

    #[test]
    fn what_is_allowed_does_not_depend_on_what_is_remembered() {
        let (mask, ids) = (mask(), tokenizer().encode("\nstep +++\nstep +\nend"));
        let mut memory = 0;
        for length in 0..=ids.len() {
            let room = ids.len() - length + 1;
            let remembered = restricted(&mask, &ids[..length], room, &mut memory);
            assert_eq!(remembered, restricted(&mask, &ids[..length], room, &mut 0), "after {length}");
            // Steps may be left out.
            assert_eq!(restricted(&mask, &ids, 1, &mut { memory }), ["<eos>"]);
        }
    }

    #[test]
    fn prompts_with_one_language_share_a_mask() {
        let other = || Pattern::text("+\nend");
        let asked = [(vec![1], pattern()), (vec![2], other()), (vec![3], pattern()), (vec![1, 2], other())];
        let masks = GrammarMasks::new(asked, &tokenizer()).unwrap();
        assert_eq!(masks.len(), 2);
        let first = |prompt: &[u32]| restricted(masks.of(prompt).unwrap(), &[], ROOM, &mut 0);
        assert_eq!((first(&[1]), first(&[2])), (first(&[3]), first(&[1, 2])));
        assert_eq!(first(&[2]), ["+"]);
        assert!(masks.of(&[4]).is_none() && !masks.is_empty());
    }
}
