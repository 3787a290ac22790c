//! Searches with parts left out, after Dualformer (Su et al. 2024): level 1 drops what is closed, 2 also all costs, 3 also some of what is
//! created, 4 the whole search. The plan stays.
//!
//! Levels follow the paper's words. A text thinned in this way tells nothing false, and not all that is true: the audit asks whether what it
//! tells can have been told.

use metacot_envs::{SettingError, Settings, World};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::discourse::{Reading, reading::Thinning};

use super::{Sample, Skip, Source, Transform};

/// Thinning. Settings: `level` (`mix`, 0 to 4), `drop` (share of creations dropped at level 3, 0.3), `mode_token` (begin the response with
/// `fast` at level 4 and `slow` below, false).
#[derive(Clone, Debug)]
pub struct Thin {
    level: Option<u8>,
    drop: f64,
    has_mode_token: bool,
}

/// Shares of the levels 0 to 4 in a mixture, as the paper has them for mazes.
const MIX: [f64; 5] = [0.45, 1.0 / 6.0, 1.0 / 6.0, 1.0 / 6.0, 0.05];

impl Thin {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting that is unknown or not allowed.
    pub fn configure(settings: &Settings) -> Result<Self, SettingError> {
        settings.only(&["level", "drop", "mode_token"])?;
        let level = settings.choice("level", &["mix", "0", "1", "2", "3", "4"], "mix")?;
        Ok(Self { level: level.parse().ok(), drop: settings.number("drop", 0.0..=1.0, 0.3)?, has_mode_token: settings.flag("mode_token", false)? })
    }

    fn draw_level(&self, rng: &mut ChaCha8Rng) -> u8 {
        let mut point = rng.random_range(0.0..MIX.iter().sum());
        self.level.unwrap_or_else(|| {
            let found = MIX.iter().position(|share| {
                point -= share;
                point < 0.0
            });
            found.unwrap_or(0) as u8
        })
    }
}

/// The statements of a response: each begins with a keyword.
fn statements(response: &str) -> impl Iterator<Item = Vec<&str>> {
    let mut words = response.split(' ').peekable();
    std::iter::from_fn(move || {
        let mut statement = vec![words.next()?];
        while let Some(word) = words.next_if(|word| !matches!(*word, "create" | "close" | "plan")) {
            statement.push(word);
        }
        Some(statement)
    })
}

fn is_cost(word: &str) -> bool {
    word.strip_prefix('c').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()) && !rest.is_empty())
}

impl<E: World> Transform<E> for Thin {
    fn apply(&self, source: &Source<'_, E>, rng: &mut ChaCha8Rng) -> Result<Sample, Skip> {
        let plain = Sample::plain(source, source.trace);
        let (prompt, response) = plain.parts();
        let level = self.draw_level(rng);
        let mut words: Vec<&str> = Vec::new();
        if self.has_mode_token {
            words.push(if level == 4 { "fast" } else { "slow" });
        }
        for statement in statements(response) {
            match statement[0] {
                "close" if level >= 1 => continue,
                "create" if level == 4 || (level == 3 && rng.random_bool(self.drop)) => continue,
                _ => {}
            }
            words.extend(statement.into_iter().filter(|word| level < 2 || !is_cost(word)));
        }
        Ok(Sample { text: format!("{prompt}{}", words.join(" ")), ..plain })
    }

    fn reading(&self) -> Reading {
        Reading { thinning: Some(Thinning { level: self.level, has_mode_token: self.has_mode_token }), ..Reading::default() }
    }

    fn formats(&self) -> Option<&'static [&'static str]> {
        Some(&["searchformer"])
    }
}
