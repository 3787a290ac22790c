//! What crosses a boundary: whole objectives against hand calculation, finite differences and problems with a known optimum.

mod bandit;
mod gradients;
mod hand;
mod invariance;
mod settings;
mod support;
