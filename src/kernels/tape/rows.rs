//! A tape as the trainer reads it: the rows of a sequence, of a batch, of a batch in one block.

use std::{
    ops::Range,
    sync::{Arc, PoisonError, RwLock},
};

use super::{FIELDS, Tape, TapeRow};

/// The rows of one sequence, by position.
#[derive(Clone)]
pub struct Track {
    /// Where they lie.
    pub tape: Arc<Tape>,
    /// All positions but the last, whose token is only a label.
    pub rows: Vec<TapeRow>,
}

/// The rows of a batch.
#[derive(Clone)]
pub struct TapedRows {
    tape: Arc<RwLock<Option<Arc<Tape>>>>,
    rows: Arc<[Option<TapeRow>]>,
}

impl TapedRows {
    /// So many rows of a tape, `None` for padding, which reads as zeros.
    pub fn new(tape: Arc<Tape>, rows: Vec<Option<TapeRow>>) -> Self {
        Self { tape: Arc::new(RwLock::new(Some(tape))), rows: rows.into() }
    }

    /// Lets go of the tape, whatever still holds these rows: burn 0.21 keeps a graph whose gradient nobody asked for until a later one is.
    pub fn release(&self) {
        *self.tape.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Hands the tape to `read`.
    ///
    /// # Panics
    /// After it was let go.
    fn with<T>(&self, read: impl FnOnce(&Tape) -> T) -> T {
        let tape = self.tape.read().unwrap_or_else(PoisonError::into_inner);
        read(tape.as_ref().expect("rows are read before their tape is let go"))
    }

    /// Those of a block.
    pub fn layer(&self, layer: usize) -> TapedLayer {
        TapedLayer { rows: self.clone(), layer }
    }
}

/// The rows of a batch in one block.
#[derive(Clone)]
pub struct TapedLayer {
    rows: TapedRows,
    layer: usize,
}

impl std::fmt::Debug for TapedLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "layer {} of {} taped rows", self.layer, self.rows.rows.len())
    }
}

impl TapedLayer {
    /// The outputs of some tokens: what the next block, or the last RMSNorm, reads. `out` is `[tokens, d]`.
    pub(in crate::kernels) fn outputs(&self, tokens: Range<usize>, out: &mut [f32]) {
        self.rows.with(|tape| {
            let shape = tape.shape();
            let first = (self.layer + 1) * shape.layer_len();
            for (row, out) in self.rows.rows[tokens].iter().zip(out.chunks_exact_mut(shape.width)) {
                copy(row.map(|row| &tape.row(row)[first..]), out);
            }
        });
    }

    /// The other intermediate results of some tokens, each place `[tokens, its width]`.
    pub(in crate::kernels) fn activations(&self, tokens: Range<usize>, mut places: [&mut [f32]; FIELDS - 1]) {
        self.rows.with(|tape| {
            let shape = tape.shape();
            let [x, widths @ ..] = shape.widths();
            let first = self.layer * shape.layer_len() + x;
            for (token, row) in self.rows.rows[tokens].iter().enumerate() {
                let mut rest = row.map(|row| &tape.row(row)[first..]);
                for (place, width) in places.iter_mut().zip(widths) {
                    rest = copy(rest, &mut place[token * width..][..width]);
                }
            }
        });
    }
}

/// Fills `out` with what a row begins with, zeros where there is none, and gives the rest.
fn copy<'a>(row: Option<&'a [f32]>, out: &mut [f32]) -> Option<&'a [f32]> {
    let Some(row) = row else {
        out.fill(0.0);
        return None;
    };
    let (numbers, rest) = row.split_at(out.len());
    out.copy_from_slice(numbers);
    Some(rest)
}
