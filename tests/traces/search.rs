//! Searches against oracles: what they find is right, least cost where they promise it, and nothing is missed by complete ones.

use metacot_envs::{Difficulty, Environment, Notation, Oracle, SeedTree, Settings, connect4::Connect4, maze::Maze, replay, sokoban::Sokoban};
use metacot_traces::{
    StopReason,
    search::{
        self,
        beam::Beam,
        best_first::BestFirst,
        guided::{Evaluation, Machine, Policy, Request, Site, Task, lockstep, play, solve},
        leaf::Leaf,
        mcts::Mcts,
    },
};

use crate::support::{countdown, problem, run, searches};

/// Whether a search promises to find a plan where there is one.
fn is_complete(name: &str) -> bool {
    name != "beam" && !name.starts_with("sos-")
}

#[test]
fn every_plan_replays_and_complete_searches_agree_with_the_oracle() {
    for size in [3, 4] {
        let env = countdown(size);
        for index in 0..60 {
            let mut problem = problem(&env, index);
            if index % 3 == 0 {
                problem.target = 997; // mostly out of reach, so that failing searches are exercised too
            }
            for name in searches() {
                let recorder = run(&env, &problem, name, &Settings::default(), index);
                let trace = recorder.trace();
                let is_solved = trace.stop == StopReason::Solved;
                if is_complete(name) {
                    assert_eq!(is_solved, env.solvable(&problem), "{name} on {problem:?}");
                }
                assert!(env.solvable(&problem) || !is_solved, "{name} on {problem:?}");
                if let Some(plan) = trace.plan() {
                    assert!(replay(&env, &problem, &plan).is_solved(), "{name} on {problem:?}");
                    assert_eq!(trace.node(trace.goal.unwrap()).cost, plan.len() as u32);
                }
            }
        }
    }
}

#[test]
fn astar_and_bfs_cost_equal_the_optimum() {
    let env = countdown(4);
    for index in 0..60 {
        let problem = problem(&env, index);
        for name in ["astar", "astar-nondet", "bfs", "iddfs", "ida"] {
            let recorder = run(&env, &problem, name, &Settings::default(), index);
            let goal = recorder.trace().goal.expect("generated problems are solvable");
            assert_eq!(Some(recorder.node(goal).cost), env.optimal_cost(&problem), "{name} on {problem:?}");
        }
    }
}

#[test]
fn a_spent_budget_is_said() {
    let env = countdown(4);
    let mut problem = problem(&env, 0);
    problem.target = 999_983;
    for name in searches() {
        let search = search::build(name, &env, &Settings::default()).unwrap();
        let mut recorder = metacot_traces::Recorder::default();
        let budget = metacot_traces::Budget { expansions: 5, nodes: 1000 };
        search.run(&env, &problem, budget, &mut metacot_envs::SeedTree::root(0).stream(0), &mut recorder);
        let expected = if name.starts_with("sos-") || name == "beam" { StopReason::Exhausted } else { StopReason::Budget };
        assert!(recorder.trace().stop == StopReason::Budget || recorder.trace().stop == expected, "{name}");
        assert!(recorder.trace().expanded <= 6, "{name}");
    }
}

