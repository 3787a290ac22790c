//! How verified text becomes a gradient: rewards, advantages and losses as pure functions on slices.
//!
//! A trainer runs its model forward once and hands over, for every token of every response, log-probabilities (and values, where there is
//! a critic). [`Objective::evaluate`] answers with the loss, with **its derivative by each log-probability, value and entropy**, and with
//! diagnostics. The trainer then propagates these coefficients back through a weighted cross-entropy; no loss is ever written in tensors,
//! so one implementation serves every backend and is tested to 1e-6 against hand calculation.
//!
//! Four types follow one another, and no stage knows the next: [`Evidence`] (what is true) → [`Reward`] (a number) →
//! [`Advantages`] (credit per token) → [`Coefficients`] (a gradient). A new reward, advantage or loss is one file and one registry line.
//!
//! **Invariant**: no tensors, environments, files, clock or hidden randomness; masked tokens are never read, whatever they hold.
//!
//! ```
//! use metacot_objectives::{Batch, Objective, Sequence};
//!
//! // Two responses to one prompt, two tokens each: the first is right, the second wrong.
//! let right = Sequence::new(0, 1.0, vec![-0.7, -0.2]);
//! let wrong = Sequence::new(0, 0.0, vec![-0.4, -0.9]);
//! let batch = Batch::new(vec![right, wrong]).unwrap();
//!
//! let objective = Objective::named("dr-grpo").unwrap();
//! let advantages = objective.advantages(&batch).unwrap();
//! let step = objective.evaluate(&batch, &advantages).unwrap();
//!
//! assert_eq!(advantages.tokens, [[0.5, 0.5], [-0.5, -0.5]]);
//! assert!(step.d_logp[0][0] < 0.0 && step.d_logp[1][0] > 0.0); // descent raises the right response, lowers the wrong one
//! assert_eq!(step.metrics.ratio_max, 1.0);
//! ```

mod registry;

pub mod advantage;
pub mod aggregation;
pub mod batch;
pub mod coefficients;
pub mod controller;
pub mod error;
pub mod evolution;
pub mod filter;
pub mod importance;
pub mod kl;
pub mod loss;
pub mod metrics;
pub mod objective;
pub mod plan;
pub mod reward;
pub mod segments;
pub mod sequence;
mod settings;
pub mod statistics;

pub use advantage::{Advantage, Advantages};
pub use aggregation::Aggregation;
pub use batch::{Batch, Group, Pair, Span};
pub use coefficients::Coefficients;
pub use error::ObjectiveError;
pub use importance::Importance;
pub use kl::{Estimator, KlPenalty, Placement};
pub use loss::Loss;
pub use metrics::Metrics;
pub use objective::{Objective, ObjectiveConfig};
pub use reward::{Evidence, Reward};
pub use sequence::{Field, Role, Sequence};
