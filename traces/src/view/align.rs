//! Which node of a search each node of its text is, where both are at hand.

use metacot_envs::{Status, World};

use crate::{Event, NodeId, Trace};

/// For every node that the text tells, the node of the search; `None` where the text tells another search.
///
/// A text may tell all nodes, all but the hopeless ones (Searchformer), or the way to the goal alone (formats of solutions).
pub(super) fn align<E: World>(env: &E, problem: &E::Problem, told: &Trace<E>, search: &Trace<E>) -> Option<Vec<NodeId>> {
    let all: Vec<NodeId> = (0..search.nodes.len() as NodeId).collect();
    let hopeful: Vec<NodeId> = (0..search.nodes.len() as NodeId).filter(|id| env.status(problem, &search.node(*id).state) != Status::DeadEnd).collect();
    let path: Option<Vec<NodeId>> = search.goal.map(|goal| std::iter::once(0).chain(search.path(goal)).collect());
    [Some(all), Some(hopeful), path].into_iter().flatten().find(|nodes| fits(told, search, nodes))
}

fn fits<E: World>(told: &Trace<E>, search: &Trace<E>, nodes: &[NodeId]) -> bool {
    told.nodes.len() == nodes.len()
        && told.nodes.iter().zip(nodes).all(|(node, id)| {
            let other = search.node(*id);
            node.state == other.state && nodes.get(node.parent as usize) == Some(&other.parent)
        })
}

/// For every event that the text tells, its place among the events of the search; `None` where it is not there.
pub(super) fn align_events<E: World>(told: &Trace<E>, search: &Trace<E>, nodes: &[NodeId]) -> Vec<Option<usize>> {
    let same = |told: &Event, event: &Event| {
        let is_kind = std::mem::discriminant(told) == std::mem::discriminant(event);
        is_kind && nodes.get(told.node() as usize) == Some(&event.node())
    };
    let mut from = 0;
    let find = |event: &Event| {
        let at = from + search.events[from..].iter().position(|other| same(event, other))?;
        from = at + 1;
        Some(at)
    };
    told.events.iter().map(find).collect()
}
