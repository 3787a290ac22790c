//! Keys and values of the positions that were computed, in slots of one sequence each.
//!
//! A head's keys lie in blocks of sixteen positions, `[block, head_dim, 16]`, so that one query meets sixteen keys at once; its values lie one position after the
//! other, each padded to whole lines.

use super::kernels::{LANES, Line};

/// The cache of some heads of all layers.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    layers: usize,
    heads: usize,
    head_dim: usize,
    /// Positions of a slot; a multiple of 16.
    capacity: usize,
    keys: Vec<Line>,
    values: Vec<Line>,
}

impl Cache {
    /// Makes room for `slots` sequences of `positions`. What was cached is lost.
    pub(super) fn reserve(&mut self, layers: usize, heads: usize, head_dim: usize, slots: usize, positions: usize) {
        let capacity = positions.next_multiple_of(LANES);
        (self.layers, self.heads, self.head_dim, self.capacity) = (layers, heads, head_dim, capacity);
        let parts = slots * layers * heads;
        if self.keys.len() < parts * self.head_keys() {
            self.keys.resize(parts * self.head_keys(), Line::ZERO);
        }
        if self.values.len() < parts * self.head_values() {
            self.values.resize(parts * self.head_values(), Line::ZERO);
        }
    }

    /// Number of positions that a slot has room for.
    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Stores key and value of one head at `position`; each is `[head_dim]`.
    pub(super) fn store(&mut self, slot: usize, layer: usize, head: usize, position: usize, key: &[f32], value: &[f32]) {
        let part = self.part(slot, layer, head);
        let first = part * self.head_keys() + position / LANES * self.head_dim;
        for (line, number) in self.keys[first..first + self.head_dim].iter_mut().zip(key) {
            line.0[position % LANES] = *number;
        }
        let first = part * self.head_values() + position * self.value_lines();
        for (line, numbers) in self.values[first..].iter_mut().zip(value.chunks(LANES)) {
            line.0[..numbers.len()].copy_from_slice(numbers);
        }
    }

    /// All keys and values of one head.
    pub(super) fn head(&self, slot: usize, layer: usize, head: usize) -> (&[Line], &[Line]) {
        let part = self.part(slot, layer, head);
        (&self.keys[part * self.head_keys()..(part + 1) * self.head_keys()], &self.values[part * self.head_values()..(part + 1) * self.head_values()])
    }

    /// Copies the first `length` positions of slot `from` to slot `to`.
    pub(super) fn copy(&mut self, from: usize, to: usize, length: usize) {
        let (keys, values) = (length.div_ceil(LANES) * self.head_dim, length * self.value_lines());
        let (head_keys, head_values, heads) = (self.head_keys(), self.head_values(), self.layers * self.heads);
        for (from, to) in (from * heads..(from + 1) * heads).zip(to * heads..) {
            self.keys.copy_within(from * head_keys..from * head_keys + keys, to * head_keys);
            self.values.copy_within(from * head_values..from * head_values + values, to * head_values);
        }
    }

    fn part(&self, slot: usize, layer: usize, head: usize) -> usize {
        (slot * self.layers + layer) * self.heads + head
    }

    fn value_lines(&self) -> usize {
        self.head_dim.div_ceil(LANES)
    }

    /// Lines of one head's keys.
    fn head_keys(&self) -> usize {
        self.capacity / LANES * self.head_dim
    }

    /// Lines of one head's values.
    fn head_values(&self) -> usize {
        self.capacity * self.value_lines()
    }
}
