//! The identity of a problem up to symmetry, for exact deduplication and for splits that stay when a corpus grows.

use crate::Environment;

/// Gives every problem a key that all its symmetric variants share.
pub trait Canonical: Environment {
    /// The key as readable text; equal exactly for problems that are the same up to the symmetries the environment documents.
    fn canonical_key(&self, problem: &Self::Problem) -> String;

    /// The key of the family of problems that share their material with this one (the numbers whatever the target, the walls whatever start
    /// and goal): what out-of-distribution splits hold out together.
    fn family_key(&self, problem: &Self::Problem) -> String {
        self.canonical_key(problem)
    }

    /// Symmetric variants of the problem, itself included, for tests of the key.
    fn symmetries(&self, problem: &Self::Problem) -> Vec<Self::Problem> {
        vec![problem.clone()]
    }
}

/// The place of a canonical key on a circle of 2^32 points, from which its split is decided: stable when the corpus grows.
pub fn split_point(key: &str) -> u32 {
    let digest = blake3::derive_key("metacot split v1", key.as_bytes());
    u32::from_le_bytes(digest[..4].try_into().expect("a digest has 32 bytes"))
}
