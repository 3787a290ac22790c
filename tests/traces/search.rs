//! Searches against oracles: what they find is right, least cost where they promise it, and nothing is missed by complete ones.

use metacot_envs::{Environment, Oracle, Settings, replay};
use metacot_traces::{StopReason, search};

use crate::support::{countdown, problem, run};

#[test]
fn every_plan_replays_and_complete_searches_agree_with_the_oracle() {
    for size in [3, 4] {
        let env = countdown(size);
        for index in 0..60 {
            let mut problem = problem(&env, index);
            if index % 3 == 0 {
                problem.target = 997; // mostly out of reach, so that failing searches are exercised too
            }
            for name in search::NAMES {
                let recorder = run(&env, &problem, name, &Settings::default(), index);
                let trace = recorder.trace();
                assert_eq!(trace.stop == StopReason::Solved, env.solvable(&problem), "{name} on {problem:?}");
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
        for name in ["astar", "bfs"] {
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
    for name in search::NAMES {
        let search = search::build(name, &env, &Settings::default()).unwrap();
        let mut recorder = metacot_traces::Recorder::default();
        let budget = metacot_traces::Budget { expansions: 5, nodes: 1000 };
        search.run(&env, &problem, budget, &mut metacot_envs::SeedTree::root(0).stream(0), &mut recorder);
        assert_eq!(recorder.trace().stop, StopReason::Budget, "{name}");
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
