//! How likely given texts are: each shared beginning is computed once on a thread.
//!
//! Texts are taken in the order of their ids, as a dictionary has them, so that neighbours share as much as they can; a thread keeps the one
//! before in its cache and goes on where the next one differs.

use super::CpuDecoder;
use super::batching::encode;
use super::draw::Chooser;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A text to score: how likely is `continuation` after `prompt`?
#[derive(Clone, Copy, Debug)]
pub struct Scoring<'a> {
    /// Ids before it, BOS included; at least one.
    pub prompt: &'a [u32],
    /// Ids whose log-probabilities are wanted.
    pub continuation: &'a [u32],
}

impl Scoring<'_> {
    /// All its ids.
    fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.prompt.iter().chain(self.continuation).copied()
    }

    fn len(&self) -> usize {
        self.prompt.len() + self.continuation.len()
    }

    /// How many ids at its beginning another text has as well.
    fn shared_with(&self, other: &Self) -> usize {
        self.ids().zip(other.ids()).take_while(|(own, other)| own == other).count()
    }
}

/// The text that a thread's cache holds, all but its last id.
#[derive(Default)]
struct Cached<'a> {
    text: Option<Scoring<'a>>,
    /// By position, the log-probability of its id given those before; NaN where nobody asked.
    scores: Vec<f32>,
}

impl<'a> Cached<'a> {
    /// The first position of a text that must be computed; `None` where all its scores are known.
    fn first_needed(&self, text: &Scoring) -> Option<usize> {
        let shared = self.text.map_or(0, |cached| cached.shared_with(text));
        let held = self.text.map_or(0, |cached| shared.min(cached.len() - 1));
        // The score of an id comes of the position before it.
        let unknown = (text.prompt.len()..text.len()).find(|id| *id >= shared || self.scores[*id].is_nan())?;
        Some(held.min(unknown - 1))
    }

    /// Turns to a text whose positions from `from` on are about to be computed.
    fn go_on(&mut self, text: Scoring<'a>, from: usize) {
        let shared = self.text.map_or(0, |cached| cached.shared_with(&text));
        self.scores.truncate(shared.min(from + 1));
        self.scores.resize(text.len(), f32::NAN);
        self.text = Some(text);
    }
}

impl CpuDecoder {
    /// Log-probability (natural logarithm, temperature 1) of each id of each continuation, in order. What texts have in common at their beginning,
    /// prompt or more, is computed once on each thread.
    ///
    /// # Panics
    /// On an empty prompt, on ids outside the vocabulary, and where a text is longer than the context.
    pub fn score(&mut self, texts: &[Scoring]) -> Vec<Vec<f32>> {
        for text in texts {
            self.check(text.prompt);
            text.continuation.iter().for_each(|id| assert!((*id as usize) < self.model.config.vocab_size, "id {id} is outside the vocabulary"));
            assert!(text.len() <= self.model.config.context, "a text of {} tokens is longer than the context", text.len());
        }
        let order = order(texts);
        let runs = runs(texts, &order, self.config.threads);
        let positions = texts.iter().map(Scoring::len).max().unwrap_or(0);
        let (next, isa) = (AtomicUsize::new(0), self.isa);
        let mut done = self.each_thread(runs.len(), 1, positions, |crew| {
            let (mut chooser, mut done) = (Chooser::new(isa), Vec::new());
            while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut cached = Cached::default();
                for &index in &order[run.clone()] {
                    let text = texts[index];
                    if let Some(from) = cached.first_needed(&text) {
                        cached.go_on(text, from);
                        let tokens: Vec<u32> = text.ids().take(text.len() - 1).skip(from).collect();
                        let first = text.prompt.len() - 1;
                        let wanted = |position| position >= first;
                        encode(crew, &tokens, from, 0, wanted, |position, logits| {
                            cached.scores[position + 1] = chooser.log_prob(logits, text.continuation[position - first]);
                        });
                    }
                    done.push((index, cached.scores.get(text.prompt.len()..text.len()).unwrap_or_default().to_vec()));
                }
            }
            done
        });
        done.sort_unstable_by_key(|(index, _)| *index);
        done.into_iter().map(|(_, scores)| scores).collect()
    }
}

