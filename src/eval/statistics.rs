//! The arithmetic of claims: estimates never stand without their interval, and hostile numbers are errors, never panics.

mod bootstrap;
mod crossed;
mod fault;
mod interval;
mod majority;
mod pass_at_k;
mod summary;

pub use bootstrap::{Bootstrap, DEFAULT_RESAMPLES};
pub use fault::StatisticsError;
pub use interval::{Estimate, Z_95, wilson};
pub use majority::plurality;
pub use pass_at_k::{Tally, mean_pass_at_k, pass_at_k};
pub use summary::{Summary, mean, median, quantile};
