//! The threads that run one stream of forward passes: one that does all parts, or a leader with helpers that each do one.
//!
//! A leader whose helpers are kept waiting by other programs can go on alone.

use super::forward::{Executor, Item};
use super::packed::PackedWeights;
use super::team::{Member, Team};
use crate::kernels::TapeRow;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// The most positions of one pass where a prompt is encoded.
pub(super) const CHUNK: usize = 64;

/// What helpers do next.
#[derive(Clone, Debug, Default)]
enum Order {
    Compute(Vec<Item>),
    Copy {
        from: usize,
        to: usize,
        length: usize,
    },
    #[default]
    Stop,
}

/// Runs passes on one thread, or leads a team.
pub(super) struct Crew<'a> {
    pub(super) model: &'a PackedWeights,
    executor: &'a mut Executor,
    parts: Range<usize>,
    slots: usize,
    positions: usize,
    team: Option<(Member<'a>, &'a Mutex<Order>)>,
}

impl<'a> Crew<'a> {
    /// The calling thread alone, with room for `slots` sequences of `positions`.
    pub(super) fn alone(model: &'a PackedWeights, executor: &'a mut Executor, slots: usize, positions: usize) -> Self {
        let parts = 0..model.parts();
        executor.reserve(model, parts.clone(), slots, positions);
        Self { model, executor, parts, slots, positions, team: None }
    }

    /// Runs `work` on the calling thread as the leader of a team, one thread per part; says also whether the team held to the end.
    pub(super) fn with_team<T>(
        model: &PackedWeights,
        executors: &mut [Executor],
        slots: usize,
        positions: usize,
        work: impl FnOnce(&mut Crew) -> T,
    ) -> (T, bool) {
        let (widest, rows) = (model.widest(), slots.max(CHUNK));
        let (team, order) = (Team::new(model.parts(), rows * widest), Mutex::new(Order::Stop));
        std::thread::scope(|scope| {
            let (team, order) = (&team, &order);
            let mut executors = executors.iter_mut().take(model.parts()).enumerate();
            let leader = executors.next();
            for (part, executor) in executors {
                scope.spawn(move || help(model, executor, part, slots, positions, team.join(), order));
            }
            let (_, executor) = leader.expect("a decoder has at least one executor");
            executor.reserve(model, 0..1, slots, positions);
            let mut crew = Crew { model, executor, parts: 0..1, slots, positions, team: Some((team.join(), order)) };
            let result = work(&mut crew);
            crew.order(|| Order::Stop);
            (result, crew.team.is_some())
        })
    }

    /// Computes and caches `items`.
    pub(super) fn forward(&mut self, items: &[Item]) {
        self.order(|| Order::Compute(items.to_vec()));
        self.executor.forward(self.model, self.parts.clone(), items, self.team.as_mut().map(|(member, _)| member));
    }

    /// Copies the first `length` positions of slot `from` to slot `to`.
    pub(super) fn copy(&mut self, from: usize, to: usize, length: usize) {
        self.order(|| Order::Copy { from, to, length });
        self.executor.copy(from, to, length);
        if let Some((member, _)) = &mut self.team {
            member.meet();
        }
    }

    /// The rows of the first `length` positions of a slot, where they are recorded; none elsewhere.
    pub(super) fn track(&self, slot: usize, length: usize) -> Vec<TapeRow> {
        self.executor.recorder.as_ref().map(|recorder| recorder.track(slot, length)).unwrap_or_default()
    }

    /// Whether the team is slower than its leader would be alone.
    pub(super) fn is_stalling(&self) -> bool {
        self.team.as_ref().is_some_and(|(member, _)| member.is_stalling())
    }

    /// Dismisses the helpers. The cache is lost: each had a part of it.
    pub(super) fn go_alone(&mut self) {
        self.order(|| Order::Stop);
        self.team = None;
        self.parts = 0..self.model.parts();
        self.executor.reserve(self.model, self.parts.clone(), self.slots, self.positions);
    }

    /// The logits of the `row`th item of the last pass that wanted some, `[v]`.
    pub(super) fn logits(&self, row: usize) -> &[f32] {
        self.executor.logits(self.model, row)
    }

    fn order(&mut self, order: impl FnOnce() -> Order) {
        if let Some((member, shared)) = &mut self.team {
            *shared.lock().unwrap_or_else(PoisonError::into_inner) = order();
            member.meet();
        }
    }
}

/// Follows the leader's orders. Each ends with a meeting, so that the leader writes the next one only after all helpers have read this one.
fn help(model: &PackedWeights, executor: &mut Executor, part: usize, slots: usize, positions: usize, mut member: Member, order: &Mutex<Order>) {
    executor.reserve(model, part..part + 1, slots, positions);
    loop {
        member.meet();
        let order = order.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match order {
            Order::Compute(items) => executor.forward(model, part..part + 1, &items, Some(&mut member)),
            Order::Copy { from, to, length } => {
                executor.copy(from, to, length);
                member.meet();
            }
            Order::Stop => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{LayerWeights, ModelConfig, Weights};
    use crate::sample::kernels::Isa;

    fn model() -> PackedWeights {
        let config = ModelConfig {
            vocab_size: 70,
            width: 16,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            hidden: 40,
            context: 32,
            rope_theta: 100.0,
            rope_scaling: None,
            norm_epsilon: 1e-5,
            tied_embeddings: true,
        };
        let numbers = |count: usize| (0..count).map(|index| (index as f32 * 0.37).sin() * 0.3).collect::<Vec<f32>>();
        let layer = LayerWeights {
            attention_norm: numbers(16),
            qkv: numbers(16 * 32),
            output: numbers(16 * 16),
            mlp_norm: numbers(16),
            gate_up: numbers(16 * 80),
            down: numbers(40 * 16),
        };
        PackedWeights::over(None, &Weights { config, embedding: numbers(70 * 16), layers: vec![layer; 2], final_norm: numbers(16), head: None }, 2)
    }

    #[test]
    fn a_team_and_its_leader_alone_compute_the_same_bits() {
        let model = model();
        let mut executors = [Executor::new(Isa::best()), Executor::new(Isa::best())];
        let items: Vec<Item> =
            (0..20).map(|position| Item { slot: 0, position, token: 3 * position as u32, wants_logits: position % 2 == 0, is_kept: false }).collect();
        let logits = |crew: &mut Crew| {
            crew.forward(&items);
            (0..10).flat_map(|row| crew.logits(row).to_vec()).collect::<Vec<f32>>()
        };
        let ((together, parted), has_held) = Crew::with_team(&model, &mut executors, 2, 20, |crew| {
            let together = logits(crew);
            crew.go_alone();
            (together, logits(crew))
        });
        assert!(!has_held && together == parted);
        let mut alone = Crew::alone(&model, &mut executors[0], 2, 20);
        assert_eq!(logits(&mut alone), together);
    }
}
