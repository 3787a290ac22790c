//! Stages of expert iteration: searches that the model guides, what they teach, and how well policy and search do at operation level.

use std::{collections::BTreeMap, fs, path::Path};

use metacot_envs::SeedTree;
use metacot_traces::{
    Budget,
    guide::{Guide, NoGuide, Target},
    task::Problem,
};
use serde::{Deserialize, Serialize};

use super::{
    Notice, Run,
    corpora::Data,
    stages::{Announce, Improved, Standing},
};
use crate::{
    Error, Result, atomic,
    eval::statistics::Bootstrap,
    improve::{DistillJob, Lesson, ModelGuide, distill, example, lesson, load_records, save_records},
    model::Weights,
    recipe::{GuidedRecipe, Recipe, Start},
    report::{Cell, Section, Table},
};

/// Problems that are searched in lockstep.
const PART: usize = 64;

/// The longest plan of a policy alone.
const MAX_ACTIONS: u32 = 256;

/// A search on disk: one a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SearchRecord {
    prompt: String,
    /// The search as text; empty where it did not solve the problem or the format cannot show it.
    response: String,
    is_solved: bool,
    /// States that were valued.
    questions: u64,
    targets: Vec<Target>,
    /// Tokens scored for it and the searches in lockstep with it; told by the first of them.
    #[serde(default)]
    scored_tokens: u64,
}

/// A round in numbers; the state before the first round has only what was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct GuidedCounts {
    pub name: String,
    /// Training problems searched, those solved, and states valued for them.
    pub searched: usize,
    pub solved: usize,
    pub questions: u64,
    /// What was learned.
    pub lessons: usize,
    pub traces: usize,
    pub measured: Measured,
}

/// What a model is worth at operation level, problem by problem.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Solved by the likeliest actions alone.
    pub policy: Vec<bool>,
    /// Solved by the guided search.
    pub guided: Vec<bool>,
    /// Solved by the same search without a model.
    pub unguided: Vec<bool>,
    /// States valued by the guided search, and by the other.
    pub questions: [u64; 2],
}

/// A stage with its name.
type Named<'a> = (&'a str, &'a GuidedRecipe);

