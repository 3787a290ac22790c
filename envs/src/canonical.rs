//! The identity of a problem up to symmetry, for exact deduplication and for splits that stay when a corpus grows.

use crate::Environment;

/// What an out-of-distribution split can hold out: one side of a problem, the same for all its symmetric variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Facet {
    /// What is to be reached: the target number, the way from start to goal, the docks, the result.
    Target,
    /// How large the problem is, in the units of the environment's size.
    Size,
    /// What it is made of: the numbers, the walls, the pattern of clues.
    Set,
}

impl Facet {
    /// All facets.
    pub const ALL: [Self; 3] = [Self::Target, Self::Size, Self::Set];

    /// The name of its values on the command line.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Target => "targets",
            Self::Size => "sizes",
            Self::Set => "sets",
        }
    }
}

/// Gives every problem a key that all its symmetric variants share.
pub trait Canonical: Environment {
    /// The key as readable text; equal exactly for problems that are the same up to the symmetries the environment documents.
    fn canonical_key(&self, problem: &Self::Problem) -> String;

    /// The key of the family of problems that share their material with this one (the numbers whatever the target, the walls whatever start
    /// and goal): what out-of-distribution splits hold out together.
    fn family_key(&self, problem: &Self::Problem) -> String {
        self.canonical_key(problem)
    }

    /// The value of a facet as text without commas; `None` where the environment has no such facet.
    fn facet(&self, problem: &Self::Problem, facet: Facet) -> Option<String> {
        (facet == Facet::Set).then(|| self.family_key(problem))
    }

    /// The canonical keys of the problems one small step away (a number or the target one more or less, a start, goal, box or dock one cell
    /// further, a clue more or less); empty where the environment knows no such step.
    fn near_keys(&self, _problem: &Self::Problem) -> Vec<String> {
        Vec::new()
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
