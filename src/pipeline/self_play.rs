//! Stages of self-play: games against itself, what they teach, and strength against chance, plain search and best play.

use std::{fs, io::Write as _, path::Path};

use metacot_envs::SeedTree;
use metacot_traces::{
    corpus::Split,
    guide::{Contest, Game, GameRecord, Guide, Mover, PlayPlan},
    task,
};
use serde::{Deserialize, Serialize};

use super::{
    Notice, Run,
    corpora::Data,
    stages::{Announce, Improved, Standing},
};
use crate::{
    Error, Result, atomic,
    atomic::AtomicFile,
    eval::statistics::Bootstrap,
    improve::{Lesson, ModelGuide, lesson},
    model::Weights,
    recipe::{Recipe, SelfPlayRecipe},
    report::{Cell, Section, Table},
};

/// A round in numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct PlayCounts {
    pub name: String,
    /// Games and positions of the round.
    pub games: usize,
    pub positions: usize,
    pub strength: Strength,
}

/// What a model is worth as a player.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Strength {
    /// Who, and for each position in which a move can be wrong whether it keeps the value under best play.
    exact: Vec<(String, Vec<bool>)>,
    /// Who against whom.
    contests: Vec<(String, String, Contest)>,
}

impl Run<'_> {
    /// Runs the rounds of a stage.
    pub(super) fn self_play(
        &self,
        (name, play): (&str, &SelfPlayRecipe),
        standing: &mut Standing<'_>,
        improved: &mut Improved,
        data: &Data,
        announce: &mut Announce<'_>,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<()> {
        let count = play.games * play.rounds as u64;
        let game = task::open_game(&self.recipe.spec(Split::Train, count, self.recipe.seed))?;
        let test = task::open_game(&self.recipe.spec(Split::Test, play.measured, self.recipe.seed))?;
        let strength = self.strength(&format!("{name}-0"), play, &standing.weights, data, test.as_ref(), true)?;
        improved.played.push(PlayCounts { name: format!("before {name}"), strength, ..PlayCounts::default() });
        let mut earlier: Vec<Vec<GameRecord>> = Vec::new();
        for round in 1..=play.rounds {
            announce(format!("{name} (self-play), round {round} of {}", play.rounds), notify);
            let name = format!("{name}-{round}");
            let records = self.games(&name, play, round as u64, standing, data, game.as_ref())?;
            let positions: usize = records.iter().map(|record| record.targets.len()).sum();
            notify(Notice::Note(format!("{} games of {positions} positions", records.len())));
            let games = records.len();
            earlier.push(records);
            let window = &earlier[earlier.len().saturating_sub(1 + play.window)..];
            let targets = window.iter().flatten().flat_map(|record| &record.targets);
            let lessons: Vec<Lesson> = targets.map(|target| lesson(&data.tokenizer, target, play.train.value_weight, self.recipe.model.context)).collect();
            let lessons: Vec<Lesson> = lessons.into_iter().filter(|lesson| !lesson.is_empty()).collect();
            standing.weights = self.distilled(&name, &play.train, &standing.weights, &lessons, notify)?;
            let strength = self.strength(&name, play, &standing.weights, data, test.as_ref(), false)?;
            improved.played.push(PlayCounts { name: name.clone(), games, positions, strength });
            announce(format!("evaluation after {name}"), notify);
            improved.evaluations.push(self.evaluate(&name, &standing.weights, data, notify)?);
        }
        Ok(())
    }

    /// The games of a round, or what is there of them.
    fn games(&self, name: &str, play: &SelfPlayRecipe, round: u64, standing: &Standing<'_>, data: &Data, game: &dyn Game) -> Result<Vec<GameRecord>> {
        let path = self.dir.rollouts(name);
        if path.exists() {
            return load(&path);
        }
        let mut decoder = self.generator(&standing.weights);
        let mut guide = ModelGuide::new(&mut decoder, &data.tokenizer);
        let plan = PlayPlan { settings: play.search_settings(), drawn_moves: play.drawn_moves };
        let first = (round - 1) * play.games;
        let records = game.learn(&plan, first..first + play.games, &standing.seeds.child("play").child(name), &mut guide)?;
        let mut file = AtomicFile::create(&path)?;
        for record in &records {
            writeln!(file, "{}", serde_json::to_string(record).expect("plain data")).map_err(Error::io("cannot write", &path))?;
        }
        file.commit()?;
        Ok(records)
    }

    /// What weights are worth as a player, or what was measured of them; `with_others` measures chance and plain search as well.
    fn strength(&self, name: &str, play: &SelfPlayRecipe, weights: &Weights, data: &Data, test: &dyn Game, with_others: bool) -> Result<Strength> {
        let path = self.dir.eval(&format!("{name}-play"));
        if path.exists() {
            let text = fs::read_to_string(&path).map_err(Error::io("cannot read", &path))?;
            return serde_json::from_str(&text).map_err(|error| Error::data(&path, format!("damaged: {error}")));
        }
        let mut decoder = self.generator(weights);
        let mut guide = ModelGuide::new(&mut decoder, &data.tokenizer);
        let guide: &mut dyn Guide = &mut guide;
        let seeds = self.seeds.child("eval").child("play");
        let own = [("policy".to_owned(), Mover::Policy), (format!("guided, {} simulations", play.simulations), Mover::Guided(play.simulations))];
        let plain = play.opponents.iter().map(|count| (format!("plain MCTS, {count} simulations"), Mover::Search(*count)));
        let others: Vec<(String, Mover)> = std::iter::once(("chance".to_owned(), Mover::Random)).chain(plain).collect();
        let best = [("best play".to_owned(), Mover::Exact)];
        let positions = 0..play.measured;
        let mut strength = Strength::default();
        for (who, mover) in own.iter().chain(others.iter().filter(|_| with_others)) {
            strength.exact.push((who.clone(), test.exactness(mover, positions.clone(), &seeds.child("exact"), guide)?));
        }
        for (who, mover) in &own {
            for (whom, other) in others.iter().chain(&best) {
                let contest = test.contest([mover, other], positions.clone(), &seeds.child(whom), guide)?;
                strength.contests.push((who.clone(), whom.clone(), contest));
            }
        }
        atomic::write(&path, serde_json::to_string(&strength).expect("plain data"))?;
        Ok(strength)
    }
}

