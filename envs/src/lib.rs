//! Pure symbolic worlds: problems with exact answers, their text, their oracles and one verifier for all.
//!
//! **Invariant**: no IO, no threads, no clock, no machine learning, no hidden randomness. Every draw takes a
//! [`ChaCha8Rng`](rand_chacha::ChaCha8Rng) that a [`seed::SeedTree`] derived.
//!
//! ```
//! use metacot_envs::{Difficulty, Environment, Oracle, SeedTree, countdown::Countdown};
//!
//! let env = Countdown::configure(&Difficulty::sized(4)).unwrap();
//! let problem = env.generate(&mut SeedTree::root(7).child("countdown").stream(0));
//! assert!(env.solvable(&problem));
//! ```

pub mod arithmetic;
pub mod canonical;
pub mod conformance;
pub mod connect4;
pub mod countdown;
pub mod cryptarithm;
pub mod difficulty;
pub mod digits;
pub mod environment;
pub mod grid;
pub mod hex;
pub mod maze;
pub mod notation;
pub mod oracle;
pub mod pattern;
pub mod registry;
pub mod seed;
pub mod sokoban;
pub mod stones;
pub mod sudoku;
pub mod two_player;
pub mod verifier;

pub use canonical::{Canonical, Facet};
pub use difficulty::{Difficulty, SettingError, Settings};
pub use environment::{Environment, Heuristic, IllegalAction, Status, World};
pub use notation::{ActionFault, Notation, Symbols};
pub use oracle::Oracle;
pub use pattern::{Language, Pattern};
pub use seed::SeedTree;
pub use two_player::{Outcome, Player, TwoPlayer};
pub use verifier::{Verdict, replay};