impl Run<'_> {
    /// Runs the rounds of a stage.
    pub(super) fn guided(
        &self,
        (name, guided): Named<'_>,
        standing: &mut Standing<'_>,
        improved: &mut Improved,
        data: &Data,
        announce: &mut Announce<'_>,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<()> {
        let first = standing.next_problem;
        // The arms of a ladder are compared by their evaluations alone.
        let is_measured = standing.evaluates_rounds;
        let measured = if is_measured { self.measured(&format!("{name}-0"), guided, &standing.weights, data)? } else { Measured::default() };
        improved.guided.push(GuidedCounts { name: format!("before {name}"), measured, ..GuidedCounts::default() });
        let mut earlier: Vec<Vec<SearchRecord>> = Vec::new();
        for round in 1..=guided.rounds {
            announce(format!("{name} (guided {} and distillation), round {round} of {}", guided.search.name(), guided.rounds), notify);
            if guided.same_problems {
                standing.next_problem = first;
            }
            let name = format!("{name}-{round}");
            let records = self.searches(&name, guided, standing, data, notify)?;
            earlier.push(records);
            let window = &earlier[earlier.len().saturating_sub(1 + guided.window)..];
            let mut counts = self.learn(&name, guided, window, standing, data, notify)?;
            if is_measured {
                counts.measured = self.measured(&name, guided, &standing.weights, data)?;
            }
            improved.guided.push(counts);
            if standing.evaluates_rounds || round == guided.rounds {
                announce(format!("evaluation after {name}"), notify);
                improved.evaluations.push(self.evaluate(&name, &standing.weights, data, notify)?);
            }
        }
        Ok(())
    }

    /// The searches of a round, or what is there of them.
    fn searches(
        &self,
        name: &str,
        guided: &GuidedRecipe,
        standing: &mut Standing<'_>,
        data: &Data,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<Vec<SearchRecord>> {
        let first = standing.next_problem;
        standing.next_problem += guided.problems;
        let path = self.dir.rollouts(name);
        if path.exists() {
            return load_records(&path);
        }
        let seeds = standing.seeds.child("guided").child(name);
        let problems = (first..standing.next_problem).map(|id| Ok(self.task.draw(id)?)).collect::<Result<Vec<_>>>()?;
        let share = guided.tokens.map(|tokens| tokens.div_ceil(guided.rounds as u64));
        let mut decoder = self.generator(&standing.weights);
        let mut guide = ModelGuide::new(&mut decoder, &data.tokenizer);
        let mut records = Vec::new();
        for (index, part) in problems.chunks(PART).enumerate() {
            let before = guide.scored_tokens;
            let mut found = self.search_part(guided, part, &seeds.index(index as u64), &mut guide)?;
            found[0].scored_tokens = guide.scored_tokens - before;
            records.extend(found);
            if share.is_some_and(|share| guide.scored_tokens >= share) {
                break;
            }
        }
        let solved = records.iter().filter(|record| record.is_solved).count();
        notify(Notice::Note(format!("guided searches solve {solved} of {} training problems; {} tokens scored", records.len(), guide.scored_tokens)));
        save_records(&path, &records)?;
        Ok(records)
    }

    fn search_part(&self, guided: &GuidedRecipe, problems: &[Problem], seeds: &SeedTree, guide: &mut dyn Guide) -> Result<Vec<SearchRecord>> {
        let budget = Budget { expansions: guided.max_expansions, ..Budget::default() };
        let found = self.task.guided((guided.search.name(), &guided.search_settings(), budget), problems, seeds, guide)?;
        let record = |(problem, found): (&Problem, metacot_traces::guide::Guided)| {
            let is_solved = found.solution.plan.is_some();
            let response = if is_solved { found.solution.text[found.solution.prompt_len..].to_owned() } else { String::new() };
            SearchRecord { prompt: problem.prompt.clone(), response, is_solved, questions: found.questions, targets: found.targets, scored_tokens: 0 }
        };
        Ok(problems.iter().zip(found).map(record).collect())
    }

    /// Trains on what some rounds taught, or takes up the weights that are there.
    fn learn(
        &self,
        name: &str,
        guided: &GuidedRecipe,
        window: &[Vec<SearchRecord>],
        standing: &mut Standing<'_>,
        data: &Data,
        notify: &mut dyn FnMut(Notice),
    ) -> Result<GuidedCounts> {
        let (context, longest) = (self.recipe.model.context, self.recipe.eval.max_new_tokens);
        let records = || window.iter().flatten();
        let mut lessons: Vec<Lesson> = Vec::new();
        if guided.visits {
            let taught = records().flat_map(|record| &record.targets).map(|target| lesson(&data.tokenizer, target, guided.train.value_weight, context));
            lessons.extend(taught.filter(|lesson| !lesson.is_empty()));
        }
        let num_states = lessons.len();
        if guided.traces {
            let texts = records().filter(|record| !record.response.is_empty()).map(|record| example(&data.tokenizer, &record.prompt, &record.response));
            lessons.extend(texts.filter(|example| example.ids.len() <= context && example.labels() <= longest).map(|example| vec![(example, 1.0)]));
        }
        let last = window.last().map(Vec::as_slice).unwrap_or_default();
        let counts = GuidedCounts {
            name: name.into(),
            searched: last.len(),
            solved: last.iter().filter(|record| record.is_solved).count(),
            questions: last.iter().map(|record| record.questions).sum(),
            lessons: num_states,
            traces: lessons.len() - num_states,
            measured: Measured::default(),
        };
        let initial = if guided.start == Start::Base { standing.base } else { &standing.weights };
        standing.weights = self.distilled(name, &guided.train, initial, &lessons, notify)?;
        Ok(counts)
    }

    /// Distils lessons in the checkpoint folder `name`, or takes up the weights that are there.
    pub(super) fn distilled(
        &self,
        name: &str,
        config: &crate::improve::DistillConfig,
        initial: &Weights,
        lessons: &[Lesson],
        notify: &mut dyn FnMut(Notice),
    ) -> Result<Weights> {
        let folder = self.dir.checkpoint(name);
        let path = folder.join("weights.safetensors");
        if path.exists() {
            return Weights::load(&path);
        }
        if lessons.is_empty() {
            return Err(Error::Stopped(format!("{name}: the searches taught nothing that fits the context")));
        }
        notify(Notice::Note(format!("distilling {} states and texts, {} epochs", lessons.len(), config.epochs)));
        fs::create_dir_all(&folder).map_err(Error::io("cannot create", &folder))?;
        let seeds = self.seeds.child("distill").child(name);
        let weights = distill(&DistillJob { config, initial, lessons, seeds: &seeds, folder: &folder, device: self.options.devices.first() })?;
        weights.save(&path)?;
        Ok(weights)
    }

    /// What weights are worth at operation level on unseen problems, or what was measured of them.
    fn measured(&self, name: &str, guided: &GuidedRecipe, weights: &Weights, data: &Data) -> Result<Measured> {
        let path = self.dir.eval(&format!("{name}-actions"));
        if path.exists() {
            let text = fs::read_to_string(&path).map_err(Error::io("cannot read", &path))?;
            return serde_json::from_str(&text).map_err(|error| Error::data(&path, format!("damaged: {error}")));
        }
        let problems = &data.unseen[..data.unseen.len().min(guided.measured as usize)];
        let plain = GuidedRecipe { settings: guided.settings.clone().with("noise", 0.0), ..guided.clone() };
        let plain = if guided.settings.get("noise").is_some() { &plain } else { guided };
        let seeds = self.seeds.child("eval").child("actions");
        let mut decoder = self.generator(weights);
        let mut guide = ModelGuide::new(&mut decoder, &data.tokenizer);
        let policy = self.task.follow(problems, MAX_ACTIONS, &mut guide)?;
        let search = |guide: &mut dyn Guide| -> Result<(Vec<bool>, u64)> {
            let mut all = Vec::new();
            for (index, part) in problems.chunks(PART).enumerate() {
                all.extend(self.search_part(plain, part, &seeds.index(index as u64), guide)?);
            }
            Ok((all.iter().map(|record| record.is_solved).collect(), all.iter().map(|record| record.questions).sum()))
        };
        let (guided, asked) = search(&mut guide)?;
        let (unguided, plain) = search(&mut NoGuide)?;
        let measured = Measured { policy, guided, unguided, questions: [asked, plain] };
        atomic::write(&path, serde_json::to_string(&measured).expect("plain data"))?;
        Ok(measured)
    }
}

