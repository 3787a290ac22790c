//! The recipes that the binary carries: one line each.

/// Name and text of every built-in recipe.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("quickstart", include_str!("quickstart.toml")),
    ("grpo", include_str!("grpo.toml")),
    ("ladder", include_str!("ladder.toml")),
    ("lora", include_str!("lora.toml")),
    ("star", include_str!("star.toml")),
    ("bootstrap", include_str!("bootstrap.toml")),
    ("effort", include_str!("effort.toml")),
    ("expert", include_str!("expert.toml")),
    ("alphazero", include_str!("alphazero.toml")),
    ("r1", include_str!("r1.toml")),
    ("rise", include_str!("rise.toml")),
    ("rlef", include_str!("rlef.toml")),
];

/// The text of a built-in recipe.
pub fn built_in(name: &str) -> Option<&'static str> {
    BUILT_IN.iter().find(|(other, _)| *other == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    #[test]
    fn every_built_in_recipe_is_one() {
        for (name, _) in BUILT_IN {
            assert_eq!(Recipe::load(name, &[]).map(|recipe| recipe.title.starts_with(name)).map_err(|error| error.to_string()), Ok(true), "{name}");
        }
    }
}
