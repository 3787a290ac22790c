//! Searches that a model guides: what they ask, what they teach, and how games are played.

use metacot_envs::{SeedTree, Settings};
use metacot_traces::{
    Budget,
    corpus::Split,
    generate::Spec,
    guide::{Guide, Guided, Mover, NoGuide, PlayPlan, Question, Reply},
    task::{self, Problem, Task},
};

/// Prefers the actions whose text is among some, and values every state alike.
struct Prefers(Vec<String>);

impl Guide for Prefers {
    fn reply(&mut self, questions: &[Question]) -> Vec<Reply> {
        let weight = |action: &String| if self.0.iter().any(|text| action.starts_with(text)) { 1.0 } else { 0.01 };
        let reply = |question: &Question| {
            let weights: Vec<f32> = question.actions.iter().map(weight).collect();
            let sum: f32 = weights.iter().sum();
            Reply { value: 0.5, priors: weights.iter().map(|weight| weight / sum).collect() }
        };
        questions.iter().map(reply).collect()
    }
}

fn spec(env: &str, format: &str) -> Spec {
    Spec { split: Split::Train, count: 100, seed: 5, ..Spec::new(env, if env == "countdown" { "dfs" } else { "negamax" }, format) }
}

fn countdown(format: &str) -> (Box<dyn Task>, Vec<Problem>) {
    let mut spec = spec("countdown", format);
    spec.difficulty.size = Some("3".into());
    let task = task::open(&spec).unwrap();
    let problems = (0..12).map(|id| task.draw(id).unwrap()).collect();
    (task, problems)
}

fn search(task: &dyn Task, problems: &[Problem], settings: &[(&str, &str)], guide: &mut dyn Guide) -> Vec<Guided> {
    let settings = settings.iter().fold(Settings::default(), |settings, (name, value)| settings.with(*name, value));
    task.guided(("mcts", &settings, Budget::default()), problems, &SeedTree::root(1), guide).unwrap()
}

const PUCT: [(&str, &str); 2] = [("selection", "puct"), ("simulations", "60")];

