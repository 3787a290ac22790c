//! Searches, their typed events, the texts written from them, the audit of such texts, and corpora. No machine learning.
//!
//! One way only: a search emits events into a [`Recorder`] and writes no text; a format reads a [`Trace`] and searches nothing; the
//! audit reads text and trusts nothing but the environment.
//!
//! ```
//! use metacot_envs::{Difficulty, Environment, SeedTree, Settings, countdown::Countdown};
//! use metacot_traces::{Budget, Recorder, audit, format, search};
//!
//! let env = Countdown::configure(&Difficulty::sized(3)).unwrap();
//! let seeds = SeedTree::root(7);
//! let problem = env.generate(&mut seeds.child("problem").stream(0));
//! let dfs = search::build::<Countdown>("dfs", &env, &Settings::default()).unwrap();
//! let mut recorder = Recorder::default();
//! dfs.run(&env, &problem, Budget::default(), &mut seeds.child("search").stream(0), &mut recorder);
//! let sos = format::build::<Countdown>("sos", &Settings::default()).unwrap();
//! let mut text = String::new();
//! let prompt_len = sos.write(&env, &problem, recorder.trace(), &mut text);
//! assert!(text[..prompt_len].starts_with("Current State: "));
//! assert!(audit(&env, Some(&problem), &sos.parse(&text)).is_clean());
//! ```

pub mod audit;
pub mod automaton;
pub mod corpus;
pub mod discourse;
pub mod event;
pub mod feedback;
pub mod forensics;
pub mod format;
pub mod generate;
pub mod guide;
pub mod judged;
pub mod label;
pub mod mix;
pub mod recorder;
pub mod search;
pub mod settings;
pub mod stats;
pub mod task;
pub mod told;
pub mod trace;
pub mod transform;
pub mod view;

pub use audit::{Audit, Auditor, Defect, DefectKind, audit};
pub use automaton::Automaton;
pub use event::Event;
pub use format::TraceFormat;
pub use recorder::Recorder;
pub use search::{Budget, Search};
pub use trace::{Node, NodeId, StopReason, Trace};
