//! Numbers that a run writes while it goes: `metrics.jsonl` for programs, TensorBoard event files for eyes.
//!
//! **Invariant**: after a kill and a resume both files equal, byte for byte, those of an uninterrupted run.

mod crc32c;
mod jsonl;
mod log;
mod tensorboard;

pub use crc32c::crc32c;
pub use jsonl::{JsonlWriter, Row, parse_rows, read_rows};
pub use log::{EVENTS_FILE, METRICS_FILE, MetricsLog};
pub use tensorboard::{EventWriter, Scalar, encode_scalar, parse_scalars};
