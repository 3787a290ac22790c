//! How hard the problems of a mixture are: sizes and budgets under which every combination makes thousands of records a second.

/// The difficulty of an environment in a mixture.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// The size; the environment's default where there is none.
    pub size: Option<&'static str>,
    /// Settings of the environment, or of the search that is named first.
    pub settings: &'static [(&'static str, &'static str, &'static str)],
    /// Most expansions of a search; more where a format tells solutions only.
    pub expansions: u64,
}

/// The preset of an environment.
pub fn preset(env: &str) -> Preset {
    let (size, settings, expansions): (_, &[_], _) = match env {
        "countdown" => (Some("3"), &[], 60),
        "game24" => (None, &[], 40),
        "maze" => (Some("6"), &[], 60),
        "sokoban" => (Some("6"), &[("", "boxes", "1"), ("", "walls", "1")], 200),
        "arithmetic" => (Some("3"), &[], 60),
        "sudoku" => (Some("4"), &[], 60),
        "cryptarithm" => (Some("2"), &[], 60),
        "connect4" => (Some("4x4"), &[("", "opening", "8"), ("mcts", "simulations", "40")], 1000),
        "hex" => (Some("3"), &[("", "opening", "3"), ("mcts", "simulations", "40")], 1000),
        _ => (None, &[], 60),
    };
    Preset { size, settings, expansions }
}