/// The texts in the order of their ids.
fn order(texts: &[Scoring]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..texts.len()).collect();
    order.sort_by(|a, b| texts[*a].ids().cmp(texts[*b].ids()).then(a.cmp(b)));
    order
}

/// Cuts the order into at most `threads` parts of about equal work.
fn runs(texts: &[Scoring], order: &[usize], threads: usize) -> Vec<Range<usize>> {
    let work: Vec<usize> = order
        .iter()
        .enumerate()
        .map(|(place, &index)| {
            let shared = place.checked_sub(1).map_or(0, |before| texts[index].shared_with(&texts[order[before]]));
            texts[index].len() - shared + 1
        })
        .collect();
    let share = work.iter().sum::<usize>().div_ceil(threads.max(1)).max(1);
    let (mut runs, mut start, mut sum) = (Vec::new(), 0, 0);
    for (place, work) in work.iter().enumerate() {
        sum += work;
        if sum >= share || place + 1 == order.len() {
            runs.push(start..place + 1);
            (start, sum) = (place + 1, 0);
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Positions that are computed for each of the texts in turn, on one thread.
    fn computed(texts: &[(&[u32], &[u32])]) -> Vec<usize> {
        let texts: Vec<Scoring> = texts.iter().map(|(prompt, continuation)| Scoring { prompt, continuation }).collect();
        let mut cached = Cached::default();
        let computed = order(&texts).into_iter().map(|index| {
            let text = texts[index];
            let Some(from) = cached.first_needed(&text) else { return 0 };
            cached.go_on(text, from);
            (from.max(text.prompt.len() - 1)..text.len() - 1).for_each(|position| cached.scores[position + 1] = 0.0);
            assert!(cached.scores[text.prompt.len()..].iter().all(|score| !score.is_nan()), "every wanted score is computed");
            text.len() - 1 - from
        });
        computed.collect()
    }

    #[test]
    fn what_texts_share_is_computed_once() {
        let prompt: &[u32] = &[1, 2, 3, 4, 5, 6, 7, 8];
        // The last id of a text is never computed; the one before a fork is computed again for its other branch.
        assert_eq!(computed(&[(prompt, &[9]), (prompt, &[10]), (prompt, &[11])]), [8, 1, 1]);
        assert_eq!(computed(&[(prompt, &[9, 1, 1]), (prompt, &[9, 2]), (prompt, &[9, 1, 1])]), [10, 0, 1]);
        assert_eq!(computed(&[(prompt, &[]), (prompt, &[5, 6])]), [0, 9]);
        // Another cut between prompt and continuation: one score of the shared part was never asked for.
        assert_eq!(computed(&[(&[1, 2, 3], &[4]), (&[1], &[2, 3, 4])]), [3, 3]);
        assert_eq!(computed(&[(&[1], &[2, 3, 4]), (&[1, 2, 3], &[4])]), [3, 0]);
        assert_eq!(computed(&[(&[1], &[2]), (&[7], &[2])]), [1, 1]);
    }

    #[test]
    fn runs_are_about_equal_and_cover_everything() {
        let ids: Vec<u32> = (0..40).collect();
        let texts: Vec<Scoring> = (1..40).map(|length| Scoring { prompt: &ids[..length], continuation: &ids[..1] }).collect();
        for threads in 1..6 {
            let runs = runs(&texts, &order(&texts), threads);
            assert!(runs.len() <= threads && runs[0].start == 0 && runs[runs.len() - 1].end == texts.len());
            assert!(runs.windows(2).all(|pair| pair[0].end == pair[1].start));
        }
        assert!(runs(&[], &[], 3).is_empty());
    }
}
