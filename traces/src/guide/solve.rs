//! Problems that are posed, searched in lockstep with a model's policy and value.

use metacot_envs::{SeedTree, SettingError, Settings, Status, World};
use rand_chacha::ChaCha8Rng;

use super::{Guide, Guided, Question, Target, evaluation, question};
use crate::{
    Budget, NodeId, Recorder, Trace, TraceFormat,
    search::{
        best_first::BestFirst,
        guided::{Evaluation, Machine, Policy, Request, Task, lockstep},
        leaf::Leaf,
        mcts::{Mcts, MctsMachine},
    },
    task::Solution,
};

/// Searches every problem; number `i` draws from `seeds.index(i)`. Where the settings name a `leaf`, it values the states instead of the model.
///
/// # Errors
/// The search cannot be guided, the format has no place for a next action, or a setting is not allowed.
pub(crate) fn solve<E: World>(
    (env, format): (&E, &dyn TraceFormat<E>),
    (search, settings, budget): (&str, &Settings, Budget),
    problems: &[E::Problem],
    seeds: &SeedTree,
    guide: &mut dyn Guide,
    told: impl Fn(&E::Problem, &Trace<E>) -> Solution,
) -> Result<Vec<Guided>, SettingError> {
    let refuse = |name: &str, value: &str, expected: &str| SettingError::Value { name: name.into(), value: value.into(), expected: expected.into() };
    let is_speakable = |problem: &E::Problem| question(env, format, problem, &env.initial(problem)).is_some();
    if !problems.iter().all(is_speakable) {
        return Err(no_turn());
    }
    let leaf = if settings.get("leaf").is_some() { Some(Leaf::configure(env, settings, "rollouts")?) } else { None };
    let mut policy = Model { format, guide, leaf, draws: (0..problems.len()).map(|index| seeds.index(index as u64).child("leaf").stream(0)).collect() };
    let mut guided = Vec::with_capacity(problems.len());
    match search {
        "mcts" => {
            let mcts = Mcts::configure(env, settings)?;
            let mut tasks = tasks(problems, budget, seeds, || mcts.machine::<E>());
            lockstep(env, &mut tasks, &mut policy);
            for task in &tasks {
                let trace = task.recorder.trace();
                let targets = visit_targets(env, format, &task.problem, trace, &task.machine, mcts.simulations());
                guided.push(Guided { solution: told(&task.problem, trace), targets, questions: values(trace) });
            }
        }
        "best-first" => {
            let best_first = BestFirst::configure(env, settings)?;
            let mut tasks = tasks(problems, budget, seeds, || best_first.machine::<E>());
            lockstep(env, &mut tasks, &mut policy);
            for task in &tasks {
                let trace = task.recorder.trace();
                let targets = path_targets(env, format, &task.problem, trace);
                guided.push(Guided { solution: told(&task.problem, trace), targets, questions: values(trace) });
            }
        }
        _ => return Err(refuse("search", search, "mcts or best-first: the others take no policy")),
    }
    Ok(guided)
}

/// Whether always taking the likeliest action solves each problem within `depth` actions; the first of equals.
pub(crate) fn follow<E: World>(
    (env, format): (&E, &dyn TraceFormat<E>),
    problems: &[E::Problem],
    depth: u32,
    guide: &mut dyn Guide,
) -> Result<Vec<bool>, SettingError> {
    let mut states: Vec<E::State> = problems.iter().map(|problem| env.initial(problem)).collect();
    let mut played: Vec<Vec<E::Action>> = vec![Vec::new(); problems.len()];
    let mut actions = Vec::new();
    for _ in 0..depth {
        let mut asked = Vec::new();
        for (index, (problem, state)) in problems.iter().zip(&states).enumerate() {
            if env.status(problem, state) == Status::Open {
                let question = question(env, format, problem, state).ok_or_else(no_turn)?;
                asked.extend((!question.actions.is_empty()).then_some((index, question)));
            }
        }
        if asked.is_empty() {
            break;
        }
        let (indices, questions): (Vec<usize>, Vec<Question>) = asked.into_iter().unzip();
        for (index, reply) in indices.into_iter().zip(guide.reply(&questions)) {
            let best = (0..reply.priors.len()).rev().max_by(|a, b| reply.priors[*a].total_cmp(&reply.priors[*b])).unwrap_or(0);
            actions.clear();
            env.actions(&problems[index], &states[index], &mut actions);
            let action = actions.swap_remove(best);
            states[index] = env.apply(&problems[index], &states[index], &action).expect("`actions` lists legal actions only");
            played[index].push(action);
        }
    }
    Ok(problems.iter().zip(&states).zip(&played).map(|((problem, state), played)| env.is_answer(problem, played, state)).collect())
}

fn no_turn() -> SettingError {
    let expected = "one that names an action before its effects, for a policy over actions";
    SettingError::Value { name: "format".into(), value: "this one".into(), expected: expected.into() }
}

