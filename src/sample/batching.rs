//! Continuous batching: every request gets a slot as soon as one is free, and leaves it as soon as its completion ends.

use super::crew::{CHUNK, Crew};
use super::draw::Chooser;
use super::forward::Item;
use super::{Ask, Completion, SoFar};
use rand_chacha::ChaCha8Rng;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The requests of one call, which several crews take from.
pub(super) struct Queue<'a> {
    asks: &'a [Ask<'a>],
    next: AtomicUsize,
}

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
}

impl<'a> Queue<'a> {
    pub(super) fn new(asks: &'a [Ask<'a>]) -> Self {
        Self { asks, next: AtomicUsize::new(0) }
    }

    /// Works until no request is left; gives the completions of this crew with the indices of their requests, in no particular order.
    ///
    /// The crew has room for `slots + 1` sequences: the last holds the prompt that several requests share.
    pub(super) fn work(&self, crew: &mut Crew, slots: usize, mut chooser: Chooser) -> Vec<(usize, Completion)> {
        let mut done = Vec::new();
        let mut rows: Vec<Row> = Vec::with_capacity(slots);
        let mut free: Vec<usize> = (0..slots).rev().collect();
        let mut shared = SharedPrompt { slot: slots, prompt: &[], logits: Vec::new() };
        let mut allowed = Vec::new();
        let mut items = Vec::with_capacity(slots);
        loop {
            while let Some(slot) = free.pop() {
                let Some(mut row) = self.admit(slot, crew.model.config.context) else {
                    free.push(slot);
                    break;
                };
                let is_open = row.limit > 0 && {
                    let is_shared = self.asks.get(row.request + 1).is_some_and(|next| next.request.prompt == row.ask.request.prompt);
                    shared.encode(crew, &row.ask.request.prompt, slot, is_shared);
                    row.advance(&shared.logits, &mut chooser, &mut allowed)
                };
                if is_open {
                    rows.push(row);
                } else {
                    free.push(slot);
                    done.push((row.request, row.completion));
                }
            }
            if rows.is_empty() {
                return done;
            }
            if crew.is_stalling() {
                crew.go_alone();
                shared.prompt = &[];
                rows.iter().for_each(|row| row.restore(crew));
            }
            items.clear();
            items.extend(rows.iter().filter_map(Row::newest));
            crew.forward(&items);
            for index in (0..rows.len()).rev() {
                if !rows[index].advance(crew.logits(index), &mut chooser, &mut allowed) {
                    // Only rows that were advanced already move.
                    let row = rows.swap_remove(index);
                    free.push(row.slot);
                    done.push((row.request, row.completion));
                }
            }
        }
    }

    /// The next request, where there is one.
    fn admit(&self, slot: usize, context: usize) -> Option<Row<'a>> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        let ask = *self.asks.get(index)?;
        let limit = ask.config.max_new_tokens.min(context.saturating_sub(ask.request.prompt.len()));
        let completion = Completion { ids: Vec::with_capacity(limit), log_probs: Vec::with_capacity(limit), is_finished: false };
        Some(Row { request: index, ask, slot, limit, rng: ask.request.rng.clone(), completion, memory: 0 })
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

    /// Caches what a lost cache held: all but the newest token.
    fn restore(&self, crew: &mut Crew) {
        if let Some((_, computed)) = self.completion.ids.split_last() {
            encode(crew, &[&self.ask.request.prompt[..], computed].concat(), 0, self.slot, |_| false, |_, _| ());
        }
    }

    /// The token that was chosen last, to be computed; its logits give the next.
    fn newest(&self) -> Option<Item> {
        let token = *self.completion.ids.last()?;
        Some(Item { slot: self.slot, position: self.ask.request.prompt.len() + self.completion.ids.len() - 1, token, wants_logits: true })
    }
}

/// A prompt that is computed once for the requests that share it.
struct SharedPrompt<'a> {
    slot: usize,
    /// The prompt that `slot` holds; empty where it holds none.
    prompt: &'a [u32],
    logits: Vec<f32>,
}

impl<'a> SharedPrompt<'a> {
    /// Caches `prompt` in `slot` and leaves the logits of its continuation in `logits`.
    fn encode(&mut self, crew: &mut Crew, prompt: &'a [u32], slot: usize, is_shared: bool) {
        if self.prompt != prompt {
            let target = if is_shared { self.slot } else { slot };
            self.prompt = if is_shared { prompt } else { &[] };
            encode(
                crew,
                prompt,
                0,
                target,
                |token| token + 1 == prompt.len(),
                |_, logits| {
                    self.logits.clear();
                    self.logits.extend_from_slice(logits);
                },
            );
            if !is_shared {
                return;
            }
        }
        crew.copy(self.slot, slot, prompt.len());
    }
}

/// Caches `tokens` in `slot`, the first at position `from`, and hands the logits after each position for which `wants_logits` holds to `receive`.
pub(super) fn encode(crew: &mut Crew, tokens: &[u32], from: usize, slot: usize, wants_logits: impl Fn(usize) -> bool, mut receive: impl FnMut(usize, &[f32])) {
    let mut items = Vec::with_capacity(CHUNK);
    for (chunk, part) in tokens.chunks(CHUNK).enumerate() {
        items.clear();
        let positions = from + chunk * CHUNK..;
        items.extend(part.iter().zip(positions).map(|(token, position)| Item { slot, position, token: *token, wants_logits: wants_logits(position) }));
        crew.forward(&items);
        for (row, item) in items.iter().filter(|item| item.wants_logits).enumerate() {
            receive(item.position, crew.logits(row));
        }
    }
}
