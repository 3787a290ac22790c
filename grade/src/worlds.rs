//! Answers by environment, the environment's types erased: fast readers where there are any, the words of the environment everywhere else.

use std::any::Any;

use metacot_envs::{
    Difficulty, Environment, World,
    countdown::{self as numbers, Countdown, Game24, Rules},
    maze::Maze,
    registry::{self, EnvironmentVisitor},
    sokoban::Sokoban,
};

use crate::{ConfigError, Mode, Verdict, countdown, maze, peers, plan, problem, row::Attempt};

/// Grades the answers of one environment; one per thread.
pub(crate) trait Judge: Send {
    /// Takes the problem of the following answers.
    ///
    /// # Errors
    /// It is none of this environment.
    fn load(&mut self, problem: &[u8]) -> Result<(), String>;

    /// Grades a final answer to the loaded problem.
    fn grade(&self, answer: &[u8], verdict: &mut Verdict);

    /// The number that a peer gives.
    fn score(&self, mode: Mode, attempt: Attempt<'_>) -> Option<f64>;

    /// The least cost of the loaded problem.
    fn best(&self) -> Option<u32>;

    /// The numbers of the loaded problem and its target, where it has such.
    fn numbers(&self) -> Option<(&[u32], u32)>;
}

/// The judge of an environment.
///
/// # Errors
/// There is no such environment, or its difficulty is not allowed.
pub(crate) fn judge(env: &str, difficulty: &Difficulty) -> Result<Box<dyn Judge>, ConfigError> {
    let boxed = |judge: Result<Box<dyn Judge>, String>| judge.map_err(ConfigError::Setting);
    match env {
        Countdown::NAME => boxed(Opened::open(
            difficulty,
            Skills { read: |env, text| by_hand(env, problem::countdown(text), text), grade: grade_numbers, score: score_countdown },
        )),
        Game24::NAME => boxed(Opened::open(
            difficulty,
            Skills { read: |env, text| by_hand(env, problem::countdown(text), text), grade: grade_numbers, score: score_game24 },
        )),
        Maze::NAME => {
            boxed(Opened::open(difficulty, Skills { read: |env, text| by_hand(env, problem::maze(text), text), grade: grade_maze, score: score_maze }))
        }
        Sokoban::NAME => boxed(Opened::open(difficulty, Skills { read: problem::read::<Sokoban>, grade: grade_plan, score: score_sokoban })),
        _ => boxed(registry::visit(env, Open(difficulty))?),
    }
}

struct Open<'a>(&'a Difficulty);

impl EnvironmentVisitor for Open<'_> {
    type Output = Result<Box<dyn Judge>, String>;
    fn visit<E: World>(self) -> Self::Output {
        Opened::<E>::open(self.0, Skills { read: problem::read::<E>, grade: grade_plan, score: |_, _, _, _| None })
    }
}

