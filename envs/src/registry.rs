//! The list of environments: one line each, and a static visitor that gives generic code the type behind a name.

use crate::World;

/// Code that works for every environment.
pub trait EnvironmentVisitor {
    /// What a visit returns.
    type Output;
    /// Runs with the environment type that was asked for.
    fn visit<E: World>(self) -> Self::Output;
}

/// A name that no environment has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown environment `{name}`; allowed: {}", NAMES.join(", "))]
pub struct UnknownEnvironment {
    /// The offending name.
    pub name: String,
}

macro_rules! environments {
    ($($environment:ty),* $(,)?) => {
        /// The registered names, in order of registration.
        pub const NAMES: &[&str] = &[$(<$environment as crate::Environment>::NAME),*];

        /// Runs `visitor` with the environment called `name`.
        ///
        /// # Errors
        /// No environment has that name.
        pub fn visit<V: EnvironmentVisitor>(name: &str, visitor: V) -> Result<V::Output, UnknownEnvironment> {
            $(if name == <$environment as crate::Environment>::NAME {
                return Ok(visitor.visit::<$environment>());
            })*
            Err(UnknownEnvironment { name: name.into() })
        }
    };
}

environments! {
    crate::countdown::Countdown,
    crate::countdown::Game24,
    crate::maze::Maze,
    crate::sokoban::Sokoban,
    crate::arithmetic::Arithmetic,
    crate::sudoku::Sudoku,
    crate::cryptarithm::Cryptarithm,
}