/// The section of a report on self-play.
pub(super) fn section(rounds: &[PlayCounts], recipe: &Recipe) -> Result<Section> {
    let bootstrap = Bootstrap::new(&SeedTree::root(recipe.seed).child("report").child("play"));
    let mut exact = Table::new(
        "Positions of the test split in which a move can be wrong: share in which the move keeps the value under best play, with 95 % intervals.",
        ["model", "mover", "positions", "right"],
    );
    let mut contests = Table::new(
        "Games from positions of the test split, each played from both sides; a draw counts one half.",
        ["model", "mover", "against", "won", "drawn", "lost", "score"],
    );
    for round in rounds {
        for (who, right) in &round.strength.exact {
            let share = bootstrap.mean(&right.iter().map(|is_right| f64::from(u8::from(*is_right))).collect::<Vec<_>>())?;
            exact = exact.row([Cell::text(round.name.clone()), Cell::text(who.clone()), Cell::integer(right.len()), Cell::percent(share)]);
        }
        for (who, whom, Contest { won, drawn, lost }) in &round.strength.contests {
            let games: Vec<f64> = [(*won, 1.0), (*drawn, 0.5), (*lost, 0.0)].iter().flat_map(|(count, score)| vec![*score; *count as usize]).collect();
            let names = [&round.name, who, whom].map(|name| Cell::text(name.clone()));
            let counts = [won, drawn, lost].map(|count| Cell::integer(*count));
            contests = contests.row(names.into_iter().chain(counts).chain([Cell::percent(bootstrap.mean(&games)?)]));
        }
    }
    let games: usize = rounds.iter().map(|round| round.games).sum();
    let positions: usize = rounds.iter().map(|round| round.positions).sum();
    let text = format!("{games} games of {positions} positions against itself; no exact answer and no plain search was learned from.");
    Ok(Section::new("Strength of play").paragraph(text).table(exact).table(contests))
}

fn load(path: &Path) -> Result<Vec<GameRecord>> {
    let text = fs::read_to_string(path).map_err(Error::io("cannot read", path))?;
    text.lines()
        .enumerate()
        .map(|(index, line)| serde_json::from_str(line).map_err(|error| Error::data(path, format!("line {}: {error}", index + 1))))
        .collect()
}
