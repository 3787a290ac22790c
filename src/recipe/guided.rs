//! Stages in which searches guided by the model teach the model: expert iteration, and self-play of games.

use metacot_envs::Settings;
use serde::{Deserialize, Serialize};

use super::Start;
use crate::improve::DistillConfig;

/// Which search is guided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuidedSearch {
    /// Monte-Carlo tree search; visits are what is learned.
    #[default]
    Mcts,
    /// Best-first search by value; the actions of the solution are what is learned.
    BestFirst,
}

impl GuidedSearch {
    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mcts => "mcts",
            Self::BestFirst => "best-first",
        }
    }
}

/// Expert iteration (1705.08439): searches guided by the model, distilled into it, again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuidedRecipe {
    /// Rounds of searching and training.
    pub rounds: usize,
    /// Training problems of each round; the most where `tokens` ends it earlier.
    pub problems: u64,
    /// Tokens whose likelihood guides all rounds together; `None` sets no bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Whether every round asks the same problems; new ones otherwise.
    pub same_problems: bool,
    /// The search.
    pub search: GuidedSearch,
    /// Simulations of an MCTS.
    pub simulations: u32,
    /// Its other settings. Where they name a `leaf` (`rollouts`, `exact`, `heuristic`), it values states instead of the model.
    pub settings: Settings,
    /// Most expansions of one search.
    pub max_expansions: u64,
    /// Whether actions are learned at operation level, by visits.
    pub visits: bool,
    /// Whether searches that solved their problem are learned as whole texts.
    pub traces: bool,
    /// Rounds before this one whose searches are learned again.
    pub window: usize,
    /// Where the training of a round starts.
    pub start: Start,
    /// Unseen problems that are measured at operation level after every round: the policy alone, and guided searches.
    pub measured: u64,
    /// The training of a round.
    pub train: DistillConfig,
}

impl Default for GuidedRecipe {
    fn default() -> Self {
        Self {
            rounds: 3,
            problems: 500,
            tokens: None,
            same_problems: false,
            search: GuidedSearch::default(),
            simulations: 50,
            settings: Settings::default(),
            max_expansions: 10_000,
            visits: true,
            traces: true,
            window: 1,
            start: Start::Continue,
            measured: 200,
            train: DistillConfig::default(),
        }
    }
}

impl GuidedRecipe {
    /// The settings of the search, with PUCT and the number of simulations.
    pub fn search_settings(&self) -> Settings {
        match self.search {
            GuidedSearch::Mcts => with_puct(&self.settings, self.simulations),
            GuidedSearch::BestFirst => self.settings.clone(),
        }
    }

    /// Checks that every value is in its range.
    pub(super) fn validate(&self) -> Result<(), String> {
        positive(&[
            ("rounds", self.rounds),
            ("problems", self.problems as usize),
            ("simulations", self.simulations as usize),
            ("max_expansions", self.max_expansions as usize),
            ("measured", self.measured as usize),
        ])?;
        if !self.visits && !self.traces {
            return Err("visits = false and traces = false are not allowed; expected at least one of them".into());
        }
        self.train.validate()
    }
}

/// Self-play (AlphaZero, 1712.01815): games against itself by guided searches, whose visits and ends are learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SelfPlayRecipe {
    /// Rounds of playing and training.
    pub rounds: usize,
    /// Games of each round.
    pub games: u64,
    /// Simulations of each move.
    pub simulations: u32,
    /// Other settings of the search, such as `noise` and `alpha` of the priors at the root.
    pub settings: Settings,
    /// Moves at the start of a game that are drawn by visits.
    pub drawn_moves: u32,
    /// Rounds before this one whose games are learned again.
    pub window: usize,
    /// Positions from which the model is measured after every round, each played twice against every opponent.
    pub measured: u64,
    /// Simulations of the plain MCTS that it is measured against.
    pub opponents: Vec<u32>,
    /// The training of a round.
    pub train: DistillConfig,
}

impl Default for SelfPlayRecipe {
    fn default() -> Self {
        Self {
            rounds: 5,
            games: 100,
            simulations: 40,
            settings: Settings::default().with("noise", 0.25).with("alpha", 1.0),
            drawn_moves: 4,
            window: 2,
            measured: 50,
            opponents: vec![40],
            train: DistillConfig::default(),
        }
    }
}

impl SelfPlayRecipe {
    /// The settings of the search, with PUCT and the number of simulations.
    pub fn search_settings(&self) -> Settings {
        with_puct(&self.settings, self.simulations)
    }

    /// Checks that every value is in its range.
    pub(super) fn validate(&self) -> Result<(), String> {
        positive(&[
            ("rounds", self.rounds),
            ("games", self.games as usize),
            ("simulations", self.simulations as usize),
            ("measured", self.measured as usize),
            ("opponents", self.opponents.iter().copied().min().unwrap_or(1) as usize),
        ])?;
        self.train.validate()
    }
}

fn with_puct(settings: &Settings, simulations: u32) -> Settings {
    // What was not tried yet counts as even, between a solved and a hopeless state.
    let puct = Settings::default().with("selection", "puct").with("simulations", simulations).with("first_play", 0.5);
    settings.iter().fold(puct, |settings, (name, value)| settings.with(name, value))
}

fn positive(values: &[(&str, usize)]) -> Result<(), String> {
    match values.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => Err(format!("{name} = 0 is not allowed; expected at least 1")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_enough_and_survives_its_own_text() {
        let recipe: GuidedRecipe = toml::from_str("rounds = 2\nsettings = { leaf = 'exact', selection = 'uct' }").unwrap();
        assert_eq!(recipe.validate(), Ok(()));
        assert_eq!(toml::from_str::<GuidedRecipe>(&toml::to_string(&recipe).unwrap()).unwrap(), recipe);
        assert_eq!(recipe.search_settings().get("selection"), Some("uct"), "what is written wins");
        let play = SelfPlayRecipe::default();
        assert_eq!((play.validate(), play.search_settings().get("simulations")), (Ok(()), Some("40")));
        let nothing = GuidedRecipe { visits: false, traces: false, ..GuidedRecipe::default() };
        assert!(nothing.validate().unwrap_err().contains("expected at least one"));
    }
}
