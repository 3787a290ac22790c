//! Games of two players as trace corpora: every combination audits clean, answers are exactly right, and planted corruptions are found.

use metacot_envs::{
    Difficulty, Environment, Notation, Oracle, SeedTree, Settings, Verdict, World,
    connect4::Connect4,
    registry::{self, EnvironmentVisitor},
    replay,
};
use metacot_traces::{Budget, DefectKind, Recorder, StopReason, audit, format, search};

use crate::support::{format, write};

const GAMES: [&str; 2] = ["connect4", "hex"];

fn posed<E: World>(name: &str, simulations: u32, index: u64) -> (E, E::Problem, Recorder<E>) {
    let opening = if E::NAME == "hex" { 8 } else { 11 };
    let env = E::configure(&Difficulty { settings: Settings::default().with("opening", opening), ..Difficulty::default() }).unwrap();
    let problem = env.generate(&mut SeedTree::root(6).child(E::NAME).stream(index));
    let settings = if name == "mcts" { Settings::default().with("simulations", simulations) } else { Settings::default() };
    let mut recorder = Recorder::default();
    let search = search::build::<E>(name, &env, &settings).unwrap();
    search.run(&env, &problem, Budget::default(), &mut SeedTree::root(7).stream(index), &mut recorder);
    (env, problem, recorder)
}

struct Exact;

impl EnvironmentVisitor for Exact {
    type Output = ();

    fn visit<E: World>(self) {
        let mut num_right = 0;
        for index in 0..25 {
            let (env, problem, recorder) = posed::<E>("negamax", 0, index);
            let plan = recorder.trace().plan().expect("the search is complete");
            assert!(replay(&env, &problem, &plan).is_solved(), "best play of {problem:?}");
            assert!(env.optimal_cost(&problem).is_some(), "posed positions are won");
            let (env, problem, recorder) = posed::<E>("mcts", 400, index);
            let trace = recorder.trace();
            assert_eq!(trace.goal.is_some(), trace.stop == StopReason::Solved);
            num_right += u32::from(trace.goal.is_some());
            for name in ["think", "prose", "cot", "answer"] {
                let format = format::<E>(name);
                if format.can_write(trace) {
                    let text = write(&env, &problem, &recorder, format.as_ref());
                    let audited = audit(&env, Some(&problem), &format.parse(&text));
                    assert!(audited.is_clean() && audited.is_solved() == trace.goal.is_some(), "{name} {:?} in {text}", audited.defects);
                    assert!(audited.trace.plan() == trace.plan() || name == "answer", "{name} {text}");
                }
            }
        }
        assert!(num_right >= 20, "{} of 25 positions are played right after 400 simulations", num_right);
        for name in ["dfs", "astar", "sos-dfs-sum", "beam"] {
            let error = search::build::<E>(name, &E::configure(&Difficulty::default()).unwrap(), &Settings::default()).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains("not allowed"), "{error}");
        }
    }
}

#[test]
fn what_searches_answer_is_exactly_right() {
    for name in GAMES {
        registry::visit(name, Exact).unwrap();
    }
}

#[test]
fn what_makes_no_sense_for_games_is_refused_by_name() {
    let refused = |name| format::build::<Connect4>(name, &Settings::default()).map(|_| ()).unwrap_err().to_string();
    assert_eq!(refused("sos"), "format = `sos` is not allowed; expected a format for connect4; sos is for one player");
    assert!(refused("searchformer").contains("searchformer is for maze, sokoban") && refused("table").contains("table is for"));
    let env = Connect4::configure(&Difficulty::default()).unwrap();
    let error = search::build::<Connect4>("bfs", &env, &Settings::default()).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, "search = `bfs` is not allowed; expected a search for connect4; bfs is for one player");
}

/// `x` wins by dropping into column 1 and nowhere else; `o` threatens column 4.
fn small() -> (Connect4, <Connect4 as Environment>::Problem) {
    let env = Connect4::configure(&Difficulty::default()).unwrap();
    let problem = env.read_problem(". . o o / x x o x / x o x o / x o x o").unwrap();
    (env, problem)
}

#[test]
fn first_moves_are_judged_by_best_play() {
    let (env, problem) = small();
    let verdict = |text: &str| {
        let plan = text.split("; ").scan(env.initial(&problem), |state, text| {
            let action = env.read_action(&problem, state, text, None).ok()?;
            *state = env.apply(&problem, state, &action).ok()?;
            Some(action)
        });
        replay(&env, &problem, &plan.collect::<Vec<_>>())
    };
    assert_eq!(verdict("drop 1"), Verdict::Solved { cost: 1 });
    assert_eq!(verdict("drop 2"), Verdict::Unsolved);
    assert_eq!(replay(&env, &problem, &[]), Verdict::Unsolved);
    assert_eq!(env.optimal_cost(&problem), Some(1));
}

#[test]
fn game_trees_are_golden() {
    for search in ["mcts", "negamax"] {
        let (env, problem, recorder) = posed::<Connect4>(search, 30, 3);
        for name in ["think", "prose", "cot", "answer"] {
            let format = format::<Connect4>(name);
            if format.can_write(recorder.trace()) {
                let text = write(&env, &problem, &recorder, format.as_ref());
                let lines: Vec<&str> = text.lines().collect();
                let shown = if lines.len() > 60 { [&lines[..30], &["…"], &lines[lines.len() - 12..]].concat() } else { lines };
                insta::with_settings!({ snapshot_suffix => format!("{search}-{name}"), description => format!("connect4 5x4, search {search}, format {name}") }, {
                    insta::assert_snapshot!("game", shown.join("\n"));
                });
            }
        }
    }
}

