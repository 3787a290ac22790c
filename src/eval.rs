//! Measures of what a model can do: statistics with intervals, computed the same way for every model and baseline.

pub mod statistics;
