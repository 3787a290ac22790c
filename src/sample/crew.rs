//! The threads that run one stream of forward passes: one that does all parts, or a leader with helpers that each do one.

use super::forward::{Executor, Item};
use super::packed::PackedWeights;
use super::team::{Member, Team};
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
    team: Option<(Member<'a>, &'a Mutex<Order>)>,
}

impl<'a> Crew<'a> {
    /// The calling thread alone, with room for `slots` sequences of `positions`.
    pub(super) fn alone(model: &'a PackedWeights, executor: &'a mut Executor, slots: usize, positions: usize) -> Self {
        let parts = 0..model.parts();
        executor.reserve(model, parts.clone(), slots, positions);
        Self { model, executor, parts, team: None }
    }

    /// Runs `work` on the calling thread as the leader of a team, one thread per part.
    pub(super) fn with_team<T>(model: &PackedWeights, executors: &mut [Executor], slots: usize, positions: usize, work: impl FnOnce(&mut Crew) -> T) -> T {
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
            let mut crew = Crew { model, executor, parts: 0..1, team: Some((team.join(), order)) };
            let result = work(&mut crew);
            crew.order(|| Order::Stop);
            result
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
        self.executor.cache.copy(from, to, length);
        if let Some((member, _)) = &self.team {
            member.meet();
        }
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
                executor.cache.copy(from, to, length);
                member.meet();
            }
            Order::Stop => return,
        }
    }
}