/// The section of a report on guided searches.
pub(super) fn section(rounds: &[GuidedCounts], recipe: &Recipe) -> Result<Section> {
    let bootstrap = Bootstrap::new(&SeedTree::root(recipe.seed).child("report").child("guided"));
    let mut table = Table::new(
        "Unseen problems, with 95 % intervals: solved by the likeliest actions alone, by the guided search, and by the same search with uniform priors and values; \
         states valued per problem by the two searches.",
        ["model", "policy alone", "guided search", "unguided search", "states", "states, unguided", "solved in training", "states learned", "texts learned"],
    );
    let mut rates: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for round in rounds {
        let Measured { policy, guided, unguided, questions } = &round.measured;
        let share = |solved: &[bool]| bootstrap.mean(&solved.iter().map(|is_solved| f64::from(u8::from(*is_solved))).collect::<Vec<_>>());
        let [policy, guided, unguided] = [share(policy)?, share(guided)?, share(unguided)?];
        rates.entry("policy alone").or_default().push(policy.value);
        rates.entry("guided search").or_default().push(guided.value);
        let per_problem = |questions: u64| format!("{:.1}", questions as f64 / round.measured.policy.len().max(1) as f64);
        let solved = (round.searched > 0).then(|| format!("{} of {}", round.solved, round.searched));
        table = table.row([
            Cell::text(round.name.clone()),
            Cell::percent(policy),
            Cell::percent(guided),
            Cell::percent(unguided),
            Cell::text(per_problem(questions[0])),
            Cell::text(per_problem(questions[1])),
            Cell::maybe(solved, Cell::text),
            Cell::maybe((round.searched > 0).then_some(round.lessons), Cell::integer),
            Cell::maybe((round.searched > 0).then_some(round.traces), Cell::integer),
        ]);
    }
    let trend = |rates: &Vec<f64>| {
        let (first, last) = (rates[0], rates[rates.len() - 1]);
        let rises = rates.windows(2).filter(|pair| pair[1] > pair[0]).count();
        format!("from {:.1} % to {:.1} %, higher in {rises} of {} rounds", 100.0 * first, 100.0 * last, rates.len() - 1)
    };
    let text: Vec<String> = rates.iter().map(|(name, rates)| format!("{name} goes {}", trend(rates))).collect();
    Ok(Section::new("Expert iteration at operation level").paragraph(format!("On unseen problems {}.", text.join("; "))).table(table))
}

/// Tokens that the searches of a round scored.
pub(super) fn scored_tokens(path: &Path) -> Result<u64> {
    let records: Vec<SearchRecord> = load_records(path)?;
    Ok(records.iter().map(|record| record.scored_tokens).sum())
}
