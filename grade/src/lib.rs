//! Grades answers and whole responses: what is true of them, what a peer would have scored, and both as rows or over HTTP.
//!
//! **Invariant**: text of a model is read, never run. Every reader is linear in its input, keeps no recursion on its depth, and gives a
//! verdict for any bytes whatever.
//!
//! ```
//! use metacot_envs::countdown::{Problem, Rules};
//! use metacot_grade::countdown;
//!
//! let problem = Problem { numbers: vec![3, 5, 9], target: 24, rules: Rules::Sos };
//! assert!(countdown::grade(&problem, b"3 * 5 + 9").is_correct());
//! assert!(!countdown::grade(&problem, b"3 * 9 - 3").is_correct());
//! ```

#[cfg(feature = "traces")]
pub mod audit;
pub mod config;
pub mod countdown;
pub mod extract;
pub mod grader;
pub mod graders;
pub mod http;
mod json;
pub mod maze;
pub mod peers;
pub mod plan;
mod problem;
pub mod rational;
mod row;
pub mod serve;
#[cfg(feature = "traces")]
pub mod statements;
pub mod stream;
pub mod verdict;
mod worlds;

pub use config::{Config, ConfigError, Mode};
pub use extract::{Extraction, extract};
pub use grader::{Grader, LineGrader};
pub use rational::Rational;
pub use serve::{ServeConfig, serve};
#[cfg(feature = "traces")]
pub use statements::{AuditConfig, Audits, audit_stream};
pub use stream::grade_stream;
pub use verdict::{Fault, FaultKind, Verdict};
