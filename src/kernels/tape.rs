//! What the sampler computed of the tokens that the trainer learns from: where both hold the same weights, its forward pass is the first half of a training pass.
//!
//! A [`Reel`] is what one thread of the sampler records, a [`Tape`] all reels together, a [`Track`] the rows of one sequence. The trainer lays tracks out as its
//! batch ([`TapedRows`]), and each block reads its layer ([`TapedLayer`]) in place of computing it.

use std::sync::{Arc, Mutex, PoisonError};

mod rows;

pub use rows::{TapedLayer, TapedRows, Track};

/// Rows of a piece of a reel.
const PIECE: usize = 64;

/// The sizes of a decoder's intermediate results; letters as in [`kernels`](super).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapeShape {
    /// Number of blocks.
    pub layers: usize,
    /// `d`
    pub width: usize,
    /// Columns of the joint projection, `(h + 2k) e`.
    pub columns: usize,
    /// `h e`
    pub attended: usize,
    /// `h`
    pub heads: usize,
    /// `f`
    pub hidden: usize,
}

/// The intermediate results of one token in one block, in the order of a row.
const FIELDS: usize = 6;

impl TapeShape {
    /// Widths of input, joint projection, output of attention, logarithms of denominators, residual stream behind attention, joint gate and up projection.
    fn widths(&self) -> [usize; FIELDS] {
        [self.width, self.columns, self.attended, self.heads, self.width, 2 * self.hidden]
    }

    /// Numbers of a row that belong to one block.
    fn layer_len(&self) -> usize {
        self.widths().iter().sum()
    }

    /// Numbers of a row: those of every block, then the residual stream behind the last one.
    fn row_len(&self) -> usize {
        self.layers * self.layer_len() + self.width
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.row_len() * size_of::<f32>()
    }
}

/// A place for the intermediate results of one token in one block.
pub struct TapedToken<'a> {
    /// `[d]`
    pub x: &'a mut [f32],
    /// `[(h + 2k) e]`, before the rotation.
    pub qkv: &'a mut [f32],
    /// `[h e]`
    pub attended: &'a mut [f32],
    /// `[h]`, in nats.
    pub log_sum: &'a mut [f32],
    /// `[d]`
    pub middle: &'a mut [f32],
    /// `[2f]`
    pub gate_up: &'a mut [f32],
}

/// What one thread records.
pub struct Reel {
    shape: TapeShape,
    pieces: Vec<Vec<f32>>,
    rows: usize,
    /// Pieces that wait for use by any reel of a recording.
    spare: Arc<Mutex<Vec<Vec<f32>>>>,
}

impl std::fmt::Debug for Reel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rows of {:?}", self.rows, self.shape)
    }
}

impl Reel {
    /// An empty one.
    pub fn new(shape: TapeShape) -> Self {
        Self { shape, pieces: Vec::new(), rows: 0, spare: Arc::default() }
    }

    /// Empty ones for a recording of at most so many rows, in the memory of an earlier one, where it has the same shape: fresh pages cost as much as what is written
    /// there. They share it, so that what is kept from one to the next has one bound however the rows fall to them.
    pub fn set(old: Option<Tape>, shape: TapeShape, reels: usize, rows: usize) -> Vec<Self> {
        let mut pieces: Vec<Vec<f32>> = old.filter(|old| old.shape() == shape).into_iter().flat_map(|old| old.0).flat_map(|reel| reel.pieces).collect();
        pieces.truncate(rows.div_ceil(PIECE) + reels);
        let spare = Arc::new(Mutex::new(pieces));
        (0..reels).map(|_| Self { spare: spare.clone(), ..Self::new(shape) }).collect()
    }

    /// Takes room for more rows; they hold anything until they are written. Gives the first.
    pub fn extend(&mut self, rows: usize) -> usize {
        let first = self.rows;
        self.rows += rows;
        while self.pieces.len() * PIECE < self.rows {
            // A panic elsewhere leaves the list whole: it is only ever popped from.
            let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
            self.pieces.push(spare.unwrap_or_else(|| vec![0.0; PIECE * self.shape.row_len()]));
        }
        first
    }

    /// The place of a row in one block.
    pub fn token(&mut self, row: usize, layer: usize) -> TapedToken<'_> {
        let (widths, len) = (self.shape.widths(), self.shape.layer_len());
        let mut rest = &mut self.row_mut(row)[layer * len..(layer + 1) * len];
        let [x, qkv, attended, log_sum, middle, gate_up] = widths.map(|width| rest.split_off_mut(..width).expect("a row holds all fields"));
        TapedToken { x, qkv, attended, log_sum, middle, gate_up }
    }

    /// The place of the residual stream of a row behind the last block, `[d]`.
    pub fn last(&mut self, row: usize) -> &mut [f32] {
        let first = self.shape.layers * self.shape.layer_len();
        &mut self.row_mut(row)[first..]
    }

    fn row_mut(&mut self, row: usize) -> &mut [f32] {
        let len = self.shape.row_len();
        &mut self.pieces[row / PIECE][row % PIECE * len..][..len]
    }

    fn row(&self, row: usize) -> &[f32] {
        let len = self.shape.row_len();
        &self.pieces[row / PIECE][row % PIECE * len..][..len]
    }
}

/// A row of a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapeRow {
    /// The reel, by its place on the tape.
    pub reel: u32,
    /// The row of the reel.
    pub row: u32,
}

/// All reels of a recording, of one shape.
pub struct Tape(Vec<Reel>);

impl std::fmt::Debug for Tape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl Tape {
    /// A tape of at least one reel.
    pub fn new(reels: Vec<Reel>) -> Self {
        Self(reels)
    }

    fn row(&self, row: TapeRow) -> &[f32] {
        self.0[row.reel as usize].row(row.row as usize)
    }

    fn shape(&self) -> TapeShape {
        self.0[0].shape
    }
}