type Grade<E> = fn(&E, &<E as Environment>::Problem, &[u8], &mut Verdict);
type Score<E> = fn(&E, &<E as Environment>::Problem, Mode, Attempt<'_>) -> Option<f64>;

/// What is particular to an environment.
struct Skills<E: World> {
    read: fn(&E, &[u8]) -> Result<E::Problem, String>,
    grade: Grade<E>,
    score: Score<E>,
}

struct Opened<E: World> {
    env: E,
    skills: Skills<E>,
    problem: Option<E::Problem>,
    /// The text of the problem: samples of one problem mostly follow each other.
    text: Vec<u8>,
}

impl<E: World> Opened<E> {
    fn open(difficulty: &Difficulty, skills: Skills<E>) -> Result<Box<dyn Judge>, String> {
        Ok(Box::new(Self { env: plan::default_env(difficulty)?, skills, problem: None, text: Vec::new() }))
    }

    fn problem(&self) -> &E::Problem {
        self.problem.as_ref().expect("a problem is loaded before it is graded")
    }
}

impl<E: World> Judge for Opened<E> {
    fn load(&mut self, problem: &[u8]) -> Result<(), String> {
        if self.problem.is_some() && self.text == problem {
            return Ok(());
        }
        self.problem = None;
        self.problem = Some((self.skills.read)(&self.env, problem)?);
        self.text.clear();
        self.text.extend_from_slice(problem);
        Ok(())
    }

    fn grade(&self, answer: &[u8], verdict: &mut Verdict) {
        (self.skills.grade)(&self.env, self.problem(), answer, verdict);
    }

    fn score(&self, mode: Mode, attempt: Attempt<'_>) -> Option<f64> {
        (self.skills.score)(&self.env, self.problem(), mode, attempt)
    }

    fn best(&self) -> Option<u32> {
        self.env.optimal_cost(self.problem())
    }

    fn numbers(&self) -> Option<(&[u32], u32)> {
        let problem: &dyn Any = self.problem();
        problem.downcast_ref().map(|problem: &numbers::Problem| (&problem.numbers[..], problem.target))
    }
}

/// A problem that was read by hand, if it was, and is allowed.
fn by_hand<E: World>(env: &E, found: Option<E::Problem>, text: &[u8]) -> Result<E::Problem, String> {
    let Some(found) = found else { return problem::read(env, text) };
    env.validate(&found).map(|()| found)
}

/// An expression, or the operations one by one where an equals sign shows them.
fn grade_numbers<E: World<Problem = numbers::Problem>>(env: &E, problem: &numbers::Problem, answer: &[u8], verdict: &mut Verdict) {
    if memchr::memchr(b'=', answer).is_some() {
        grade_plan(env, problem, answer, verdict);
    } else {
        let outcome = countdown::grade(problem, answer);
        outcome.write_plan(&mut verdict.plan);
        verdict.cost = outcome.cost();
        verdict.settle(outcome.fault, answer);
    }
    if verdict.answer_correct && problem.rules != Rules::Subset {
        // Every solution uses all numbers and so has as many operations.
        verdict.optimal = Some(true);
    }
}

fn grade_plan<E: World>(env: &E, problem: &E::Problem, answer: &[u8], verdict: &mut Verdict) {
    let outcome = plan::grade(env, problem, answer, &mut verdict.plan);
    verdict.cost = outcome.fault.is_none().then_some(outcome.cost);
    verdict.settle(outcome.fault, answer);
    if verdict.answer_correct && env.lower_bound(problem, &env.initial(problem)) == Some(outcome.cost) {
        verdict.optimal = Some(true);
    }
}

fn grade_maze(_env: &Maze, problem: &<Maze as Environment>::Problem, answer: &[u8], verdict: &mut Verdict) {
    let outcome = maze::grade(problem, answer, &mut verdict.plan);
    if outcome.fault.is_none() {
        verdict.cost = Some(outcome.cost);
        verdict.optimal = Some(maze::is_shortest(problem, outcome.cost));
    }
    verdict.settle(outcome.fault, answer);
}

fn score_countdown(_env: &Countdown, problem: &numbers::Problem, mode: Mode, attempt: Attempt<'_>) -> Option<f64> {
    match mode {
        Mode::ReasoningGym => Some(peers::reasoning_gym::countdown(problem, attempt)),
        Mode::TinyZero => Some(peers::tinyzero::score(problem, attempt)),
        Mode::Sos => Some(peers::sos::rating(attempt.text())),
        _ => None,
    }
}

fn score_game24(_env: &Game24, problem: &numbers::Problem, mode: Mode, attempt: Attempt<'_>) -> Option<f64> {
    match mode {
        Mode::ReasoningGym => Some(peers::reasoning_gym::puzzle24(attempt)),
        Mode::TinyZero => Some(peers::tinyzero::score(problem, attempt)),
        _ => None,
    }
}

fn score_maze(_env: &Maze, problem: &<Maze as Environment>::Problem, mode: Mode, attempt: Attempt<'_>) -> Option<f64> {
    match mode {
        Mode::ReasoningGym => Some(peers::reasoning_gym::shortest_path(problem, attempt)),
        Mode::Searchformer => Some(peers::searchformer::maze(problem, attempt.text())),
        _ => None,
    }
}

fn score_sokoban(env: &Sokoban, problem: &<Sokoban as Environment>::Problem, mode: Mode, attempt: Attempt<'_>) -> Option<f64> {
    match mode {
        Mode::ReasoningGym => Some(peers::reasoning_gym::sokoban(env, problem, attempt)),
        Mode::Searchformer => Some(peers::searchformer::sokoban(env, problem, attempt.text())),
        _ => None,
    }
}