#[test]
fn a_guide_that_knows_the_way_is_followed_and_its_way_is_taught() {
    for format in ["sos", "think", "cot", "answer"] {
        let (task, problems) = countdown(format);
        for problem in &problems {
            let plan = task.search("dfs", &Settings::default(), problem, Budget::default(), &mut SeedTree::root(2).stream(0)).unwrap().plan.unwrap();
            let found = search(task.as_ref(), std::slice::from_ref(problem), &PUCT, &mut Prefers(plan.clone())).remove(0);
            assert_eq!(found.solution.plan.as_ref(), Some(&plan), "{format}");
            assert!(found.questions <= 6, "{} questions", found.questions);
            let taught = found.targets.iter().filter(|target| target.value == 1.0);
            for (target, action) in taught.zip(&plan) {
                let best = (0..target.shares.len()).max_by(|a, b| target.shares[*a].total_cmp(&target.shares[*b])).unwrap();
                assert!(target.question.actions[best].starts_with(action), "{format}: {target:?} and not {action}");
                assert!((target.shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            }
        }
    }
}

#[test]
fn questions_are_prompts_of_the_states_as_problems() {
    let (task, problems) = countdown("sos");
    let targets: Vec<_> = search(task.as_ref(), &problems, &PUCT, &mut NoGuide).into_iter().flat_map(|guided| guided.targets).collect();
    assert!(targets.iter().any(|target| target.shares.is_empty() && target.value == 0.0), "no hopeless state was found");
    let mut read = 0;
    for target in targets {
        // Results can be larger than any number that a problem may have.
        let Ok(problem) = task.read_problem(&target.question.prompt) else { continue };
        read += 1;
        assert_eq!(problem.prompt, target.question.prompt);
        // What is taught to be hopeless is: no search solves it.
        let solution =
            task.search("dfs", &Settings::default().with("order", "generation"), &problem, Budget::default(), &mut SeedTree::root(2).stream(0)).unwrap();
        assert!(target.value == 0.0 || solution.plan.is_some(), "{}", target.question.prompt);
        assert!(!target.shares.is_empty() || solution.plan.is_none(), "{}", target.question.prompt);
    }
    assert!(read > 20, "{read} prompts read");
}

#[test]
fn guided_searches_do_not_depend_on_their_neighbours() {
    let (task, problems) = countdown("answer");
    let settings = [&PUCT[..], &[("leaf", "rollouts"), ("noise", "0.25")]].concat();
    let together = search(task.as_ref(), &problems, &settings, &mut NoGuide);
    let alone = search(task.as_ref(), &problems[..1], &settings, &mut NoGuide);
    assert_eq!(together[0], alone[0]);
    assert!(together.iter().filter(|guided| guided.solution.plan.is_some()).count() > 8);
}

#[test]
fn what_cannot_be_guided_is_refused_by_name() {
    let refused = |task: &dyn Task, search: &str| {
        let problems = [task.draw(0).unwrap()];
        task.guided((search, &Settings::default(), Budget::default()), &problems, &SeedTree::root(1), &mut NoGuide).unwrap_err().to_string()
    };
    let (task, _) = countdown("sos");
    assert!(refused(task.as_ref(), "dfs").contains("mcts or best-first"), "{}", refused(task.as_ref(), "dfs"));
    let mazes = task::open(&Spec { split: Split::Train, count: 100, seed: 5, ..Spec::new("maze", "astar", "searchformer") }).unwrap();
    assert!(refused(mazes.as_ref(), "mcts").contains("names an action"), "{}", refused(mazes.as_ref(), "mcts"));
    assert!(task::open_game(&spec("countdown", "answer")).is_err());
}

fn connect4() -> Spec {
    let mut spec = spec("connect4", "answer");
    spec.difficulty.size = Some("4x4".into());
    spec.difficulty.settings = Settings::default().with("outcome", "any").with("opening", "4");
    spec
}

#[test]
fn best_play_is_exact_and_beats_chance_from_both_sides() {
    let game = task::open_game(&connect4()).unwrap();
    let seeds = SeedTree::root(3);
    let exact = game.exactness(&Mover::Exact, 0..30, &seeds, &mut NoGuide).unwrap();
    assert!(exact.len() > 5 && exact.iter().all(|is_right| *is_right));
    let chance = game.exactness(&Mover::Random, 0..30, &seeds, &mut NoGuide).unwrap();
    assert!(chance.iter().any(|is_right| !is_right));
    let contest = game.contest([&Mover::Exact, &Mover::Random], 0..20, &seeds, &mut NoGuide).unwrap();
    assert!(contest.won > 2 * contest.lost && contest.won + contest.drawn + contest.lost == 40, "{contest:?}");
    // Two players of best play repeat the value of the position: what one wins with the first move, the other does too.
    let equals = game.contest([&Mover::Exact, &Mover::Exact], 0..10, &seeds, &mut NoGuide).unwrap();
    assert_eq!(equals.won, equals.lost);
}

#[test]
fn games_against_itself_teach_visits_and_their_ends() {
    let game = task::open_game(&connect4()).unwrap();
    let plan = PlayPlan { settings: Settings::default().with("selection", "puct").with("simulations", 30).with("noise", 0.25), drawn_moves: 3 };
    let play = |games| game.learn(&plan, games, &SeedTree::root(4), &mut NoGuide).unwrap();
    let records = play(0..6);
    assert_eq!(records[3..5], play(3..5));
    for record in &records {
        assert!([0.0, 0.5, 1.0].contains(&record.score) && !record.targets.is_empty());
        for (ply, target) in record.targets.iter().enumerate() {
            let value = if ply % 2 == 0 { record.score } else { 1.0 - record.score };
            assert!(target.value == value && (target.shares.iter().sum::<f32>() - 1.0).abs() < 1e-5 && target.question.is_whole);
            assert_eq!(target.shares.len(), target.question.actions.len());
        }
    }
}