#[test]
fn stream_of_search_dfs_prunes_and_orders_by_the_sum_heuristic() {
    let env = countdown(3);
    let problem = serde_json::from_str(r#"{"numbers":[3,5,9],"target":24}"#).unwrap();
    let settings = Settings::default().with("heuristic", "sum").with("prune", true);
    let recorder = run(&env, &problem, "dfs", &settings, 0);
    let first = recorder.trace().nodes[1].state;
    assert_eq!(first.as_slice(), [5, 27], "3*9=27 leaves the state nearest to 24");
    assert_eq!(env.initial(&problem).as_slice(), [3, 5, 9]);
}

/// A maze with loops, where states are reached in many ways.
fn maze() -> (Maze, metacot_envs::maze::Problem) {
    let env = Maze::configure(&Difficulty::sized(8)).unwrap();
    let problem = env.generate(&mut SeedTree::root(3).stream(1));
    (env, problem)
}

#[test]
fn searches_agree_with_the_oracle_in_a_world_with_cycles() {
    let (env, problem) = maze();
    for name in searches().filter(|name| !name.contains("sos")) {
        let recorder = run(&env, &problem, name, &Settings::default(), 0);
        let trace = recorder.trace();
        assert!(trace.stop == StopReason::Solved || name == "beam", "{name}");
        let Some(plan) = trace.plan() else { continue };
        assert!(replay(&env, &problem, &plan).is_solved(), "{name}");
        if ["astar", "astar-nondet", "bfs", "iddfs", "ida"].contains(&name) {
            assert_eq!(Some(plan.len() as u32), env.optimal_cost(&problem), "{name}");
        }
    }
}

#[test]
fn sokoban_plans_of_astar_are_optimal() {
    let env = Sokoban::configure(&Difficulty::default()).unwrap();
    for index in 0..4 {
        let problem = env.generate(&mut SeedTree::root(3).stream(index));
        for name in ["astar", "astar-nondet"] {
            let recorder = run(&env, &problem, name, &Settings::default(), index);
            assert_eq!(recorder.trace().plan().map(|plan| plan.len() as u32), env.optimal_cost(&problem), "{name} {index}");
        }
    }
}

/// Says how far the goal is, as a model would.
struct Distance {
    calls: usize,
}

impl Policy<Maze> for Distance {
    fn evaluate(&mut self, env: &Maze, requests: &[Request<'_, Maze>], answers: &mut Vec<Evaluation<Maze>>) {
        self.calls += 1;
        for request in requests {
            let distance = env.heuristic(0, request.problem, &request.trace.node(request.node).state);
            answers.push(Evaluation::of((1.0 / (1.0 + distance)) as f32));
        }
    }
}

#[test]
fn machines_in_lockstep_solve_many_problems_with_few_calls() {
    let env = Maze::configure(&Difficulty::sized(8)).unwrap();
    let settings = Settings::default();
    let machines: [fn(&Maze, &Settings) -> Box<dyn Machine<Maze>>; 3] = [
        |env, settings| Box::new(BestFirst::configure(env, settings).unwrap().machine()),
        |env, settings| Box::new(Beam::configure(env, &settings.clone().with("width", 50)).unwrap().machine()),
        |env, settings| Box::new(Mcts::configure(env, &settings.clone().with("selection", "puct").with("noise", 0.25)).unwrap().machine()),
    ];
    for (index, make) in machines.into_iter().enumerate() {
        let task = |index| Task {
            problem: env.generate(&mut SeedTree::root(8).stream(index)),
            machine: make(&env, &settings),
            budget: metacot_traces::Budget::default(),
            rng: SeedTree::root(9).stream(index),
            recorder: metacot_traces::Recorder::default(),
        };
        let mut tasks: Vec<Task<Maze>> = (0..20).map(task).collect();
        let mut policy = Distance { calls: 0 };
        lockstep(&env, &mut tasks, &mut policy);
        let most = tasks.iter().map(|task| task.recorder.trace().events.iter().filter(|event| matches!(event, metacot_traces::Event::Evaluate { .. })).count());
        assert!(policy.calls <= most.max().unwrap(), "one call serves all problems");
        for task in &tasks {
            let Some(plan) = task.recorder.trace().plan() else {
                assert!(index > 0, "best-first search is complete");
                continue;
            };
            assert!(replay(&env, &task.problem, &plan).is_solved());
        }
    }
}

#[test]
fn a_tree_is_reused_after_a_move() {
    let env = countdown(4);
    let problem = problem(&env, 1);
    let settings = Settings::default().with("early_stop", false).with("simulations", 200).with("leaf", "uniform");
    let (mut rng, mut recorder) = (SeedTree::root(1).stream(0), metacot_traces::Recorder::default());
    let mut machine = Mcts::configure(&env, &settings).unwrap().machine();
    let mut site = Site { env: &env, problem: &problem, budget: metacot_traces::Budget::default(), rng: &mut rng, recorder: &mut recorder };
    solve(&mut machine, &Leaf::Uniform, &mut site);
    let visits = machine.root_visits();
    let (action, count) = *visits.iter().max_by_key(|(_, visits)| *visits).unwrap();
    assert!(visits.iter().map(|(_, visits)| visits).sum::<u32>() >= 199);
    assert!(machine.advance(&mut site, &action));
    assert_eq!(machine.root_visits().iter().map(|(_, visits)| visits).sum::<u32>() + 1, count, "the subtree is kept");
    solve(&mut machine, &Leaf::Uniform, &mut site);
    assert!(machine.root_visits().iter().map(|(_, visits)| visits).sum::<u32>() > count);
}

#[test]
fn mcts_finds_the_winning_drop_and_blocks_the_opponent() {
    let game = Connect4::configure(&Difficulty { size: Some("7x6".into()), ..Difficulty::default() }).unwrap();
    let play_from = |columns: &[u8]| {
        let mut rows = vec![vec!['.'; 7]; 6];
        for (index, column) in columns.iter().enumerate() {
            let column = usize::from(*column) - 1;
            let row = (0..6).rfind(|row| rows[*row][column] == '.').unwrap();
            rows[row][column] = if index % 2 == 0 { 'x' } else { 'o' };
        }
        let rows: Vec<String> = rows.iter().map(|row| row.iter().collect()).collect();
        let problem = serde_json::from_value(serde_json::json!({ "rows": rows })).unwrap();
        let (mut rng, mut recorder) = (SeedTree::root(5).stream(0), metacot_traces::Recorder::default());
        let mut machine = Mcts::configure_game(&Settings::default().with("simulations", 3000)).unwrap().machine();
        play(&mut machine, 1, &mut Site { env: &game, problem: &problem, budget: metacot_traces::Budget::default(), rng: &mut rng, recorder: &mut recorder });
        let (action, _) = machine.root_visits().into_iter().max_by_key(|(_, visits)| *visits).unwrap();
        let mut text = String::new();
        game.write_action(&problem, &game.initial(&problem), &action, &mut text);
        (text, machine.root_value())
    };
    let (win, value) = play_from(&[1, 7, 2, 7, 3, 6]);
    assert!(win.contains('4') && value > 0.8, "{win} {value}");
    let (block, _) = play_from(&[7, 1, 7, 2, 5, 3]);
    assert!(block.contains('4'), "{block}");
}
