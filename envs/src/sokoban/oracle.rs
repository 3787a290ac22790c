//! The least number of moves, by A* that opens closed states again, within a bound on the states it may expand.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use super::{Problem, Sokoban, Warehouse};
use crate::{Environment, Oracle, Status, grid::Move};

/// States that [`Oracle::optimal_cost`] expands at most; every 7x7 level with two boxes has far fewer.
pub const NODE_BOUND: usize = 1_000_000;

/// What a bounded search says of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The least number of moves.
    Optimal(u32),
    /// No sequence of moves solves it.
    Unsolvable,
    /// The bound was met first.
    Unknown,
}

impl Sokoban {
    /// Searches a level, expanding at most `bound` states.
    pub fn answer(&self, problem: &Problem, bound: usize) -> Answer {
        let start = self.initial(problem);
        let Some(estimate) = self.lower_bound(problem, &start) else { return Answer::Unsolvable };
        let mut costs: HashMap<Warehouse, u32> = HashMap::from([(start, 0)]);
        let mut open = BinaryHeap::from([Reverse((estimate, 0, start))]);
        let mut expanded = 0;
        while let Some(Reverse((_, cost, state))) = open.pop() {
            if costs.get(&state).is_some_and(|best| *best < cost) {
                continue;
            }
            if self.status(problem, &state) == Status::Solved {
                return Answer::Optimal(cost);
            }
            expanded += 1;
            if expanded > bound {
                return Answer::Unknown;
            }
            for next in Move::ALL.into_iter().filter_map(|step| super::moved(problem, &state, step)) {
                let Some(estimate) = self.lower_bound(problem, &next) else { continue };
                let best = costs.entry(next).or_insert(u32::MAX);
                if cost + 1 < *best {
                    *best = cost + 1;
                    open.push(Reverse((cost + 1 + estimate, cost + 1, next)));
                }
            }
        }
        Answer::Unsolvable
    }
}

impl Oracle for Sokoban {
    /// Also `None` where [`NODE_BOUND`] states did not settle it; [`Sokoban::answer`] tells the two apart.
    fn optimal_cost(&self, problem: &Problem) -> Option<u32> {
        match self.answer(problem, NODE_BOUND) {
            Answer::Optimal(cost) => Some(cost),
            Answer::Unsolvable | Answer::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, VecDeque};

    use super::*;
    use crate::{Difficulty, SeedTree};

    /// Breadth-first search over every state, without heuristic or deadlock rule.
    fn brute_force(env: &Sokoban, problem: &Problem) -> Option<u32> {
        let start = env.initial(problem);
        let (mut seen, mut queue) = (BTreeSet::from([start]), VecDeque::from([(start, 0)]));
        while let Some((state, cost)) = queue.pop_front() {
            if env.status(problem, &state) == Status::Solved {
                return Some(cost);
            }
            for next in Move::ALL.into_iter().filter_map(|step| super::super::moved(problem, &state, step)) {
                if seen.insert(next) {
                    queue.push_back((next, cost + 1));
                }
            }
        }
        None
    }

    #[test]
    fn a_star_equals_breadth_first_search() {
        let env = Sokoban::configure(&Difficulty::sized(7)).unwrap();
        let seeds = SeedTree::root(12);
        for index in 0..40 {
            let problem = env.generate(&mut seeds.stream(index));
            assert_eq!(env.optimal_cost(&problem), brute_force(&env, &problem), "{problem:?}");
        }
    }

    #[test]
    fn known_levels_have_known_lengths() {
        let env = Sokoban::configure(&Difficulty::sized(7)).unwrap();
        let level = |rows: &[&str]| -> Problem { serde_json::from_value(serde_json::json!({ "rows": rows })).unwrap() };
        assert_eq!(env.optimal_cost(&level(&["#######", "#@ $ .#", "#######"])), Some(3));
        assert_eq!(env.answer(&level(&["#######", "#@ $  #", "#.    #", "#######"]), NODE_BOUND), Answer::Unsolvable, "the box stays on the top wall");
        assert_eq!(env.answer(&level(&["#######", "#@ $ .#", "#######"]), 1), Answer::Unknown);
    }
}
