//! Continuous batching: every request gets a slot as soon as one is free, and leaves it as soon as its completion ends.

use super::crew::{CHUNK, Crew};
use super::draw::Chooser;
use super::forward::Item;
use super::progress::SampleProgress;
use super::{Ask, Completion, SoFar};
use crate::kernels::TapeRow;
use rand_chacha::ChaCha8Rng;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The requests of one call, which several crews take from.
pub(super) struct Queue<'a> {
    asks: &'a [Ask<'a>],
    /// How many of them, the first ones, are kept by recorders; of the others their prompts alone.
    kept: usize,
    next: AtomicUsize,
    progress: SampleProgress,
}

/// A completion with the index of its request, and its rows where they are recorded.
pub(super) type Done = (usize, Completion, Vec<TapeRow>);

/// A completion in the making.
struct Row<'a> {
    /// Index of the request.
    request: usize,
    ask: Ask<'a>,
    slot: usize,
    /// The most tokens of this completion.
    limit: usize,
    rng: ChaCha8Rng,
    completion: Completion,
    /// What the mask remembers of the completion.
    memory: u64,
    is_kept: bool,
}

impl<'a> Queue<'a> {
    pub(super) fn new(asks: &'a [Ask<'a>], kept: usize, progress: SampleProgress) -> Self {
        Self { asks, kept, next: AtomicUsize::new(0), progress }
    }

    /// Works until no request is left; gives the completions of this crew, which has room for so many sequences, with the indices of their requests, in no
    /// particular order.
    pub(super) fn work(&self, crew: &mut Crew, slots: usize, mut chooser: Chooser) -> Vec<Done> {
        let mut done = Vec::new();
        let mut rows: Vec<Row> = Vec::with_capacity(slots);
        let mut free: Vec<usize> = (0..slots).rev().collect();
        let mut prompts = Prompts::new(slots);
        let mut allowed = Vec::new();
        let mut items = Vec::with_capacity(slots);
        loop {
            while let Some(slot) = free.pop() {
                let Some(mut row) = self.admit(slot, crew.model.config.context) else {
                    free.push(slot);
                    break;
                };
                let is_open = row.limit > 0 && {
                    prompts.encode(crew, &row.ask.request.prompt, slot);
                    row.advance(&prompts.logits, &mut chooser, &mut allowed)
                };
                if is_open {
                    rows.push(row);
                } else {
                    free.push(slot);
                    done.push(self.end(row, crew));
                }
            }
            if rows.is_empty() {
                return done;
            }
            if crew.is_stalling() {
                crew.go_alone();
                prompts = Prompts::new(slots);
                for row in &rows {
                    row.restore(crew);
                    prompts.held[row.slot] = &row.ask.request.prompt;
                }
            }
            items.clear();
            items.extend(rows.iter().filter_map(Row::newest));
            crew.forward(&items);
            for index in (0..rows.len()).rev() {
                if !rows[index].advance(crew.logits(index), &mut chooser, &mut allowed) {
                    // Only rows that were advanced already move.
                    let row = rows.swap_remove(index);
                    free.push(row.slot);
                    done.push(self.end(row, crew));
                }
            }
        }
    }

    /// What becomes of a row whose completion ended.
    fn end(&self, row: Row<'_>, crew: &Crew) -> Done {
        self.progress.end_one();
        row.end(crew)
    }

    /// The next request, where there is one.
    fn admit(&self, slot: usize, context: usize) -> Option<Row<'a>> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let ask = *self.asks.get(index)?;
        let limit = ask.config.max_new_tokens.min(context.saturating_sub(ask.request.prompt.len()));
        let completion = Completion { ids: Vec::with_capacity(limit), log_probs: Vec::with_capacity(limit), is_finished: false };
        Some(Row { request: index, ask, slot, limit, rng: ask.request.rng.clone(), completion, memory: 0, is_kept: index < self.kept })
    }
}

impl Row<'_> {
    /// Chooses the next token; `false` where the completion ends with it.
    fn advance(&mut self, logits: &[f32], chooser: &mut Chooser, allowed: &mut Vec<bool>) -> bool {
        let Ask { request, config, mask } = self.ask;
        let allowed = mask.map(|mask| {
            allowed.clear();
            allowed.resize(logits.len(), true);
            let completion = &self.completion.ids[..];
            let so_far = SoFar { prompt: &request.prompt, completion, room: self.limit - completion.len() };
            mask.restrict(so_far, &mut self.memory, allowed);
            &allowed[..]
        });
        let Some((id, log_prob)) = chooser.choose(logits, allowed, config, &mut self.rng) else {
            return false;
        };
        self.completion.ids.push(id);
        self.completion.log_probs.push(log_prob);
        self.completion.is_finished = config.stop.contains(&id);
        !self.completion.is_finished && self.completion.ids.len() < self.limit
    }

    /// What becomes of it: its rows are those of all positions but the last, whose token was not computed.
    fn end(self, crew: &Crew) -> Done {
        let positions = match self.completion.ids.len() {
            tokens @ 1.. if self.is_kept => self.ask.request.prompt.len() + tokens - 1,
            _ => 0,
        };
        (self.request, self.completion, crew.track(self.slot, positions))
    }

    /// Caches what a lost cache held: all but the newest token.
    fn restore(&self, crew: &mut Crew) {
        if let Some((_, computed)) = self.completion.ids.split_last() {
            encode(crew, &[&self.ask.request.prompt[..], computed].concat(), 0, self.slot, |_| false, |_, _| ());
        }
    }

    /// The token that was chosen last, to be computed; its logits give the next.
    fn newest(&self) -> Option<Item> {
        let token = *self.completion.ids.last()?;
        Some(Item {
            slot: self.slot,
            position: self.ask.request.prompt.len() + self.completion.ids.len() - 1,
            token,
            wants_logits: true,
            is_kept: self.is_kept,
        })
    }
}

