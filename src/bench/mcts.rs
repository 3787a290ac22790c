//! Monte Carlo tree search on Connect 4 from the empty board.

use metacot_envs::{Difficulty, Environment, SeedTree, Settings, connect4::Connect4};
use metacot_traces::{
    Budget, Recorder,
    search::{
        guided::{Site, play},
        mcts::Mcts,
    },
};

use super::{Case, Setup, timing};
use crate::{Error, Result};

pub(super) const CASE: Case =
    Case { name: "MCTS, Connect 4, one random game a leaf", unit: "simulations", is_slow: false, is_single: false, flops: None, measure };

/// Simulations of a search.
const SIMULATIONS: u32 = 5000;

fn measure(setup: &Setup) -> Result<Vec<f64>> {
    let usage = |error: metacot_envs::SettingError| Error::Usage(error.to_string());
    let size = Difficulty { size: Some("7x6".into()), settings: Settings::default().with("opening", 0) };
    let game = Connect4::configure(&size).map_err(usage)?;
    let mcts = Mcts::configure_game(&Settings::default().with("simulations", SIMULATIONS)).map_err(usage)?;
    let problem = game.generate(&mut SeedTree::root(1).stream(0));
    let mut round = 0;
    timing::repeat(setup, || {
        round += 1;
        Ok(timing::on_threads(setup.threads, |thread| {
            let mut rng = SeedTree::root(2).index(thread as u64).stream(round);
            let (mut machine, mut recorder) = (mcts.machine(), Recorder::without_events());
            let budget = Budget { expansions: u64::MAX, nodes: u32::MAX };
            play(&mut machine, 1, &mut Site { env: &game, problem: &problem, budget, rng: &mut rng, recorder: &mut recorder });
            assert_eq!(machine.root_visits().iter().map(|(_, visits)| visits).sum::<u32>() + 1, SIMULATIONS, "every simulation is counted");
            f64::from(SIMULATIONS)
        }))
    })
}
