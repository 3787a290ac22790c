//! Searches without some of their failed branches (Meta-CoT §7.1): several true texts of different length from one tree.

use metacot_envs::{SettingError, Settings, World};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Sample, Skip, Source, Transform};
use crate::{Event, NodeId, Trace};

/// Branch pruning. Settings: `rate` (probability that a branch off the path to the goal is left out, 0.5).
#[derive(Clone, Debug)]
pub struct Prune {
    rate: f64,
}

impl Prune {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["rate"])?;
        Ok(Self { rate: settings.number("rate", 0.0..=1.0, 0.5)? })
    }
}

/// The trace without the nodes that `is_kept` leaves out, whose descendants are left out as well.
fn without<E: World>(trace: &Trace<E>, is_kept: impl Fn(NodeId) -> bool) -> Trace<E> {
    let mut new_ids: Vec<Option<NodeId>> = Vec::with_capacity(trace.nodes.len());
    let mut pruned = Trace { stop: trace.stop, ..Trace::default() };
    for (id, node) in trace.nodes.iter().enumerate() {
        let parent = if id == 0 { Some(0) } else { new_ids[node.parent as usize] };
        let new = parent.filter(|_| is_kept(id as NodeId)).map(|parent| {
            pruned.nodes.push(crate::Node { parent, ..node.clone() });
            pruned.nodes.len() as NodeId - 1
        });
        new_ids.push(new);
    }
    pruned.goal = trace.goal.and_then(|goal| new_ids[goal as usize]);
    let mut at: Option<NodeId> = None;
    for event in &trace.events {
        match *event {
            Event::Generate(id) => pruned.events.extend(new_ids[id as usize].map(Event::Generate)),
            Event::Evaluate { node, value } => pruned.events.extend(new_ids[node as usize].map(|node| Event::Evaluate { node, value })),
            // Coming back to where the search stands is no move any more.
            Event::Visit(id) => {
                if let Some(id) = new_ids[id as usize].filter(|id| at != Some(*id)) {
                    at = Some(id);
                    pruned.events.push(Event::Visit(id));
                }
            }
        }
    }
    // A search that turned to a node last and did nothing there had its reason in what was left out.
    while pruned.events.len() > 2 && pruned.goal.is_some() && matches!(pruned.events.last(), Some(Event::Visit(id)) if pruned.goal != Some(*id)) {
        pruned.events.pop();
    }
    pruned.expanded = pruned.events.iter().filter(|event| matches!(event, Event::Visit(_))).count() as u64;
    pruned
}

impl<E: World> Transform<E> for Prune {
    fn apply(&self, source: &Source<'_, E>, rng: &mut ChaCha8Rng) -> Result<Sample, Skip> {
        let path = source.trace.path(source.trace.goal.ok_or(Skip::Unsolved)?);
        let mut kept = vec![true; source.trace.nodes.len()];
        for (id, kept) in kept.iter_mut().enumerate().skip(1) {
            *kept = path.contains(&(id as NodeId)) || !rng.random_bool(self.rate);
        }
        Ok(Sample::plain(source, &without(source.trace, |id| kept[id as usize])))
    }

    /// A frontier is not a true one without all of its children.
    fn formats(&self) -> Option<&'static [&'static str]> {
        Some(&["sos", "think", "prose"])
    }
}
