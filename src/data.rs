//! Training examples and how they are laid out in batches: several short ones in one row, each seeing only itself.

mod batch;
mod loader;
mod pack;

pub use batch::{Batch, Example};
pub use loader::{DataPlan, Loader};
pub use pack::pack;
