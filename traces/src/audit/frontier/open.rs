//! The frontier as an audited text has it: which nodes are open, which of them come next, and which a text may mean.

use std::{hash::Hasher as _, ops::Range};

use rustc_hash::{FxHashMap, FxHasher};

use crate::NodeId;

const NONE: NodeId = NodeId::MAX;

struct Mark {
    f: u32,
    is_closed: bool,
    is_replaced: bool,
    /// Where the audited text writes its state.
    text: Range<usize>,
    /// Hash of its text, and the node before it with that hash: states may share a text, as Sokoban's do, which leaves docked boxes out.
    hash: u64,
    same_text: NodeId,
    /// The node that it replaced.
    replaces: NodeId,
}

/// Buffers that live as long as the auditor.
#[derive(Default)]
pub(in crate::audit) struct Tables {
    newest: FxHashMap<u64, NodeId>,
    marks: Vec<Mark>,
    /// Number of open nodes by `f`.
    counts: Vec<u32>,
    least: usize,
    /// Rendered text of the children that have to be created.
    pub children: String,
}

fn hash(text: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(text.as_bytes());
    hasher.finish()
}

impl Tables {
    /// Forgets the last text.
    pub fn start(&mut self) {
        self.newest.clear();
        self.marks.clear();
        self.counts.clear();
        self.least = 0;
    }

    /// Whether no node was created yet.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    pub fn len(&self) -> usize {
        self.marks.len()
    }

    pub fn is_open(&self, node: NodeId) -> bool {
        let mark = &self.marks[node as usize];
        !mark.is_closed && !mark.is_replaced
    }

    fn add(&mut self, f: u32) {
        let f = f as usize;
        if self.counts.len() <= f {
            self.counts.resize(f + 1, 0);
        }
        self.counts[f] += 1;
        self.least = self.least.min(f);
    }

    /// Opens the next node; an open node of the same state that it replaces is open no more.
    pub fn open(&mut self, node: NodeId, f: u32, (text, place): (&str, Range<usize>), old: Option<NodeId>) {
        debug_assert_eq!(node as usize, self.marks.len());
        self.add(f);
        let mut replaces = NONE;
        if let Some(old) = old.filter(|old| self.is_open(*old)) {
            let mark = &mut self.marks[old as usize];
            mark.is_replaced = true;
            self.counts[mark.f as usize] -= 1;
            replaces = old;
        }
        let hash = hash(text);
        let same_text = self.newest.insert(hash, node).unwrap_or(NONE);
        self.marks.push(Mark { f, is_closed: false, is_replaced: false, text: place, hash, same_text, replaces });
    }

    /// Takes back the last [`open`](Self::open).
    pub fn undo(&mut self) {
        let Some(Mark { f, hash, same_text, replaces, .. }) = self.marks.pop() else { return };
        self.counts[f as usize] -= 1;
        if same_text == NONE {
            self.newest.remove(&hash);
        } else {
            self.newest.insert(hash, same_text);
        }
        if replaces != NONE {
            self.marks[replaces as usize].is_replaced = false;
            let f = self.marks[replaces as usize].f;
            self.add(f);
        }
    }

    /// Closes an open node; `false` where a better one is open.
    pub fn close(&mut self, node: NodeId) -> bool {
        while self.counts.get(self.least) == Some(&0) {
            self.least += 1;
        }
        let mark = &mut self.marks[node as usize];
        mark.is_closed = true;
        self.counts[mark.f as usize] -= 1;
        mark.f as usize == self.least
    }

    /// Closes `other`, of the same `f`, in place of `node`.
    pub fn swap(&mut self, node: NodeId, other: NodeId) {
        self.marks[node as usize].is_closed = false;
        self.marks[other as usize].is_closed = true;
    }

    /// The nodes with this text, newest first; `whole` is the audited text.
    pub fn of_text<'a>(&'a self, text: &'a str, whole: &'a str) -> impl Iterator<Item = NodeId> + 'a {
        let mut next = self.newest.get(&hash(text)).copied().unwrap_or(NONE);
        let all = std::iter::from_fn(move || {
            let node = (next != NONE).then_some(next)?;
            next = self.marks[node as usize].same_text;
            Some(node)
        });
        all.filter(move |node| whole.get(self.marks[*node as usize].text.clone()) == Some(text))
    }
}
