//! What a text has called its nodes so far, and where each was found to be described truly.

use metacot_envs::{World, digits::read_integer};

use crate::{NodeId, Trace, discourse::tree::Ids};

const NONE: NodeId = NodeId::MAX;

/// A piece of the audited text that was found true.
#[derive(Clone, Copy)]
pub(crate) struct Place(u32, u32);

impl Place {
    const NOWHERE: Self = Self(0, 0);

    /// The place of `part`, a slice of `text`; nowhere beyond 4 GiB, so that such a text is rendered again each time.
    fn of_part(text: &str, part: &str) -> Self {
        let start = part.as_ptr() as usize - text.as_ptr() as usize;
        match (u32::try_from(start), u32::try_from(start + part.len())) {
            (Ok(start), Ok(end)) => Self(start, end),
            _ => Self::NOWHERE,
        }
    }

    /// What stands there.
    pub fn of(self, text: &str) -> Option<&str> {
        if self.1 == 0 { None } else { text.get(self.0 as usize..self.1 as usize) }
    }
}

struct Mark {
    parent: NodeId,
    rank: u32,
    num_ranks: u32,
    first_child: NodeId,
    last_child: NodeId,
    next_sibling: NodeId,
    /// Whether the text has named it or told its end, so that it can be turned to.
    is_said: bool,
    id: Place,
    state: Place,
    action: Place,
    history: Place,
    successor: Place,
    /// The whole line that says where the search stands.
    line: Place,
}

/// The nodes of a text.
pub(crate) struct Marks {
    marks: Vec<Mark>,
    ids: Ids,
    last_named: NodeId,
}

impl Default for Marks {
    fn default() -> Self {
        Self { marks: Vec::new(), ids: Ids::Path, last_named: 0 }
    }
}

impl Marks {
    /// Forgets the last text; the root is known.
    pub fn start(&mut self, ids: Ids) {
        self.marks.clear();
        (self.ids, self.last_named) = (ids, 0);
        self.push(0, 0, Place::NOWHERE);
        self.marks[0].is_said = true;
    }

    fn push(&mut self, parent: NodeId, rank: u32, action: Place) {
        self.marks.push(Mark {
            parent,
            rank,
            num_ranks: 0,
            first_child: NONE,
            last_child: NONE,
            next_sibling: NONE,
            is_said: false,
            id: Place::NOWHERE,
            state: Place::NOWHERE,
            action,
            history: Place::NOWHERE,
            line: Place::NOWHERE,
            successor: Place::NOWHERE,
        });
    }

    /// Adds the next node, a child of `parent`, whose action was read as `action`.
    pub fn add(&mut self, parent: NodeId, node: NodeId, is_open: bool, text: &str, action: &str) {
        debug_assert_eq!(node as usize, self.marks.len());
        let above = &mut self.marks[parent as usize];
        let rank = above.num_ranks;
        above.num_ranks += u32::from(is_open || self.ids != Ids::SharedPath);
        let last = std::mem::replace(&mut above.last_child, node);
        if last == NONE {
            above.first_child = node;
        } else {
            self.marks[last as usize].next_sibling = node;
        }
        // Reading may be lenient, so the action counts as found true only where it is written so; the caller reads canonical text.
        self.push(parent, rank, Place::of_part(text, action));
    }

    /// Gives a node its name; `false` where it has another.
    pub fn name(&mut self, node: NodeId, text: &str, id: &str) -> bool {
        self.marks[node as usize].is_said = true;
        self.last_named = node;
        let is_true = self.is_id(node, text, id);
        if is_true {
            self.marks[node as usize].id = Place::of_part(text, id);
        }
        is_true
    }

    /// Notes that the text has told the end of a node.
    pub fn end(&mut self, node: NodeId) {
        self.marks[node as usize].is_said = true;
    }

    fn is_id(&self, node: NodeId, text: &str, id: &str) -> bool {
        let mark = &self.marks[node as usize];
        if let Some(known) = mark.id.of(text) {
            return known == id;
        }
        if self.ids == Ids::Number {
            return read_integer(id) == Some(i64::from(node));
        }
        if node == 0 {
            return id == "0";
        }
        let Some((above, rank)) = id.rsplit_once(',') else { return false };
        read_integer(rank) == Some(i64::from(mark.rank)) && self.is_id(mark.parent, text, above)
    }

    /// The node called `id` that the text has told of.
    pub fn find<E: World>(&self, id: &str, text: &str, at: NodeId, trace: &Trace<E>) -> Option<NodeId> {
        let likely = [self.last_named, trace.node(at).parent, at];
        let known = |node: &NodeId| self.marks[*node as usize].id.of(text) == Some(id);
        let node = likely.into_iter().find(known).or_else(|| self.resolve(id))?;
        self.marks[node as usize].is_said.then_some(node)
    }

    fn resolve(&self, id: &str) -> Option<NodeId> {
        if self.ids == Ids::Number {
            return NodeId::try_from(read_integer(id)?).ok().filter(|node| (*node as usize) < self.marks.len());
        }
        let mut parts = id.split(',');
        let mut node = (parts.next() == Some("0")).then_some(0)?;
        for part in parts {
            let rank = read_integer(part)?;
            let mut child = self.marks[node as usize].first_child;
            while child != NONE && i64::from(self.marks[child as usize].rank) != rank {
                child = self.marks[child as usize].next_sibling;
            }
            node = (child != NONE).then_some(child)?;
        }
        Some(node)
    }

    /// The next sibling that shares the id of a node.
    pub fn next_of_same_id(&self, node: NodeId) -> Option<NodeId> {
        let mark = &self.marks[node as usize];
        let next = mark.next_sibling;
        (next != NONE && self.marks[next as usize].rank == mark.rank).then_some(next)
    }

    pub fn state(&self, node: NodeId) -> Place {
        self.marks[node as usize].state
    }

    pub fn action(&self, node: NodeId) -> Place {
        self.marks[node as usize].action
    }

    pub fn history(&self, node: NodeId) -> Place {
        self.marks[node as usize].history
    }

    pub fn successor(&self, node: NodeId) -> Place {
        self.marks[node as usize].successor
    }

    pub fn set_successor(&mut self, node: NodeId, text: &str, successor: &str) {
        self.marks[node as usize].successor = Place::of_part(text, successor);
    }

    pub fn line(&self, node: NodeId) -> Place {
        self.marks[node as usize].line
    }

    pub fn set_line(&mut self, node: NodeId, text: &str, span: std::ops::Range<usize>) {
        self.marks[node as usize].line = text.get(span).map_or(Place::NOWHERE, |line| Place::of_part(text, line));
    }

    pub fn set_state(&mut self, node: NodeId, text: &str, state: &str) {
        self.marks[node as usize].state = Place::of_part(text, state);
    }

    pub fn set_history(&mut self, node: NodeId, text: &str, history: &str) {
        self.marks[node as usize].history = Place::of_part(text, history);
    }
}
