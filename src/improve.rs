//! Learning from verified samples: sample, verify, keep, train again. The one loop that every way of improving joins.

mod keep;
mod store;

pub use keep::{Kept, example, keep};
pub use store::{load_groups, save_groups};
