//! Reading back what was written gives the same search, and reading anything at all gives an answer.

use metacot_envs::{Difficulty, Environment, SeedTree, Settings, countdown::Countdown, maze::Maze, sokoban::Sokoban};
use metacot_traces::{Event, Trace, audit, format};
use proptest::prelude::*;

use crate::support::{countdown, format, problem, run, searches, write};

/// What a text can tell of a search: evaluations are not written, and neither is how a failed search was stopped.
fn told(trace: &Trace<Countdown>) -> (Vec<(u32, Vec<i64>)>, Vec<Event>, bool) {
    let nodes = trace.nodes.iter().map(|node| (node.parent, node.state.as_slice().to_vec())).collect();
    let events = trace.events.iter().filter(|event| !matches!(event, Event::Evaluate { .. })).copied().collect();
    (nodes, events, trace.goal.is_some())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_a_written_trace_gives_the_same_search(index in 0_u64..100_000, size in 3_usize..=4, which in 0..searches().count()) {
        let env = countdown(size);
        let problem = problem(&env, index);
        let recorder = run(&env, &problem, searches().nth(which).unwrap(), &Settings::default(), index);
        let sos = format::<Countdown>("sos");
        let text = write(&env, &problem, &recorder, sos.as_ref());
        let audited = audit(&env, None, &sos.parse(&text));
        prop_assert!(audited.is_clean(), "{:?} in {text}", audited.defects);
        prop_assert_eq!(audited.is_solved(), recorder.trace().goal.is_some());
        prop_assert_eq!(told(&audited.trace), told(recorder.trace()));

        for name in ["think", "prose"] {
            let format = format::<Countdown>(name);
            let text = write(&env, &problem, &recorder, format.as_ref());
            let audited = audit(&env, None, &format.parse(&text));
            prop_assert!(audited.is_clean(), "{:?} in {text}", audited.defects);
            prop_assert_eq!(told(&audited.trace), told(recorder.trace()));
        }
        if recorder.trace().goal.is_none() {
            return Ok(());
        }
        for name in ["sos-plan", "cot", "answer", "table"] {
            let format = format::<Countdown>(name);
            let text = write(&env, &problem, &recorder, format.as_ref());
            let audited = audit(&env, Some(&problem), &format.parse(&text));
            prop_assert!(audited.is_clean() && audited.is_solved(), "{:?} in {text}", audited.defects);
        }
    }

    #[test]
    fn values_are_read_back(index in 0_u64..1000) {
        let env = countdown(3);
        let problem = problem(&env, index);
        let recorder = run(&env, &problem, "best-first", &Settings::default(), index);
        for name in ["think", "prose"] {
            let format = format::build::<Countdown>(name, &Settings::default().with("values", true)).unwrap();
            let text = write(&env, &problem, &recorder, format.as_ref());
            let audited = audit(&env, Some(&problem), &format.parse(&text));
            prop_assert!(audited.is_clean(), "{:?} in {text}", audited.defects);
            prop_assert_eq!(audited.trace.events.len(), recorder.trace().events.len());
        }
    }

    #[test]
    fn published_texts_audit_clean(index in 0_u64..100_000, which in 0..searches().count()) {
        let name = searches().nth(which).unwrap();
        if !name.starts_with("sos-") {
            return Ok(());
        }
        let env = countdown(4);
        let problem = problem(&env, index);
        let compat = Settings::default().with("compat", true);
        let recorder = run(&env, &problem, name, &compat, index);
        for settings in [compat, Settings::default()] {
            let format = format::build::<Countdown>("sos", &settings).unwrap();
            let text = write(&env, &problem, &recorder, format.as_ref());
            let audited = audit(&env, None, &format.parse(&text));
            prop_assert!(audited.is_clean(), "{:?} in {text}", audited.defects);
            prop_assert_eq!(audited.is_solved(), recorder.trace().goal.is_some());
            prop_assert_eq!(told(&audited.trace), told(recorder.trace()));
        }
    }

    #[test]
    fn grid_worlds_are_told_in_every_format(index in 0_u64..100_000, which in 0..6_usize) {
        let env = Maze::configure(&Difficulty::sized(7)).unwrap();
        let problem = env.generate(&mut SeedTree::root(2).stream(index));
        let search = ["astar", "astar-nondet", "dfs", "bfs", "ida", "mcts"][which];
        let recorder = run(&env, &problem, search, &Settings::default(), index);
        for name in format::NAMES.iter().filter(|name| **name != "table") {
            let settings = if *name == "searchformer" && search == "astar" { Settings::default().with("ties", "fixed") } else { Settings::default() };
            let format = format::build::<Maze>(name, &settings).unwrap();
            if format::check_pair(format.as_ref(), name, search).is_err() || !format.can_write(recorder.trace()) {
                continue;
            }
            let text = write(&env, &problem, &recorder, format.as_ref());
            let audited = audit(&env, None, &format.parse(&text));
            prop_assert!(audited.is_clean(), "{name} {:?} in {text}", audited.defects);
            prop_assert_eq!(audited.is_solved(), recorder.trace().goal.is_some());
        }
    }

    #[test]
    fn sokoban_is_told_in_every_format(index in 0_u64..20) {
        let env = Sokoban::configure(&Difficulty::default()).unwrap();
        let problem = env.generate(&mut SeedTree::root(2).stream(index));
        for search in ["astar", "astar-nondet", "greedy"] {
            let recorder = run(&env, &problem, search, &Settings::default(), index);
            for name in format::NAMES.iter().filter(|name| **name != "table") {
                let format = format::<Sokoban>(name);
                if format::check_pair(format.as_ref(), name, search).is_err() || !format.can_write(recorder.trace()) {
                    continue;
                }
                let text = write(&env, &problem, &recorder, format.as_ref());
                let audited = audit(&env, None, &format.parse(&text));
                prop_assert!(audited.is_clean(), "{name} {:?}", audited.defects.first().map(|defect| (defect.kind, &text[defect.span.clone()])));
                prop_assert_eq!(audited.is_solved(), recorder.trace().goal.is_some());
            }
        }
    }

    #[test]
    fn any_text_can_be_read_and_audited(text in "(Current State: |Exploring Operation: |Generated Node #|Moving to Node #|, Operations: |, Resulting Numbers: |[0-9,\\[\\]'=+*/: \n-]|.){0,60}") {
        let env = countdown(3);
        for name in format::NAMES.iter().filter(|name| !name.contains("searchformer")) {
            let format = format::<Countdown>(name);
            let parsed = format.parse(&text);
            let audited = audit(&env, None, &parsed);
            prop_assert!(!audited.is_clean() || audited.problem.is_some());
            let audited = audit(&env, Some(&problem(&env, 0)), &parsed);
            prop_assert!(!audited.is_clean(), "a random text tells no true search");
        }
    }

    #[test]
    fn any_words_can_be_read_as_a_frontier(text in "(size 7 7 start 0 0 goal 1 1|create |close |plan |wall | c[0-9]{1,3}|[0-9] |c|\n|.){0,40}") {
        let env = Maze::configure(&Difficulty::sized(7)).unwrap();
        for name in ["searchformer", "searchformer-plan"] {
            let format = format::<Maze>(name);
            let audited = audit(&env, None, &format.parse(&text));
            prop_assert!(!audited.is_clean() || audited.problem.is_some());
        }
    }
}
