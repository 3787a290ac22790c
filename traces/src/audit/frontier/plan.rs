//! The plan at the end of a frontier: places from the start to the goal.

use metacot_envs::{ActionFault, Verdict, World, replay};

use crate::{
    NodeId,
    audit::{DefectKind, PlanFault, replay::Replay},
};

/// The states that the plan has walked so far.
pub(super) struct Plan<E: World> {
    states: Vec<E::State>,
    actions: Vec<E::Action>,
    has_failed: bool,
}

impl<E: World> Default for Plan<E> {
    fn default() -> Self {
        Self { states: Vec::new(), actions: Vec::new(), has_failed: false }
    }
}

impl<E: World> Plan<E> {
    /// Whether any place was told.
    pub fn has_begun(&self) -> bool {
        !self.states.is_empty()
    }

    /// Walks to the next place.
    pub fn step(&mut self, env: &E, problem: &E::Problem, place: &str, replay: &mut Replay<E>) {
        let Some(last) = self.states.last() else {
            if !replay.is_written(place, |trace, out| env.write_place(problem, &trace.node(0).state, out)) {
                replay.fault(DefectKind::WrongState);
                self.has_failed = true;
            }
            replay.about_place(0);
            replay.plan = Some(Vec::new());
            return self.states.push(env.initial(problem));
        };
        self.actions.clear();
        env.actions(problem, last, &mut self.actions);
        for action in self.actions.drain(..) {
            let Ok(next) = env.apply(problem, last, &action) else { continue };
            if replay.is_written(place, |_, out| env.write_place(problem, &next, out)) {
                replay.about_place(self.states.len());
                replay.plan.get_or_insert_default().push(action);
                return self.states.push(next);
            }
        }
        replay.fault(DefectKind::Illegal);
        if !self.has_failed {
            let step = replay.plan.as_ref().map_or(0, Vec::len);
            replay.plan_fault = Some(PlanFault { step, kind: ActionFault::Illegal, missing: String::new() });
        }
        self.has_failed = true;
    }

    /// Judges the plan at the end of the text, which has `count` statements and ends at byte `end`.
    pub fn finish(&self, env: &E, problem: &E::Problem, goal: Option<NodeId>, (count, end): (usize, usize), told: &mut Replay<E>) {
        if let Some(plan) = told.plan.as_ref().filter(|_| !self.has_failed) {
            told.verdict = Some(replay(env, problem, plan));
        }
        let is_solved = told.verdict.as_ref().is_some_and(Verdict::is_solved);
        if !self.has_failed && !is_solved {
            return told.cut(count, end);
        }
        // States may share a place, so the search and the plan are compared by places.
        let place = |state: &E::State| {
            let mut text = String::new();
            env.write_place(problem, state, &mut text);
            text
        };
        let is_other = |goal: NodeId| {
            let path = told.trace.path(goal);
            path.len() + 1 != self.states.len()
                || path.iter().zip(&self.states[1..]).any(|(id, state)| told.state(*id) != state && place(told.state(*id)) != place(state))
        };
        if is_solved && goal.is_some_and(is_other) {
            told.fault(DefectKind::WrongAnswer);
        }
    }
}