fn tasks<E: World, M: Machine<E>>(problems: &[E::Problem], budget: Budget, seeds: &SeedTree, machine: impl Fn() -> M) -> Vec<Task<E, M>> {
    let task = |(index, problem): (usize, &E::Problem)| Task {
        problem: problem.clone(),
        machine: Box::new(machine()),
        budget,
        rng: seeds.index(index as u64).child("search").stream(0),
        recorder: Recorder::default(),
    };
    problems.iter().enumerate().map(task).collect()
}

/// States of a trace that were valued from outside.
fn values<E: World>(trace: &Trace<E>) -> u64 {
    trace.events.iter().filter(|event| matches!(event, crate::Event::Evaluate { .. })).count() as u64
}

/// The model as a policy of typed searches.
struct Model<'a, E: World> {
    format: &'a dyn TraceFormat<E>,
    guide: &'a mut dyn Guide,
    leaf: Option<Leaf>,
    /// What the leaf of each problem draws from.
    draws: Vec<ChaCha8Rng>,
}

impl<E: World> Policy<E> for Model<'_, E> {
    fn evaluate(&mut self, env: &E, requests: &[Request<'_, E>], answers: &mut Vec<Evaluation<E>>) {
        let state = |request: &Request<'_, E>| request.trace.node(request.node).state.clone();
        let asked: Vec<Question> = requests
            .iter()
            .map(|request| question(env, self.format, request.problem, &state(request)).expect("the format was tried on every problem"))
            .collect();
        for (request, reply) in requests.iter().zip(self.guide.reply(&asked)) {
            let state = state(request);
            let mut answer = evaluation(env, request.problem, &state, reply);
            if let Some(leaf) = &self.leaf {
                let valued = leaf.evaluate(env, request.problem, &state, &mut self.draws[request.task]);
                answer = Evaluation { priors: answer.priors, ..valued };
            }
            answers.push(answer);
        }
    }
}

/// What the visits of an MCTS teach.
///
/// Of a game: the root. Of a solved problem: every state on the way to the goal, and the hopeless ones beside it by their value of 0. Of an unsolved
/// one: the root, with a value of 0.
fn visit_targets<E: World>(
    env: &E,
    format: &dyn TraceFormat<E>,
    problem: &E::Problem,
    trace: &Trace<E>,
    machine: &MctsMachine<E>,
    simulations: u32,
) -> Vec<Target> {
    let path = trace.goal.map(|goal| trace.path(goal)).unwrap_or_default();
    let left = simulations.saturating_sub(machine.simulations());
    let mut targets = Vec::new();
    for known in machine.all_visits() {
        let state = &trace.node(known.node).state;
        let Some(question) = question(env, format, problem, state) else { continue };
        if E::HAS_OPPONENT {
            if known.node == 0 {
                targets.push(Target { question, shares: shares(known.visits.iter().map(|(_, visits)| *visits)), value: machine.root_value() });
            }
            continue;
        }
        let next = path.iter().copied().find(|node| trace.node(*node).parent == known.node);
        match next {
            Some(next) => {
                let solving = trace.node(next).action.as_ref();
                let counts = known.visits.iter().map(|(action, visits)| visits + if Some(action) == solving { left.max(1) } else { 0 });
                targets.push(Target { question, shares: shares(counts), value: 1.0 });
            }
            None if known.node == 0 => {
                targets.push(Target { question, shares: shares(known.visits.iter().map(|(_, visits)| *visits)), value: 0.0 });
            }
            None if known.is_exhausted && on_or_root(&path, trace.node(known.node).parent) => {
                targets.push(Target { question, shares: Vec::new(), value: 0.0 });
            }
            None => {}
        }
    }
    targets
}

fn on_or_root(path: &[NodeId], node: NodeId) -> bool {
    node == 0 || path.contains(&node)
}

/// What the path to the goal teaches, action by action; of an unsolved problem, that its root has a value of 0.
fn path_targets<E: World>(env: &E, format: &dyn TraceFormat<E>, problem: &E::Problem, trace: &Trace<E>) -> Vec<Target> {
    let path = trace.goal.map(|goal| trace.path(goal)).unwrap_or_default();
    let target = |node: &NodeId| {
        let (state, taken) = (&trace.node(trace.node(*node).parent).state, trace.node(*node).action.as_ref());
        let mut actions = Vec::new();
        env.actions(problem, state, &mut actions);
        let shares = actions.iter().map(|action| f32::from(u8::from(Some(action) == taken))).collect();
        Some(Target { question: question(env, format, problem, state)?, shares, value: 1.0 })
    };
    let mut targets: Vec<Target> = path.iter().filter_map(target).collect();
    if path.is_empty()
        && let Some(question) = question(env, format, problem, &env.initial(problem))
    {
        targets.push(Target { question, shares: Vec::new(), value: 0.0 });
    }
    targets
}

/// Counts as shares; empty where there is none.
pub(super) fn shares(counts: impl Iterator<Item = u32>) -> Vec<f32> {
    let counts: Vec<u32> = counts.collect();
    let sum: u32 = counts.iter().sum();
    if sum == 0 { Vec::new() } else { counts.iter().map(|count| *count as f32 / sum as f32).collect() }
}
