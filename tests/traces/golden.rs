//! What people read: one small trace per search and format, as text.

use metacot_envs::{Difficulty, Environment, Notation, Settings, countdown::Countdown, maze::Maze, sokoban::Sokoban};
use metacot_traces::{audit, format};

use crate::support::{countdown, format, run, searches, write};

#[test]
fn traces_of_every_search_are_golden() {
    let env = countdown(3);
    let problem = serde_json::from_str(r#"{"numbers":[3,5,9],"target":24}"#).unwrap();
    for name in searches() {
        let recorder = run(&env, &problem, name, &Settings::default(), 0);
        let text = write(&env, &problem, &recorder, format::<Countdown>("sos").as_ref());
        let head: Vec<&str> = text.lines().take(24).collect();
        let tail = text.lines().count().saturating_sub(24);
        insta::with_settings!({ snapshot_suffix => format!("countdown-{name}"), description => format!("countdown 24:[3, 5, 9], search {name}, format sos") }, {
            insta::assert_snapshot!("trace", format!("{}\n({tail} more lines)", head.join("\n")));
        });
    }
}

#[test]
fn texts_of_every_format_are_golden() {
    let env = countdown(3);
    let problem = serde_json::from_str(r#"{"numbers":[3,5,9],"target":24}"#).unwrap();
    let settings = Settings::default().with("heuristic", "sum").with("prune", true);
    let recorder = run(&env, &problem, "dfs", &settings, 0);
    for name in format::NAMES.iter().filter(|name| !name.contains("searchformer")) {
        let text = write(&env, &problem, &recorder, format::<Countdown>(name).as_ref());
        insta::with_settings!({ snapshot_suffix => format!("countdown-{name}"), description => format!("countdown 24:[3, 5, 9], search dfs heuristic=sum prune=true, format {name}") }, {
            insta::assert_snapshot!("format", text);
        });
    }
}

#[test]
fn searchformer_tells_a_maze_token_for_token() {
    let env = Maze::configure(&Difficulty::sized(5)).unwrap();
    let problem = env.read_problem("size 4 4 start 0 0 goal 3 2 wall 1 0 wall 1 1 wall 3 1 wall 0 3").unwrap();
    let recorder = run(&env, &problem, "astar", &Settings::default(), 0);
    let plan = "plan 0 0 plan 0 1 plan 0 2 plan 1 2 plan 2 2 plan 3 2";
    let trace = "create 0 0 c0 c5 close 0 0 c0 c5 create 0 1 c1 c4 close 0 1 c1 c4 create 0 2 c2 c3 close 0 2 c2 c3 create 1 2 c3 c2 \
        close 1 2 c3 c2 create 1 3 c4 c3 create 2 2 c4 c1 close 2 2 c4 c1 create 2 3 c5 c2 create 2 1 c5 c2 create 3 2 c5 c0 close 3 2 c5 c0";
    for (name, expected) in [("searchformer", format!("{trace} {plan}")), ("searchformer-plan", plan.to_string())] {
        let format = format::<Maze>(name);
        let text = write(&env, &problem, &recorder, format.as_ref());
        let (prompt, response) = text.split_once('\n').unwrap();
        assert_eq!(prompt, "size 4 4 start 0 0 goal 3 2 wall 1 0 wall 1 1 wall 3 1 wall 0 3");
        assert_eq!(response, expected);
        let audited = audit(&env, Some(&problem), &format.parse(&text));
        assert!(audited.is_clean() && audited.is_solved(), "{:?}", audited.defects);
    }
}

#[test]
fn searchformer_leaves_docked_boxes_out() {
    let env = Sokoban::configure(&Difficulty::default()).unwrap();
    let problem = serde_json::from_value(serde_json::json!({ "rows": ["######", "#@$. #", "# $. #", "######"] })).unwrap();
    let recorder = run(&env, &problem, "astar", &Settings::default(), 0);
    let text = write(&env, &problem, &recorder, format::<Sokoban>("searchformer").as_ref());
    insta::with_settings!({ snapshot_suffix => "sokoban-searchformer", description => "two boxes in a row, search astar, format searchformer" }, {
        insta::assert_snapshot!("format", text.replace(" c", "\nc").replace(" plan", "\nplan").lines().fold(String::new(), |all, line| {
            if line.starts_with("create") || line.starts_with("close") || line.starts_with("plan") { all + "\n" + line } else { all + " " + line }
        }));
    });
}

#[test]
fn combinations_that_make_no_sense_are_refused_by_name() {
    let refused = |result: Result<(), String>| result.unwrap_err();
    let build = |name: &str| format::build::<Countdown>(name, &Settings::default()).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(refused(build("searchformer")), "format = `searchformer` is not allowed; expected a format for countdown; searchformer is for maze, sokoban");
    assert!(format::build::<Maze>("table", &Settings::default()).is_err());
    let searchformer = format::<Maze>("searchformer");
    let error = format::check_pair(searchformer.as_ref(), "searchformer", "dfs").unwrap_err().to_string();
    assert_eq!(error, "format = `searchformer` is not allowed; expected a format for search dfs; searchformer tells astar, astar-nondet");
}

#[test]
fn published_texts_of_stream_of_search_are_golden() {
    let env = Countdown::configure(&Difficulty::sized(3)).unwrap();
    let compat = Settings::default().with("compat", true);
    let sos = format::build::<Countdown>("sos", &compat).unwrap();
    let cases = [
        ("solved-dfs", "24:[3, 5, 9]", "sos-dfs-sum"),
        ("failed-dfs", "13:[3, 5, 9]", "sos-dfs-sum"),
        ("degenerate-dfs", "10:[40, 70, 95]", "sos-dfs-sum"),
        ("failed-bfs", "25:[3, 5, 9]", "sos-bfs-mult-1"),
        ("revisiting-bfs", "24:[3, 5, 9]", "sos-bfs-mult-2"),
    ];
    for (case, problem, search) in cases {
        let problem = env.read_problem(problem).unwrap();
        let recorder = run(&env, &problem, search, &compat, 0);
        let text = write(&env, &problem, &recorder, sos.as_ref());
        assert_eq!(recorder.trace().goal.is_some(), case == "solved-dfs", "{case}");
        let audited = audit(&env, Some(&problem), &sos.parse(&text));
        assert!(audited.is_clean(), "{case}: {:?} in {text}", audited.defects);
        insta::with_settings!({ snapshot_suffix => case, description => format!("{search} compat=true, sos compat=true; the last line break is shown as (newline)") }, {
            let shown = text.strip_suffix('\n').map_or(text.clone(), |text| format!("{text}(newline)"));
            insta::assert_snapshot!("published", shown);
        });
    }
}