/// A text, the changes that are planted in it, and a defect that each must show.
fn check_table(format_name: &str, text: &str, table: &[(&str, &str, DefectKind)]) {
    let (env, problem) = small();
    let format = format::<Connect4>(format_name);
    let kinds = |text: &str| -> Vec<DefectKind> { audit(&env, Some(&problem), &format.parse(text)).defects.iter().map(|defect| defect.kind).collect() };
    assert_eq!(kinds(text), [], "{format_name}: a genuine text is clean");
    for (old, new, expected) in table {
        assert_eq!(text.matches(old).count(), 1, "{format_name}: {old:?} is not unique in {text}");
        let found = kinds(&text.replace(old, new));
        assert!(found.contains(expected), "{format_name}: {old:?} -> {new:?} gives {found:?}, not {expected:?}");
    }
    for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
        assert!(!kinds(&text[..end]).is_empty(), "{format_name}: cut at {end}");
    }
}

#[test]
fn corruptions_of_game_trees_are_found() {
    use DefectKind::*;
    let text = "<problem> . . o o / x x o x / x o x o / x o x o </problem>
<think>
#1 drop 2 -> . x o o / x x o x / x o x o / x o x o
<value> #1 0.50
#2 drop 1 -> x . o o / x x o x / x o x o / x o x o
<verify> x wins,x yes
<value> #2 1.00
<value> #2 1.00
<enter> #1 . x o o / x x o x / x o x o / x o x o
#3 drop 1 -> o x o o / x x o x / x o x o / x o x o
<verify> draw,x no
<value> #3 0.50
<visits> #1 2 0.50
<visits> #2 2 1.00
<choose> #2 x . o o / x x o x / x o x o / x o x o
</think>
<answer> drop 1 </answer>";
    check_table(
        "think",
        text,
        &[
            ("<problem> . . o o", "<problem> . . . o", WrongProblem),
            ("#1 drop 2", "#1 drop 3", Illegal),
            ("#1 drop 2", "#1 drop 9", Unavailable),
            ("drop 2 -> . x o o", "drop 2 -> . . o o", WrongSuccessor),
            ("drop 2 -> . x o o", "drop 2 -> . o o o", WrongSuccessor),
            ("<verify> x wins,x yes", "<verify> x wins,x no", WrongVerdict),
            ("<verify> x wins,x yes", "<verify> o wins,x yes", WrongVerdict),
            ("<verify> x wins,x yes\n", "", WrongOrder),
            ("<verify> draw,x no", "<verify> draw,x yes", WrongVerdict),
            ("<verify> draw,x no", "<goal> draw,x yes", WrongOrder),
            ("<value> #3 0.50", "<value> #3 0.00", WrongVerdict),
            ("<value> #1 0.50", "<value> #7 0.50", UnknownNode),
            ("<value> #1 0.50", "<value> #1 1.50", Syntax),
            ("<value> #1 0.50", "<value> #1 0.80", WrongCost),
            ("<visits> #1 2 0.50", "<visits> #1 3 0.50", WrongCost),
            ("<visits> #2 2 1.00", "<visits> #2 2 0.99", WrongCost),
            ("<visits> #2 2 1.00", "<visits> #9 2 1.00", UnknownNode),
            ("<choose> #2 x . o o", "<choose> #2 . x o o", WrongState),
            ("<choose> #2 x . o o", "<choose> #1 . x o o", WrongAnswer),
            ("<choose> #2 x", "<choose> #8 x", UnknownNode),
            ("<answer> drop 1 ", "<answer> drop 2 ", WrongAnswer),
            ("<answer> drop 1 ", "<answer> drop 2; drop 1 ", WrongAnswer),
            ("<answer> drop 1 </answer>", "<answer>none</answer>", WrongAnswer),
            ("<enter> #1", "<backtrack> #1", WrongOrder),
        ],
    );
    let prose = "Problem: . . o o / x x o x / x o x o / x o x o
Let me think this through step by step.
Idea 1: drop 1 would give me x . o o / x x o x / x o x o / x o x o.
Let me check: x wins,x is won.
I choose idea 1, which leads to x . o o / x x o x / x o x o / x o x o.
That settles it.
The answer is: drop 1.";
    check_table(
        "prose",
        prose,
        &[
            ("x wins,x is won", "x wins,x is a dead end", WrongVerdict),
            ("Let me check: x wins,x is won.\n", "", WrongOrder),
            ("I choose idea 1", "I choose idea 2", UnknownNode),
        ],
    );
}

#[test]
fn corruptions_of_lines_of_play_are_found() {
    use DefectKind::*;
    let cot = "Problem: . . o o / x x o x / x o x o / x o x o
Step 1: drop 1 gives x . o o / x x o x / x o x o / x o x o
Answer: drop 1";
    check_table(
        "cot",
        cot,
        &[
            ("gives x . o o", "gives . x o o", WrongSuccessor),
            ("Step 1: drop 1 gives x . o o", "Step 1: drop 2 gives . x o o", WrongAnswer),
            ("Answer: drop 1", "Answer: drop 2", WrongAnswer),
        ],
    );
    let answer = "Problem: . . o o / x x o x / x o x o / x o x o\nAnswer: drop 1";
    check_table("answer", answer, &[("Answer: drop 1", "Answer: drop 2", WrongAnswer), ("Answer: drop 1", "Answer: ", WrongAnswer)]);
}
