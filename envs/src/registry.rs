//! The lists of environments and, again, of those that are games: one line each, and a static visitor that gives generic code the type
//! behind a name.

use crate::{World, two_player::TwoPlayer};

/// Code that works for every environment.
pub trait EnvironmentVisitor {
    /// What a visit returns.
    type Output;
    /// Runs with the environment type that was asked for.
    fn visit<E: World>(self) -> Self::Output;
}

/// Code that works for every game of two players.
pub trait GameVisitor {
    /// What a visit returns.
    type Output;
    /// Runs with the game type that was asked for.
    fn visit<G: TwoPlayer + World>(self) -> Self::Output;
}

/// A name that no environment has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown environment `{name}`; allowed: {}", NAMES.join(", "))]
pub struct UnknownEnvironment {
    /// The offending name.
    pub name: String,
}

/// A name that no game has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown game `{name}`; allowed: {}", GAMES.join(", "))]
pub struct UnknownGame {
    /// The offending name.
    pub name: String,
}

macro_rules! registry {
    ($names:ident, $visit:ident, $visitor:ident, $error:ident: $($environment:ty),* $(,)?) => {
        /// The registered names, in order of registration.
        pub const $names: &[&str] = &[$(<$environment as crate::Environment>::NAME),*];

        /// Runs `visitor` with the type of the given name.
        ///
        /// # Errors
        /// Nothing registered has that name.
        pub fn $visit<V: $visitor>(name: &str, visitor: V) -> Result<V::Output, $error> {
            $(if name == <$environment as crate::Environment>::NAME {
                return Ok(visitor.visit::<$environment>());
            })*
            Err($error { name: name.into() })
        }
    };
}

registry! { NAMES, visit, EnvironmentVisitor, UnknownEnvironment:
    crate::countdown::Countdown,
    crate::countdown::Game24,
    crate::maze::Maze,
    crate::sokoban::Sokoban,
    crate::arithmetic::Arithmetic,
    crate::sudoku::Sudoku,
    crate::cryptarithm::Cryptarithm,
    crate::connect4::Connect4,
    crate::hex::Hex,
}

registry! { GAMES, visit_game, GameVisitor, UnknownGame:
    crate::connect4::Connect4,
    crate::hex::Hex,
}
