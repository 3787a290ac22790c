//! Searches that are guided by the value of states, as resumable machines: they hand out nodes to value and take the answers.
//!
//! **Invariant**: a search never calls a network. [`solve`] drives one machine with a symbolic [`Leaf`](super::leaf::Leaf);
//! [`lockstep`] drives many, so that one call of a policy values a leaf of each.

use metacot_envs::{Environment, TwoPlayer, World};
use rand_chacha::ChaCha8Rng;

use super::{Budget, leaf::Leaf};
use crate::{NodeId, Recorder, Trace};

/// Everything that a machine works on.
pub struct Site<'a, E: Environment> {
    /// The world.
    pub env: &'a E,
    /// The problem to solve.
    pub problem: &'a E::Problem,
    /// What may be spent.
    pub budget: Budget,
    /// Decides all choices by chance.
    pub rng: &'a mut ChaCha8Rng,
    /// Takes the nodes and events.
    pub recorder: &'a mut Recorder<E>,
}

/// What is said of a node that a machine asked about.
#[derive(Clone, Debug)]
pub struct Evaluation<E: Environment> {
    /// How good the state is for whoever poses the problem, in [0, 1].
    pub value: f32,
    /// Probability of each action in the order in which the environment lists them; empty for uniform.
    pub priors: Vec<f32>,
    /// Actions that solve the problem from here, where the evaluation found any.
    pub solution: Option<Vec<E::Action>>,
}

impl<E: Environment> Evaluation<E> {
    /// A value and nothing else.
    pub fn of(value: f32) -> Self {
        Self { value, priors: Vec::new(), solution: None }
    }
}

/// A guided search that stops whenever it needs values.
pub trait Machine<E: Environment>: Send {
    /// Goes on until values are needed and appends the nodes to value; appends none once the search has ended and its trace is finished.
    fn gather(&mut self, site: &mut Site<'_, E>, nodes: &mut Vec<NodeId>);

    /// Takes the answers for the nodes of the last [`gather`](Self::gather), in their order.
    fn apply(&mut self, site: &mut Site<'_, E>, answers: &mut Vec<Evaluation<E>>);
}

/// Runs a machine to its end with leaves that need no model.
pub fn solve<E: World>(machine: &mut dyn Machine<E>, leaf: &Leaf, site: &mut Site<'_, E>) {
    let (mut nodes, mut answers) = (Vec::new(), Vec::new());
    loop {
        nodes.clear();
        machine.gather(site, &mut nodes);
        if nodes.is_empty() {
            return;
        }
        answers.clear();
        for node in &nodes {
            answers.push(leaf.evaluate(site.env, site.problem, &site.recorder.node(*node).state, site.rng));
        }
        machine.apply(site, &mut answers);
    }
}

/// Runs a machine on a game to its end; leaves are valued by `rollouts` random games each, or by one half where there are none.
pub fn play<G: TwoPlayer>(machine: &mut dyn Machine<G>, rollouts: u32, site: &mut Site<'_, G>) {
    let (mut nodes, mut answers) = (Vec::new(), Vec::new());
    let player = site.env.to_move(site.problem, &site.env.initial(site.problem));
    loop {
        nodes.clear();
        machine.gather(site, &mut nodes);
        if nodes.is_empty() {
            return;
        }
        for node in &nodes {
            let state = &site.recorder.node(*node).state;
            let sum: i32 = (0..rollouts).map(|_| site.env.rollout(site.problem, state, site.rng).value(player)).sum();
            answers.push(Evaluation::of(0.5 + 0.5 * sum as f32 / rollouts.max(1) as f32));
        }
        machine.apply(site, &mut answers);
    }
}

/// A question of a machine: the value of a node.
pub struct Request<'a, E: Environment> {
    /// Position of its task in the call of [`lockstep`].
    pub task: usize,
    /// The problem.
    pub problem: &'a E::Problem,
    /// The tree so far.
    pub trace: &'a Trace<E>,
    /// The node in it.
    pub node: NodeId,
}

/// Values leaves of many problems at once, as a model does.
pub trait Policy<E: Environment> {
    /// Appends one answer per request, in order.
    fn evaluate(&mut self, env: &E, requests: &[Request<'_, E>], answers: &mut Vec<Evaluation<E>>);
}

/// One problem of a lockstep run; `M` is the kind of its search, where the caller wants to ask it things afterwards.
pub struct Task<E: Environment, M: Machine<E> + ?Sized = dyn Machine<E>> {
    /// The problem to solve.
    pub problem: E::Problem,
    /// Its search.
    pub machine: Box<M>,
    /// What it may spend.
    pub budget: Budget,
    /// Decides all choices by chance.
    pub rng: ChaCha8Rng,
    /// Holds its trace in the end.
    pub recorder: Recorder<E>,
}

impl<E: Environment, M: Machine<E> + ?Sized> Task<E, M> {
    /// The machine and what it works on.
    pub fn site<'a>(&'a mut self, env: &'a E) -> (&'a mut M, Site<'a, E>) {
        let Self { problem, machine, budget, rng, recorder } = self;
        (machine.as_mut(), Site { env, problem, budget: *budget, rng, recorder })
    }
}

/// Runs all tasks to their end: each round gathers from every machine that still runs, asks the policy once, and hands the answers out.
///
/// # Panics
/// The policy gives another number of answers than it was asked for.
pub fn lockstep<E: Environment, M: Machine<E> + ?Sized>(env: &E, tasks: &mut [Task<E, M>], policy: &mut dyn Policy<E>) {
    let mut nodes = Vec::new();
    let mut asked: Vec<(usize, usize)> = Vec::new();
    loop {
        nodes.clear();
        asked.clear();
        for (index, task) in tasks.iter_mut().enumerate() {
            let start = nodes.len();
            let (machine, mut site) = task.site(env);
            machine.gather(&mut site, &mut nodes);
            if nodes.len() > start {
                asked.push((index, nodes.len() - start));
            }
        }
        if asked.is_empty() {
            return;
        }
        let mut rest = nodes.iter();
        let mut requests = Vec::with_capacity(nodes.len());
        for (index, count) in &asked {
            let task = &tasks[*index];
            let of_task = |node: &NodeId| Request { task: *index, problem: &task.problem, trace: task.recorder.trace(), node: *node };
            requests.extend(rest.by_ref().take(*count).map(of_task));
        }
        let mut answers = Vec::with_capacity(requests.len());
        policy.evaluate(env, &requests, &mut answers);
        assert_eq!(answers.len(), requests.len(), "a policy answers every request once");
        drop(requests);
        let mut answers = answers.into_iter();
        for (index, count) in &asked {
            let mut of_task: Vec<_> = answers.by_ref().take(*count).collect();
            let (machine, mut site) = tasks[*index].site(env);
            machine.apply(&mut site, &mut of_task);
        }
    }
}