/// The fewest positions that are worth a copy: a block of the cache.
const LEAST_SHARED: usize = 16;

/// The prompts that slots hold, so that what they begin with in common is computed once.
struct Prompts<'a> {
    /// By slot; empty where nothing is known of it. What follows the prompt there does not matter.
    held: Vec<&'a [u32]>,
    /// The prompt that was computed last.
    last: &'a [u32],
    /// The logits of its continuation.
    logits: Vec<f32>,
}

impl<'a> Prompts<'a> {
    fn new(slots: usize) -> Self {
        Self { held: vec![&[]; slots], last: &[], logits: Vec::new() }
    }

    /// Caches `prompt` in `slot` and leaves the logits of its continuation in `logits`.
    fn encode(&mut self, crew: &mut Crew, prompt: &'a [u32], slot: usize) {
        let (from, length) = self.longest(prompt, slot);
        if from != slot && length > 0 {
            crew.copy(from, slot, length);
        }
        self.held[slot] = prompt;
        if length < prompt.len() {
            self.last = prompt;
            let wants_logits = |position| position + 1 == prompt.len();
            encode(crew, &prompt[length..], length, slot, wants_logits, |_, logits| {
                self.logits.clear();
                self.logits.extend_from_slice(logits);
            });
        }
    }

    /// The slot that holds most of what `prompt` begins with, that which it is for among equals, and how much of it need not be computed.
    fn longest(&self, prompt: &[u32], slot: usize) -> (usize, usize) {
        // The logits after the last token are known of one prompt alone.
        let most = if self.last == prompt { prompt.len() } else { prompt.len().saturating_sub(1) };
        let common = |held: &[u32]| held.iter().zip(prompt).take_while(|(held, token)| held == token).count().min(most);
        let lengths = self.held.iter().map(|held| common(held)).enumerate();
        let (from, length) = lengths.max_by_key(|&(from, length)| (length, from == slot)).unwrap_or((slot, 0));
        if length == prompt.len() || length >= LEAST_SHARED { (from, length) } else { (slot, 0) }
    }
}

/// Caches `tokens` in `slot`, the first at position `from`, and hands the logits after each position for which `wants_logits` holds to `receive`.
pub(super) fn encode(crew: &mut Crew, tokens: &[u32], from: usize, slot: usize, wants_logits: impl Fn(usize) -> bool, mut receive: impl FnMut(usize, &[f32])) {
    let mut items = Vec::with_capacity(CHUNK);
    for (chunk, part) in tokens.chunks(CHUNK).enumerate() {
        items.clear();
        let positions = from + chunk * CHUNK..;
        items.extend(part.iter().zip(positions).map(|(token, position)| Item {
            slot,
            position,
            token: *token,
            wants_logits: wants_logits(position),
            is_kept: true,
        }));
        crew.forward(&items);
        for (row, item) in items.iter().filter(|item| item.wants_logits).enumerate() {
            receive(item.position, crew.logits(row));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_begins_with_what_a_slot_holds() {
        let prompt = |len: u32, end: &[u32]| (0..len).chain(end.iter().copied()).collect::<Vec<u32>>();
        let (long, other, short) = (prompt(40, &[90, 91]), prompt(20, &[92]), prompt(5, &[]));
        let mut prompts = Prompts::new(3);
        assert_eq!(prompts.longest(&long, 1), (1, 0), "nothing is held");
        prompts.held = vec![&long, &other, &short];
        for (asked, slot, expected, why) in [
            (prompt(40, &[95]), 2, (0, 40), "the longest"),
            (prompt(18, &[95]), 1, (1, 18), "its own slot among equals"),
            (prompt(18, &[95]), 0, (0, 18), "its own slot among equals"),
            (prompt(9, &[95]), 1, (1, 0), "too short for a copy"),
            (prompt(30, &[]), 1, (0, 29), "the last token, for its logits"),
            (long.clone(), 1, (0, 41), "the last token, for its logits"),
            (short.clone(), 2, (2, 0), "too short for a copy"),
        ] {
            assert_eq!(prompts.longest(&asked, slot), expected, "{why}");
        }
        for (last, slot, expected) in [(&long, 2, (0, 42)), (&short, 2, (2, 5)), (&short, 0, (0, 5))] {
            prompts.last = last;
            assert_eq!(prompts.longest(last, slot), expected, "its logits are known");
        }
    }
}
